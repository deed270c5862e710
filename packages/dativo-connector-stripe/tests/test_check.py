from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from dativo.contract import CheckItem, ConnectionTestResult, ReadMode, StreamRequest, Verdict
from dativo.errors import (
    ConfigurationError,
    DativoError,
    InsufficientPermissionsError,
    InvalidCredentialsError,
    NetworkError,
    ResourceNotFoundError,
    SchemaValidationError,
    ServiceUnavailableError,
    TokenExpiredError,
)
from dativo_connector_stripe import check_connection
from dativo_connector_stripe._config import StripeConfig
from dativo_connector_stripe._streams import streams
from dativo_test_support.context import FakeContext
from dativo_test_support.raw_http import Stub, answer
from dativo_test_support.stripe import FakeStripe


@pytest.fixture
def fake() -> Iterator[FakeStripe]:
    with FakeStripe() as fake:
        yield fake


def full(stream: str, **parts: Any) -> StreamRequest:
    return StreamRequest(stream=stream, **parts)


def incremental(stream: str) -> StreamRequest:
    return StreamRequest(stream=stream, mode=ReadMode.INCREMENTAL)


def check(config: StripeConfig, *streams: StreamRequest) -> dict[str, CheckItem]:
    with FakeContext(streams=streams) as context:
        return {item.scope: item for item in check_connection(config, context).items}


def problem(items: dict[str, CheckItem], scope: str) -> DativoError:
    error = items[scope].error
    assert error is not None
    assert items[scope].verdict is Verdict.FAILED
    assert error.fix
    return error


def test_all_is_well(fake: FakeStripe, config_of: Any) -> None:
    config = config_of(fake.url, api_key=fake.key)

    items = check(config, full("charges"), incremental("customers"), incremental("events"))

    assert list(items) == ["account", "stream charges", "stream customers", "stream events"]
    assert ConnectionTestResult(tuple(items.values())).is_ok
    assert items["account"].message == (
        f"{fake.account_id}, test mode, API version {config.api_version}"
    )
    assert items["stream customers"].message.endswith("; events tell what changes")
    assert items["stream events"].message.endswith("; its objects do not change")


def test_every_stream_of_the_table_can_be_checked(fake: FakeStripe, config_of: Any) -> None:
    invoice = fake.add("invoice")
    fake.add("subscription", customer=invoice["customer"])
    fake.add("customer")

    items = check(config_of(fake.url, api_key=fake.key), *map(incremental, streams()))

    assert {item.verdict for item in items.values()} == {Verdict.OK}
    assert {seen.status for seen in fake.requests} == {200}
    assert all(seen.params.get("limit", "1") == "1" for seen in fake.requests)


