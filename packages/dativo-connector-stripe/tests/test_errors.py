from __future__ import annotations

import datetime as dt
import json
import socket
import ssl
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from dativo.contract import Secret
from dativo.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectTimeoutError,
    DatabaseLockError,
    DataNotFoundError,
    DativoError,
    InsufficientPermissionsError,
    InvalidCredentialsError,
    NetworkError,
    RateLimitError,
    ResourceNotFoundError,
    ServiceUnavailableError,
    TokenExpiredError,
)
from dativo_connector_stripe._errors import (
    Refusal,
    from_answer,
    from_connect,
    from_tls,
    retry_after_seconds,
    wait_is_too_long,
)

KEY = "rk_live_" + "9aZ+/x" * 5


def error_of(status: int, body: bytes = b"", **headers: str) -> DativoError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    refusal = Refusal(
        status=status, headers=httpx.Headers(named), body=body, place="api.stripe.com/v1/charges"
    )
    return from_answer(refusal, Secret(KEY))


def said(**facts: Any) -> bytes:
    return json.dumps({"error": facts}, indent=2).encode()


@pytest.mark.parametrize(
    ("status", "code", "member", "retryable"),
    [
        (400, "parameter_unknown", ConfigurationError, False),
        (400, "resource_missing", DataNotFoundError, False),
        (401, "", InvalidCredentialsError, False),
        (401, "api_key_expired", TokenExpiredError, False),
        (402, "", ConfigurationError, False),
        (403, "", InsufficientPermissionsError, False),
        (403, "account_invalid", InsufficientPermissionsError, False),
        (404, "", ResourceNotFoundError, False),
        (404, "resource_missing", DataNotFoundError, False),
        (407, "", AuthenticationError, False),
        (408, "", ServiceUnavailableError, True),
        (409, "", DatabaseLockError, True),
        (424, "", ServiceUnavailableError, True),
        (429, "rate_limit", RateLimitError, True),
        (429, "", RateLimitError, True),
        (429, "lock_timeout", DatabaseLockError, True),
        (500, "", ServiceUnavailableError, True),
        (502, "", ServiceUnavailableError, True),
        (503, "", ServiceUnavailableError, True),
        (204, "", ServiceUnavailableError, True),
        (206, "", ServiceUnavailableError, True),
    ],
)
def test_status_and_code_decide(
    status: int, code: str, member: type[DativoError], retryable: bool
) -> None:
    error = error_of(status, said(type="some_error", code=code, message="It is so."))

    assert type(error) is member
    assert error.retryable is retryable
    assert error.message == "api.stripe.com/v1/charges: It is so."
    assert error.fix
    assert error.details["status"] == status


def test_details_hold_what_stripe_says() -> None:
    body = said(type="invalid_request_error", code="parameter_unknown", param="nope", message="No")

    error = error_of(400, body, Request_Id="req_123")

    assert error.details == {
        "status": 400,
        "request_id": "req_123",
        "type": "invalid_request_error",
        "stripe_code": "parameter_unknown",
        "param": "nope",
    }


def test_missing_permission_is_named() -> None:
    body = said(
        type="invalid_request_error",
        message="The provided key 'rk_live_*****abc' does not have the required permissions for "
        "this endpoint on account 'acct_1'. Having the 'rak_dispute_read' permission would allow "
        "this request to continue.",
    )

    error = error_of(403, body)

    assert isinstance(error, InsufficientPermissionsError)
    assert "permission rak_dispute_read," in error.fix
    assert error.details["permission"] == "rak_dispute_read"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad gateway</html>",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"error": "text"}',
        b'{"error": {"message": 7, "code": []}}',
        b"[" * 100_000,
    ],
)
def test_answer_of_somebody_else_has_its_status(body: bytes) -> None:
    error = error_of(502, body)

    assert isinstance(error, ServiceUnavailableError)
    assert error.message.endswith("HTTP status 502 without a reason")


