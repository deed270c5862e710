from __future__ import annotations

import gzip
import json
import logging
import socket
import threading
import time
from email.utils import formatdate
from functools import partial
from typing import Any

import pytest
from bench import Bench, config_of, read, stream
from dativo_connector_restjson._auth_config import ApiKey, Auth, Basic, ClientCredentials, KeyPlace
from dativo_connector_restjson._limiter import Limiter
from fake_api import (
    CLIENT_SECRET,
    PASSWORD,
    TOKEN,
    Answer,
    FakeApi,
    failure,
    ok,
    wait_until,
    zipped,
)

from dativo.contract import Secret, Url
from dativo.errors import (
    ConfigurationError,
    ConnectTimeoutError,
    DativoError,
    InsufficientPermissionsError,
    InvalidCredentialsError,
    NetworkError,
    RateLimitError,
    ResourceNotFoundError,
    ResourceUnavailableError,
    RunInterruptedError,
    ServiceUnavailableError,
)

AUTHS = {
    "bearer": Auth(bearer=Secret(TOKEN)),
    "basic": Auth(basic=Basic(user="me", password=Secret(PASSWORD))),
    "header": Auth(api_key=ApiKey(value=Secret(TOKEN))),
    "query": Auth(api_key=ApiKey(value=Secret(TOKEN), name="api_key", place=KeyPlace.QUERY)),
}


def one(path: str = "/link/things", **about: Any) -> dict[str, Any]:
    return {"things": stream(path, **about)}


@pytest.mark.parametrize("auth", AUTHS)
def test_each_way_to_say_who_asks(api: FakeApi, auth: str) -> None:
    from dativo_connector_restjson._paging_config import LinkHeader

    api.add("things", *({"id": number} for number in range(7)))
    streams = one(paging={"link_header": LinkHeader()})

    assert read(config_of(api, streams, auth=AUTHS[auth])).column("id") == list(range(7))


@pytest.mark.parametrize("in_body", [False, True])
def test_a_token_is_fetched_once_and_anew_when_it_is_refused(api: FakeApi, in_body: bool) -> None:
    api.add("things", {"id": 1})
    auth = Auth(
        oauth2=ClientCredentials(
            token_url=Url(f"{api.url}/token"),
            client_id="client",
            client_secret=Secret(CLIENT_SECRET),
            scope="read",
            audience="all",
            in_body=in_body,
        )
    )
    if in_body:
        api.answers["/token"] = lambda _: ok({"access_token": api.token})
    config = config_of(api, one(), auth=auth)
    bench = Bench()
    with bench.stack:
        from dativo_connector_restjson._extract import listing_of

        listing = listing_of(config, "things", bench)  # type: ignore[arg-type]
        listing.first()
        listing.first()
        api.token = "another"
        listing.first()

    asked = [path for path, _, _ in api.requests]
    assert asked.count("/token") == 2
    assert asked.count("/link/things") == 4


def test_a_refused_client_is_bad_credentials(api: FakeApi) -> None:
    secret = Secret("wrong-client-secret")
    client = ClientCredentials(
        token_url=Url(f"{api.url}/token"), client_id="client", client_secret=secret
    )
    with pytest.raises(InvalidCredentialsError, match="invalid_client"):
        read(config_of(api, one(), auth=Auth(oauth2=client)))

    api.answers["/token"] = lambda _: ok({"no": "token"})
    with pytest.raises(InvalidCredentialsError, match="no token"):
        read(config_of(api, one(), auth=Auth(oauth2=client)))


STATUSES: list[tuple[int, type[DativoError], bool]] = [
    (400, ConfigurationError, False),
    (401, InvalidCredentialsError, False),
    (403, InsufficientPermissionsError, False),
    (404, ResourceNotFoundError, False),
    (408, ServiceUnavailableError, True),
    (422, ConfigurationError, False),
    (429, RateLimitError, True),
    (500, ServiceUnavailableError, True),
    (501, ServiceUnavailableError, False),
    (503, ServiceUnavailableError, True),
]


@pytest.mark.parametrize(("status", "member", "retryable"), STATUSES)
def test_each_status_is_an_error_with_what_the_server_says(
    api: FakeApi, status: int, member: type[DativoError], retryable: bool
) -> None:
    api.answers["/x"] = lambda _: failure(status, f"no: {TOKEN} is odd")

    with pytest.raises(member) as caught:
        read(config_of(api, one("/x")))

    error = caught.value
    assert type(error) is member
    assert error.retryable is retryable
    assert error.message == f"127.0.0.1/x answered {status}: no: **** is odd"
    assert error.details == {"status": status, "path": "/x", "request_id": "req-1"}
    assert error.stream == "things"
    assert len(api.requests) == (4 if retryable else 1)


def test_the_server_says_how_long_to_wait(api: FakeApi) -> None:
    bench = Bench()
    date = formatdate(time.time() + 120, usegmt=True)

    def answer(asked: int) -> Any:
        after = {1: "0", 2: date, 3: "soon"}.get(asked)
        return ok([]) if after is None else failure(429, "slow", Retry_After=after)

    api.answers["/x"] = answer
    config = config_of(api, one("/x"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Limiter, "hold", lambda *_: None)
        read(config, bench=bench)

    assert bench.waits[0] == 0
    assert 100 < (bench.waits[1] or 0) <= 120
    assert bench.waits[2] is None


def test_a_passing_failure_is_retried(api: FakeApi) -> None:
    api.answers["/x"] = lambda asked: failure(502, "") if asked < 3 else ok([{"id": 1}])

    assert read(config_of(api, one("/x"))).column("id") == [1]


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b'[{"id": 1}', b'["\xff"]', b"[NaN]", b"[" * 100_000]
)
def test_an_answer_that_is_no_json_is_a_failure_of_the_server(api: FakeApi, body: bytes) -> None:
    api.answers["/x"] = lambda _: (200, {}, body)

    with pytest.raises(ServiceUnavailableError, match="no JSON"):
        read(config_of(api, one("/x")))


