from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from dativo.contract import ReadMode, Stream, StreamStatus
from dativo.errors import InsufficientPermissionsError, InvalidCredentialsError, NetworkError
from dativo_connector_stripe import discover
from dativo_connector_stripe._streams import streams
from dativo_test_support.context import FakeContext
from dativo_test_support.raw_http import Stub, answer, raw
from dativo_test_support.stripe import FakeStripe


@pytest.fixture
def fake() -> Iterator[FakeStripe]:
    with FakeStripe() as fake:
        yield fake


def found(config: Any, **settings: Any) -> dict[str, Stream]:
    with FakeContext(**settings) as context:
        return {stream.name: stream for stream in discover(config, context)}


def test_all_of_the_table_is_found(fake: FakeStripe, config_of: Any) -> None:
    offered = found(config_of(fake.url, api_key=fake.key))

    assert list(offered) == list(streams())
    assert {stream.status for stream in offered.values()} == {StreamStatus.READABLE}
    charges = offered["charges"]
    assert charges.primary_key == ("id",)
    assert charges.cursors == ("created",)
    assert charges.read_modes == (ReadMode.FULL, ReadMode.INCREMENTAL)
    assert charges.description
    schema = pa.schema(charges.schema)
    assert schema.field("amount").type == pa.int64()
    assert schema.names[-1] == "_unknown"


def test_only_what_matches_is_asked_for(fake: FakeStripe, config_of: Any) -> None:
    offered = found(config_of(fake.url, api_key=fake.key), patterns=("char*", "refunds"))

    assert list(offered) == ["charges", "refunds"]
    assert {seen.path for seen in fake.requests} == {"/v1/account", "/v1/charges", "/v1/refunds"}


def test_no_more_than_wanted_is_asked_for(fake: FakeStripe, config_of: Any) -> None:
    assert len(found(config_of(fake.url, api_key=fake.key), limit=2)) == 2
    assert len(fake.requests) == 3


def test_what_the_key_may_not_read_is_unreadable(fake: FakeStripe, config_of: Any) -> None:
    key = fake.restricted_key("charge")

    offered = found(config_of(fake.url, api_key=key), patterns=("charges", "disputes"))

    assert offered["charges"].status is StreamStatus.READABLE
    assert offered["disputes"].status is StreamStatus.UNREADABLE
    problem = offered["disputes"].problem
    assert isinstance(problem, InsufficientPermissionsError)
    assert problem.stream == "disputes"
    assert "rak_" in problem.fix


def test_without_windows_nothing_is_incremental(fake: FakeStripe, config_of: Any) -> None:
    offered = found(config_of(fake.url, api_key=fake.key, windows=False), patterns=("charges",))

    assert offered["charges"].read_modes == (ReadMode.FULL,)


def test_key_that_is_refused_is_refused_once(fake: FakeStripe, config_of: Any) -> None:
    with pytest.raises(InvalidCredentialsError):
        found(config_of(fake.url, api_key="sk_test_wrong"))

    assert len(fake.requests) == 1


def test_failure_of_the_connection_is_no_property_of_a_stream(config_of: Any) -> None:
    with (
        Stub(answer(b'{"id": "acct_1"}'), raw(b"", close=True)) as stub,
        pytest.raises(NetworkError),
    ):
        found(config_of(stub.url), patterns=("charges",))
