from __future__ import annotations

import gzip
import random
import socket
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest

from dativo.errors import (
    ConfigurationError,
    ConnectTimeoutError,
    DativoError,
    InsufficientPermissionsError,
    InvalidCredentialsError,
    NetworkError,
    RateLimitError,
    ResourceUnavailableError,
    RunInterruptedError,
    ServiceUnavailableError,
)
from dativo_connector_stripe._client import Account, Client, open_client
from dativo_connector_stripe._config import StripeConfig
from dativo_connector_stripe._transport import MAX_BODY_BYTES
from dativo_test_support.context import FakeContext
from dativo_test_support.raw_http import Stub, answer, drip, raw

BODY = b'{"data": []}'

ClientOf = Callable[..., Client]


def failure(client: Client, context: FakeContext, path: str = "/v1/charges") -> DativoError:
    with pytest.raises(DativoError) as caught:
        client.get(context, path)
    return caught.value


def header(request: bytes, name: str) -> str | None:
    for line in request.decode("latin-1").splitlines():
        key, _, value = line.partition(": ")
        if key.lower() == name:
            return value
    return None


def test_answer_has_body_clock_and_request_id(client_of: ClientOf, context: FakeContext) -> None:
    headers = ("Date: Mon, 23 Nov 2026 12:00:00 GMT", "Request-Id: req_7")
    with Stub(answer(BODY, headers=headers)) as stub:
        found = client_of(stub.url).get(context, "/v1/charges")

    assert (found.body, found.now, found.request_id) == (BODY, 1_795_435_200, "req_7")
    assert BODY.decode() not in repr(found)


@pytest.mark.parametrize("date", [(), ("Date: nonsense",)])
def test_clock_is_ours_if_the_answer_has_none(
    client_of: ClientOf, context: FakeContext, date: tuple[str, ...]
) -> None:
    with Stub(answer(BODY, headers=date)) as stub:
        found = client_of(stub.url).get(context, "/v1/charges")

    assert found.now == pytest.approx(time.time(), abs=30)
    assert found.request_id == ""


def test_clock_is_that_of_the_account_and_goes_on(
    client_of: ClientOf, context: FakeContext
) -> None:
    said = answer(b'{"id": "acct_1"}', headers=("Date: Mon, 23 Nov 2026 12:00:00 GMT",))
    with Stub(said) as stub:
        client = client_of(stub.url)
        moments = [client.now(context) for _ in range(3)]

    assert all(0 <= moment - 1_795_435_200 < 30 for moment in moments)
    assert len(stub.requests) == 1


def test_one_server_whose_clock_is_ahead_does_not_count(
    client_of: ClientOf, context: FakeContext
) -> None:
    said = answer(b'{"id": "acct_1"}', headers=("Date: Mon, 23 Nov 2026 12:00:00 GMT",))
    ahead = answer(BODY, headers=("Date: Mon, 23 Nov 2026 13:00:00 GMT",))
    with Stub(said, ahead) as stub:
        client = client_of(stub.url)
        client.now(context)
        client.get(context, "/v1/charges")

    assert 0 <= client.now(context) - 1_795_435_200 < 30


def test_request_names_key_version_and_account(
    client_of: ClientOf, context: FakeContext, key: str
) -> None:
    with Stub(answer(BODY)) as stub:
        client = client_of(stub.url + "/", account="acct_9")
        client.get(context, "/v1/a", [("created[gte]", "5"), ("types[]", "a.*"), ("types[]", "b")])

    (request,) = stub.requests
    assert request.startswith(b"GET /v1/a?created%5Bgte%5D=5&types%5B%5D=a.%2A&types%5B%5D=b HTTP")
    assert header(request, "authorization") == f"Bearer {key}"
    assert header(request, "stripe-version") == "2026-10-28.endive"
    assert header(request, "stripe-account") == "acct_9"
    assert header(request, "accept-encoding") == "gzip"


def test_path_is_sent_as_it_is_written(client_of: ClientOf, context: FakeContext) -> None:
    with Stub(answer(BODY)) as stub:
        client_of(stub.url).get(context, "/v1/plans/a%20b%2Fc%3Fd")

    assert stub.requests[0].startswith(b"GET /v1/plans/a%20b%2Fc%3Fd HTTP")