def test_redirects_are_followed_on_the_same_host_only(api: FakeApi) -> None:
    api.answers["/old"] = lambda _: (302, {"Location": "/new"}, b"")
    api.answers["/new"] = lambda _: ok([{"id": 1}])
    assert read(config_of(api, one("/old"))).column("id") == [1]

    with FakeApi() as other:
        api.answers["/old"] = lambda _: (307, {"Location": f"{other.url}/new"}, b"")
        with pytest.raises(ConfigurationError, match="keys are for"):
            read(config_of(api, one("/old")))
        assert other.requests == []

    api.answers["/old"] = lambda _: (302, {"Location": "/old"}, b"")
    with pytest.raises(ConfigurationError, match="circle"):
        read(config_of(api, one("/old")))


@pytest.mark.parametrize("is_zipped", [False, True])
def test_an_answer_that_is_too_large_is_not_taken(api: FakeApi, is_zipped: bool) -> None:
    large: Answer = 200, {}, json.dumps(["x" * 1000] * 2000).encode()
    api.answers["/x"] = lambda _: zipped(large) if is_zipped else large

    with pytest.raises(ResourceUnavailableError, match="larger than 1 MiB") as caught:
        read(config_of(api, one("/x"), max_response_mib=1))
    assert not caught.value.retryable


def test_packed_answers_are_unpacked_and_damaged_ones_are_failures(api: FakeApi) -> None:
    api.answers["/x"] = lambda _: zipped(ok([{"id": 1}]))
    assert read(config_of(api, one("/x"))).column("id") == [1]

    packed = gzip.compress(b"[]" * 1000)
    for damaged in (b"[" + packed, packed[:-20], packed[:12] + b"\xff" * 9):
        answer: Answer = 200, {"Content-Encoding": "gzip"}, damaged
        api.answers["/x"] = partial(_same, answer)
        with pytest.raises(ServiceUnavailableError, match=r"damaged|no JSON"):
            read(config_of(api, one("/x")))


def test_a_server_that_does_not_answer_is_given_up(api: FakeApi) -> None:
    with pytest.raises(ConnectTimeoutError, match="in its time"):
        read(config_of(api, one("/hang"), timeout_seconds=0.2))


def test_a_request_ends_with_its_call(api: FakeApi) -> None:
    bench = Bench()
    bench.deadline = time.monotonic() + 0.2

    with pytest.raises(ConnectTimeoutError, match="in its time"):
        read(config_of(api, one("/hang")), bench=bench)


def test_a_server_that_drips_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def drip() -> None:
            while not ended.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                    try:
                        while not ended.wait(0.02):
                            connection.sendall(b" ")
                    except OSError:
                        continue

        thread = threading.Thread(target=drip)
        thread.start()
        api = type("Api", (), {"url": f"http://127.0.0.1:{server.getsockname()[1]}"})
        with pytest.raises(ConnectTimeoutError):
            read(config_of(api, one("/x"), timeout_seconds=0.2))  # type: ignore[arg-type]
        ended.set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_host_that_is_not_there_cannot_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    api = type("Api", (), {"url": f"http://127.0.0.1:{port}"})

    with pytest.raises(NetworkError, match="cannot be reached"):
        read(config_of(api, one("/x")))  # type: ignore[arg-type]


def test_cancelling_ends_a_wait_for_an_answer(api: FakeApi) -> None:
    bench = Bench()
    caught: list[BaseException] = []

    def work() -> None:
        try:
            read(config_of(api, one("/hang")), bench=bench)
        except DativoError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: bool(api.requests))
    bench.cancel()
    thread.join(10)

    assert isinstance(caught[0], RunInterruptedError)


def test_requests_are_paced() -> None:
    now = [0.0]
    limiter = Limiter(4, wait=lambda seconds: now.append(now[-1] + seconds), clock=lambda: now[-1])

    for _ in range(5):
        limiter.take()
    assert now[-1] == 1.0
    limiter.hold(10)
    limiter.take()
    assert now[-1] == 11.0


def test_no_log_shows_a_secret(api: FakeApi, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    api.add("things", {"id": 1})

    for auth in AUTHS.values():
        read(config_of(api, one(), auth=auth))

    assert "GET" in caplog.text
    assert TOKEN not in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://api.example.com", "https://u:p@x", "https://x?y=1", "https://x:0"]
)
def test_addresses_that_would_show_a_key_are_refused(url: str) -> None:
    from dativo_connector_restjson import RestConfig

    with pytest.raises(ValueError, match="base_url"):
        RestConfig(base_url=Url(url), streams=one())


def test_keys_do_not_belong_into_headers(api: FakeApi) -> None:
    with pytest.raises(ValueError, match="auth"):
        config_of(api, one(), headers={"authorization": "x"})
    with pytest.raises(ValueError, match="takes one of"):
        Auth()


def _same(answer: Answer, _: int) -> Answer:
    return answer