@pytest.mark.parametrize(
    ("key", "mode"), [("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "live"), ("other", "test")]
)
def test_mode_is_that_of_the_key(config_of: Any, key: str, mode: str) -> None:
    with Stub(answer(b'{"id": "acct_1"}')) as stub:
        items = check(config_of(stub.url, api_key=key))

    assert f"acct_1, {mode} mode" in items["account"].message


def test_key_that_is_refused_fails_the_account_and_skips_the_rest(
    fake: FakeStripe, config_of: Any
) -> None:
    items = check(config_of(fake.url, api_key="sk_test_wrongwrong"), full("charges"))

    assert isinstance(problem(items, "account"), InvalidCredentialsError)
    assert items["stream charges"].verdict is Verdict.SKIPPED
    assert len(fake.requests) == 1
    assert "wrongwrong" not in f"{items}"


def test_key_that_has_expired(fake: FakeStripe, config_of: Any) -> None:
    fake.expire(fake.key)

    items = check(config_of(fake.url, api_key=fake.key))

    assert isinstance(problem(items, "account"), TokenExpiredError)


def test_server_that_is_not_there(config_of: Any) -> None:
    with Stub() as stub:
        url = stub.url

    items = check(config_of(url), full("charges"))

    assert isinstance(problem(items, "account"), NetworkError)


def test_restricted_key_fails_only_what_it_may_not_read(fake: FakeStripe, config_of: Any) -> None:
    config = config_of(fake.url, api_key=fake.restricted_key("charge", "event"))

    items = check(config, incremental("charges"), incremental("disputes"), full("payouts"))

    assert items["account"].message.startswith("an account that the key may not look at")
    assert items["stream charges"].verdict is Verdict.OK
    for stream in ("disputes", "payouts"):
        error = problem(items, f"stream {stream}")
        assert isinstance(error, InsufficientPermissionsError)
        assert error.stream == stream
        assert error.details["request_id"]
        assert f"permission {error.details['permission']}," in error.fix
    assert ConnectionTestResult(tuple(items.values())).verdict is Verdict.PARTIAL


def test_streams_that_change_need_the_events(fake: FakeStripe, config_of: Any) -> None:
    config = config_of(fake.url, api_key=fake.restricted_key("charge", "customer"))

    items = check(config, incremental("charges"), full("customers"), incremental("customers"))

    for stream in ("charges", "customers"):
        error = problem(items, f"stream {stream}")
        assert isinstance(error, InsufficientPermissionsError)
        assert f"incremental reads of {stream} need the events" in error.message
        assert error.stream == stream
    assert "rak_" in items["stream charges"].fix


def test_full_reads_need_no_events(fake: FakeStripe, config_of: Any) -> None:
    config = config_of(fake.url, api_key=fake.restricted_key("charge"))

    items = check(config, full("charges"))

    assert items["stream charges"].verdict is Verdict.OK
    assert not any(seen.path == "/v1/events" for seen in fake.requests)


def test_children_are_asked_for_below_a_parent(fake: FakeStripe, config_of: Any) -> None:
    customer = fake.add("customer")
    config = config_of(fake.url, api_key=fake.restricted_key("customer"))

    items = check(config, full("payment_methods"))

    assert fake.requests[-1].path == f"/v1/customers/{customer['id']}/payment_methods"
    assert isinstance(problem(items, "stream payment_methods"), InsufficientPermissionsError)


def test_parent_that_was_deleted_meanwhile_is_no_problem(config_of: Any) -> None:
    page = b'{"data": [{"id": "cus_1", "created": 1}], "has_more": false}'
    gone = answer(b'{"error": {"code": "resource_missing"}}', status=404)
    with Stub(answer(b'{"id": "acct_1"}'), answer(page), gone) as stub:
        items = check(config_of(stub.url), full("payment_methods"))

    assert items["stream payment_methods"].verdict is Verdict.OK


def test_what_the_job_names_must_exist(fake: FakeStripe, config_of: Any) -> None:
    config = config_of(fake.url, api_key=fake.key)

    items = check(config, full("chargs"), full("charges", columns=("id", "nope")))

    assert isinstance(problem(items, "stream chargs"), ResourceNotFoundError)
    assert "charges" in items["stream chargs"].fix
    assert isinstance(problem(items, "stream charges"), SchemaValidationError)


def test_increments_need_windows(fake: FakeStripe, config_of: Any) -> None:
    config = config_of(fake.url, api_key=fake.key, windows=False)

    items = check(config, incremental("charges"), full("customers"))

    assert isinstance(problem(items, "stream charges"), ConfigurationError)
    assert items["stream customers"].verdict is Verdict.OK


def test_number_of_columns_is_told(fake: FakeStripe, config_of: Any) -> None:
    items = check(config_of(fake.url, api_key=fake.key), full("charges", columns=("id",)))

    assert items["stream charges"].message == "1 column"


def test_server_that_is_not_stripe(config_of: Any) -> None:
    with Stub(answer(b'{"id": "acct_1"}'), answer(b"<html>hello</html>")) as stub:
        items = check(config_of(stub.url), full("charges"))

    assert isinstance(problem(items, "stream charges"), ServiceUnavailableError)


def test_check_stops_with_the_run(config_of: Any) -> None:
    context = FakeContext(streams=(full("charges"),))

    def stop(_peer: socket.socket, _request: bytes) -> bool:
        context.cancel()
        return True

    with Stub(answer(b'{"id": "acct_1"}'), stop) as stub, context:
        items = check_connection(config_of(stub.url), context).items

    assert [item.verdict for item in items] == [Verdict.OK, Verdict.SKIPPED]