def test_connection_is_kept(client_of: ClientOf, context: FakeContext) -> None:
    with Stub(answer(BODY)) as stub:
        client = client_of(stub.url)
        for _ in range(20):
            client.get(context, "/v1/charges")

    assert stub.connections == 1
    assert client.latency_seconds > 0
    assert context.opened == ["stripe"]


def test_connection_that_the_server_closed_is_replaced(
    client_of: ClientOf, context: FakeContext
) -> None:
    with Stub(answer(BODY)) as stub:
        client = client_of(stub.url)
        for _ in range(5):
            client.get(context, "/v1/charges")
            stub.hang_up()
            time.sleep(0.05)

    assert len(stub.requests) == stub.connections == 5


def test_packed_body_is_unpacked(client_of: ClientOf, context: FakeContext) -> None:
    body = b'"%s"' % random.Random(1).randbytes(150_000).hex().encode()
    packed = gzip.compress(body[:1000]) + gzip.compress(body[1000:])
    with Stub(answer(packed, headers=("Content-Encoding: gzip",))) as stub:
        assert client_of(stub.url).get(context, "/v1/charges").body == body


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(b"not gzip", headers=("Content-Encoding: gzip",)), "damaged"),
        (answer(gzip.compress(BODY)[:-4], headers=("Content-Encoding: gzip",)), "cut off"),
        (answer(gzip.compress(BODY)[:-1] + b"x", headers=("Content-Encoding: gzip",)), "damaged"),
        (answer(BODY, headers=("Content-Encoding: br",)), "packed as 'br'"),
    ],
)
def test_damaged_packing_is_tried_again(
    client_of: ClientOf, context: FakeContext, said: Any, words: str
) -> None:
    with Stub(said) as stub:
        error = failure(client_of(stub.url), context)

    assert isinstance(error, ServiceUnavailableError)
    assert error.retryable
    assert words in error.message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: nope\r\n\r\n{}",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
    ],
)
def test_answer_that_breaks_off_is_tried_again(
    client_of: ClientOf, context: FakeContext, data: bytes
) -> None:
    with Stub(raw(data, close=True)) as stub:
        error = failure(client_of(stub.url), context)

    assert isinstance(error, NetworkError)
    assert error.retryable


@pytest.mark.parametrize(
    "body", [b"", b"<html>Please wait.</html>", b'{"data": [', b"{} {}", b"[" * 9999]
)
def test_answer_that_is_no_json_is_tried_again_by_itself(
    client_of: ClientOf, context: FakeContext, body: bytes
) -> None:
    with Stub(answer(body, headers=("Request-Id: req_7",))) as stub:
        error = failure(client_of(stub.url), context)

    assert isinstance(error, ServiceUnavailableError)
    assert error.retryable
    assert "/v1/charges answered with something that is no JSON" in error.message
    assert error.details["request_id"] == "req_7"
    assert error.details["size_bytes"] == len(body)
    assert len(stub.requests) == 1


def test_reset_in_the_body_is_tried_again(client_of: ClientOf, context: FakeContext) -> None:
    def reset(peer: socket.socket, _request: bytes) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.05)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()

    with Stub(reset) as stub:
        error = failure(client_of(stub.url), context)

    assert isinstance(error, NetworkError)
    assert "reset" in error.message


def test_answer_that_came_before_the_end_of_the_connection_counts(
    client_of: ClientOf, context: FakeContext
) -> None:
    data = b"HTTP/1.1 200 OK\r\n\r\n" + BODY
    with Stub(raw(data, close=True)) as stub:
        assert client_of(stub.url).get(context, "/v1/charges").body == BODY


def test_length_that_is_too_short_never_gives_the_rest_to_the_next_request(
    client_of: ClientOf, context: FakeContext
) -> None:
    cut = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" + BODY)
    with Stub(cut, answer(BODY)) as stub:
        client = client_of(stub.url)
        assert client.get(context, "/v1/charges").body == b"{}"

        error = failure(client, context)

        assert isinstance(error, NetworkError)
        assert error.retryable
        assert client.get(context, "/v1/charges").body == BODY