@pytest.mark.parametrize("code", ["", "lock_timeout"])
@pytest.mark.parametrize(("asked", "retryable"), [("true", True), ("false", False)])
def test_stripe_knows_whether_to_try_again(code: str, asked: str, retryable: bool) -> None:
    for status in (400, 409, 429, 500):
        error = error_of(status, said(code=code), Stripe_Should_Retry=asked)
        assert error.retryable is retryable


def test_nonsense_about_trying_again_changes_nothing() -> None:
    assert error_of(500, Stripe_Should_Retry="maybe").retryable
    assert not error_of(400, Stripe_Should_Retry="").retryable


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("https://user:word@evil.example/v1?key=1", "evil.example"),
        ("/elsewhere", "another address of the same host"),
    ],
)
def test_redirect_names_the_host_alone(target: str, named: str) -> None:
    error = error_of(302, Location=target)

    assert type(error) is ConfigurationError
    assert not error.retryable
    assert f"a redirect to {named}, which is not followed" in error.message
    assert "word" not in error.message


def test_redirect_to_no_address_is_said() -> None:
    assert "not followed" in error_of(301, Location="http://[nope").message


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        "rk_live_9aZ%2B%2Fx" + "9aZ%2B%2Fx" * 4,
        "sk_test_somebodyElses1",
        "sk_org_live_somebodyElses1",
        "pk_live_somebodyElses1",
        "rk_live_********************f82X",
    ],
)
def test_keys_never_show(text: str) -> None:
    error = error_of(401, said(message=f"Invalid key {text}\n at {text}!", param=text))

    shown = f"{error.message} {error.fix} {error.details}"
    assert text not in shown
    assert text[8:] not in shown
    assert "****" in error.message


def test_long_message_is_shortened() -> None:
    error = error_of(400, said(message="x" * 10_000))

    assert len(error.message) < 400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("5", 5.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("999999999999", 999999999999.0),
        ("-5", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("٣", None),
        ("9" * 400, None),
        ("soon", None),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 99 Nov 2026 12:00:30 GMT", None),
        ("Mon, 23 Nov 99999999 12:00:30 GMT", None),
    ],
)
def test_time_to_wait(text: str, seconds: float | None) -> None:
    headers = {"retry-after": text, "date": "Mon, 23 Nov 2026 12:00:00 GMT"}

    assert retry_after_seconds(headers) == seconds


def test_date_to_wait_for_is_taken_by_the_own_clock_if_there_is_no_other() -> None:
    in_a_minute = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60))

    seconds = retry_after_seconds({"retry-after": in_a_minute})

    assert seconds == pytest.approx(59, abs=2)


def test_time_to_wait_is_part_of_the_error() -> None:
    assert error_of(429, Retry_After="5").retry_after == 5
    assert error_of(503, Retry_After="5").retry_after == 5
    assert error_of(429).retry_after is None


def test_absurd_time_to_wait_is_not_waited_for() -> None:
    error = error_of(429, Retry_After="360000")

    assert isinstance(error, RateLimitError)
    assert not error.retryable
    assert "in 100.0 hours" in error.fix
    assert error_of(429, Retry_After="3600").retryable
    assert not wait_is_too_long(1e9).retryable


def test_host_name_that_does_not_resolve() -> None:
    error = from_connect(socket.gaierror(-2, "Name or service not known"), "nope:443", 1)

    assert isinstance(error, NetworkError)
    assert error.retryable
    assert "nope:443 does not resolve: Name or service not known" in error.message


def test_host_name_that_is_none() -> None:
    error = from_connect(UnicodeError("label too long"), "x:443", 1)

    assert isinstance(error, NetworkError)


def test_handshake_that_takes_too_long() -> None:
    assert isinstance(from_tls(TimeoutError(), "x:443", 3), ConnectTimeoutError)


@pytest.mark.parametrize("broken", [ConnectionResetError(104, "reset"), ssl.SSLEOFError(8, "EOF")])
def test_handshake_that_breaks_off_is_tried_again(broken: OSError) -> None:
    assert from_tls(broken, "x:443", 3).retryable