@pytest.mark.parametrize(
    "said",
    [
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000),
        drip(b"x" * 1000, before=b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        drip(b"x" * 1000, before=b"HTTP/1.1 100 Continue\r\n\r\n" * 10),
        drip(b"x", seconds=30),
    ],
    ids=["headers", "body", "informational", "silence"],
)
def test_request_has_one_deadline_as_a_whole(
    client_of: ClientOf, context: FakeContext, said: Any
) -> None:
    with Stub(said) as stub:
        began = time.monotonic()
        error = failure(client_of(stub.url, timeout_seconds=0.6), context)
        took = time.monotonic() - began

    assert isinstance(error, ConnectTimeoutError)
    assert error.retryable
    assert "in full within 0.6 s" in error.message
    assert took >= 0.6


def test_refusal_whose_body_drips_is_still_the_refusal(
    client_of: ClientOf, context: FakeContext
) -> None:
    start = b"HTTP/1.1 401 No\r\nContent-Length: 1000\r\n\r\n"
    with Stub(drip(b"x" * 1000, before=start)) as stub:
        error = failure(client_of(stub.url, timeout_seconds=0.3), context)

    assert isinstance(error, InvalidCredentialsError)


def test_body_is_not_read_beyond_its_limit(client_of: ClientOf, context: FakeContext) -> None:
    bomb = gzip.compress(bytes(MAX_BODY_BYTES + 1))
    said = answer(bomb, headers=("Content-Encoding: gzip", "Request-Id: req_big"))
    with Stub(said) as stub:
        error = failure(client_of(stub.url, timeout_seconds=60), context)

    assert isinstance(error, ResourceUnavailableError)
    assert not error.retryable
    assert error.details["request_id"] == "req_big"


def test_body_of_a_refusal_has_a_limit_of_its_own(
    client_of: ClientOf, context: FakeContext
) -> None:
    with Stub(answer(b"x" * 5_000_000, status=500)) as stub:
        error = failure(client_of(stub.url), context)

    assert isinstance(error, ServiceUnavailableError)
    assert "HTTP status 500" in error.message


def test_redirect_is_not_followed(client_of: ClientOf, context: FakeContext) -> None:
    with (
        Stub(answer(BODY)) as other,
        Stub(answer(status=307, headers=(f"Location: {other.url}/v1/x",))) as stub,
    ):
        error = failure(client_of(stub.url), context)

    assert type(error) is ConfigurationError
    assert "redirect to 127.0.0.1, which is not followed" in error.message
    assert (len(stub.requests), other.requests) == (1, [])


def test_nothing_listens(client_of: ClientOf, context: FakeContext) -> None:
    with Stub(answer()) as stub:
        url = stub.url

    error = failure(client_of(url), context)

    assert isinstance(error, NetworkError)
    assert error.retryable
    assert "refused" in error.message


def test_host_that_does_not_resolve(client_of: ClientOf, context: FakeContext) -> None:
    error = failure(client_of("https://no-such-host.invalid"), context)

    assert isinstance(error, NetworkError)
    assert error.retryable
    assert "no-such-host.invalid" in error.message


@pytest.mark.parametrize("host", ["xn--a", "999.999.999.999", "[v1.a]", "\u200b.x"])
def test_address_that_is_none(client_of: ClientOf, host: str) -> None:
    with pytest.raises(ConfigurationError, match="api_base is no address"):
        client_of(f"https://{host}")


def test_connection_that_is_not_made_in_time(
    client_of: ClientOf, context: FakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket.socket, "connect", never)
    client = client_of("http://127.0.0.1:9", connect_timeout_seconds=0.5)

    error = failure(client, context)

    assert isinstance(error, ConnectTimeoutError)
    assert "within 0.5 s" in error.message


def test_key_never_shows(
    client_of: ClientOf, context: FakeContext, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    def echo(peer: socket.socket, request: bytes) -> bool | None:
        body = b'{"error": {"message": "you sent %b", "param": "%b"}}' % (
            key.encode(),
            header(request, "authorization").encode(),  # type: ignore[union-attr]
        )
        return answer(body, status=400, headers=(f"Request-Id: {key}",))(peer, request)

    caplog.set_level("DEBUG")
    with Stub(echo) as stub:
        client = client_of(stub.url)
        error = failure(client, context)

    shown = f"{error!r} {error.to_dict()} {client!r} {client.__dict__!r} {caplog.text}"
    assert key not in shown.replace(f"b'{key}'", "")


def test_pause_holds_everybody_back(client_of: ClientOf, context: FakeContext) -> None:
    refused = answer(b"{}", status=429, headers=("Retry-After: 1",))
    with Stub(refused, answer(BODY)) as stub:
        client = client_of(stub.url)
        error = failure(client, context)
        came = time.monotonic()
        threads = [
            threading.Thread(target=client.get, args=(context, f"/v1/{stream}"))
            for stream in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert isinstance(error, RateLimitError)
    assert error.retry_after == 1
    assert len(stub.times) == 9
    # The client's clock starts when the answer arrives, which is after the server's.
    assert min(stub.times[1:]) >= stub.times[0] + 1
    assert came < stub.times[0] + 1


def test_pause_begins_before_the_body_of_the_refusal(
    client_of: ClientOf, context: FakeContext
) -> None:
    start = b"HTTP/1.1 429 No\r\nRetry-After: 2\r\nContent-Length: 10\r\n\r\n"
    with Stub(drip(b"{}        ", before=start), answer(BODY)) as stub:
        client = client_of(stub.url)
        refused = threading.Thread(target=failure, args=(client, context))
        refused.start()
        while not stub.requests:
            time.sleep(0.01)
        time.sleep(0.2)

        client.get(context, "/v1/other")
        refused.join()

    assert stub.times[1] >= stub.times[0] + 2


def test_pause_holds_back_who_is_still_connecting(
    client_of: ClientOf, context: FakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late_refusal(peer: socket.socket, request: bytes) -> bool | None:
        connecting.wait(10)
        return answer(b"{}", status=429, headers=("Retry-After: 1",))(peer, request)

    def slow_connect(one: socket.socket, address: Any) -> None:
        if stub.requests:
            connecting.set()
            refused.join(10)
        connect(one, address)

    connecting, connect = threading.Event(), socket.socket.connect
    with Stub(late_refusal, answer(BODY)) as stub:
        client = client_of(stub.url, timeout_seconds=0.9)
        refused = threading.Thread(target=failure, args=(client, context))
        monkeypatch.setattr(socket.socket, "connect", slow_connect)
        refused.start()
        while not stub.requests:
            time.sleep(0.01)

        client.get(context, "/v1/other")

    assert stub.times[1] >= stub.times[0] + 1


def test_absurd_pause_fails_everybody(client_of: ClientOf, context: FakeContext) -> None:
    refused = answer(b"{}", status=429, headers=("Retry-After: 86400",))
    with Stub(refused, answer(BODY)) as stub:
        client = client_of(stub.url)
        first, second = failure(client, context), failure(client, context)

    assert len(stub.requests) == 1
    for error in (first, second):
        assert isinstance(error, RateLimitError)
        assert not error.retryable
        assert "24.0 hours" in error.fix


def test_pause_beyond_the_end_of_the_run_fails_everybody(
    config_of: Callable[..., StripeConfig],
) -> None:
    refused = answer(b"{}", status=429, headers=("Retry-After: 600",))
    with (
        FakeContext(deadline=time.monotonic() + 300) as context,
        Stub(refused, answer(BODY)) as stub,
    ):
        client = open_client(config_of(stub.url), context)
        first, second = failure(client, context), failure(client, context)

    assert len(stub.requests) == 1
    assert isinstance(first, RateLimitError)
    assert isinstance(second, RateLimitError)
    assert second.retry_after == pytest.approx(600, abs=30)


@pytest.mark.parametrize(
    ("reason", "rates"),
    [
        ((), (40, 10)),
        (("Stripe-Rate-Limited-Reason: global-rate",), (40, 20)),
        (("Stripe-Rate-Limited-Reason: endpoint-concurrency",), (80, 10)),
        (("Stripe-Rate-Limited-Reason: resource-specific",), (80, 10)),
    ],
)
def test_rate_that_was_too_high_is_halved(
    client_of: ClientOf,
    context: FakeContext,
    reason: tuple[str, ...],
    rates: tuple[float, float],
) -> None:
    with Stub(answer(b"{}", status=429, headers=reason)) as stub:
        client = client_of(stub.url, requests_per_second=80, endpoint_requests_per_second=20)
        failure(client, context)

    now = (client._limiter.rate, client.rate("/v1/charges"))
    assert now == pytest.approx(rates, rel=0.05)
    assert client.rate("/v1/other") == 20


def test_lock_that_timed_out_slows_nothing_down(client_of: ClientOf, context: FakeContext) -> None:
    body = b'{"error": {"code": "lock_timeout", "message": "locked"}}'
    with Stub(answer(body, status=429)) as stub:
        client = client_of(stub.url, requests_per_second=80)
        failure(client, context)

    assert client.rate("/v1/charges") == 80


def test_endpoints_are_counted_by_their_own_name(client_of: ClientOf, context: FakeContext) -> None:
    with Stub(answer(b"{}", status=429)) as stub:
        client = client_of(stub.url, endpoint_requests_per_second=20)
        with pytest.raises(RateLimitError):
            client.get(context, "/v1/customers/cus_1", endpoint="/v1/customers/{}")

    assert client.rate("/v1/customers/{}") < 20
    assert client.rate("/v1/customers/cus_1") == 20


def test_many_threads_use_one_client(client_of: ClientOf, context: FakeContext) -> None:
    def echo(peer: socket.socket, request: bytes) -> bool | None:
        return answer(b'"%s"' % request.split(b" ")[1])(peer, request)

    wrong: list[str] = []

    def work(name: int) -> None:
        for ordinal in range(25):
            path = f"/v1/{name}/{ordinal}"
            if client.get(context, path, endpoint="/v1").body != f'"{path}"'.encode():
                wrong.append(path)

    with Stub(echo) as stub:
        client = client_of(stub.url, concurrency=6, timeout_seconds=60)
        threads = [threading.Thread(target=work, args=(name,)) for name in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert wrong == []
    assert len(stub.requests) == 400
    assert stub.connections <= 6


@contextmanager
def _asking(client: Client, context: FakeContext, count: int) -> Any:
    ends: list[DativoError] = []

    def ask() -> None:
        try:
            client.get(context, "/v1/charges")
        except DativoError as error:
            ends.append(error)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    yield ends
    for thread in threads:
        thread.join(20)


@pytest.mark.parametrize("said", [drip(b"x", seconds=60), raw(b"HTTP/1.1 200 OK\r\n")])
def test_cancelling_ends_requests_under_way(
    client_of: ClientOf, context: FakeContext, said: Any
) -> None:
    with Stub(said) as stub:
        client = client_of(stub.url, concurrency=4, timeout_seconds=3600)
        with _asking(client, context, 8) as ends:
            while len(stub.requests) < 4:
                time.sleep(0.01)
            context.cancel()

    assert len(stub.requests) == 4
    assert [type(end) for end in ends] == [RunInterruptedError] * 8
    assert isinstance(failure(client, context), RunInterruptedError)


def test_cancelling_ends_waits_for_the_rate(client_of: ClientOf, context: FakeContext) -> None:
    refused = answer(b"{}", status=429, headers=("Retry-After: 3000",))
    with Stub(refused, answer(BODY)) as stub:
        client = client_of(stub.url)
        failure(client, context)
        with _asking(client, context, 8) as ends:
            time.sleep(0.2)
            context.cancel()

    assert len(stub.requests) == 1
    assert [type(end) for end in ends] == [RunInterruptedError] * 8


def test_account_is_asked_for_once(client_of: ClientOf, context: FakeContext) -> None:
    with Stub(answer(b'{"id": "acct_1"}')) as stub:
        client = client_of(stub.url)
        found = [client.account(context) for _ in range(3)]

    assert set(found) == {Account("acct_1", livemode=False)}
    assert len(stub.requests) == 1


def test_key_that_may_not_see_the_account_gives_only_its_mode(
    client_of: ClientOf, context: FakeContext
) -> None:
    with Stub(answer(b"{}", status=403)) as stub:
        client = client_of(stub.url, api_key="rk_live_abc")

        assert client.account(context) == Account("", livemode=True)


def test_account_that_the_key_does_not_reach_is_an_error(
    client_of: ClientOf, context: FakeContext
) -> None:
    body = b'{"error": {"code": "account_invalid", "message": "no access"}}'
    with Stub(answer(body, status=403)) as stub, pytest.raises(InsufficientPermissionsError):
        client_of(stub.url, account="acct_2").account(context)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"7", b"<html>"])
def test_account_that_is_none_is_tried_again(
    client_of: ClientOf, context: FakeContext, body: bytes
) -> None:
    with Stub(answer(body)) as stub, pytest.raises(ServiceUnavailableError, match="/v1/account"):
        client_of(stub.url).account(context)
