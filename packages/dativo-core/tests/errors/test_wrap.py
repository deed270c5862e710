from __future__ import annotations

import email.message
import errno
import http.client
import io
import socket
import ssl
import urllib.error
from typing import Any

import pytest

from dativo.errors import (
    AuthenticationError,
    CapabilityMissingError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectTimeoutError,
    DatabaseLockError,
    DataNotFoundError,
    DativoError,
    DiskFullError,
    InsufficientPermissionsError,
    InternalError,
    InvalidCredentialsError,
    NetworkError,
    PluginExecutionError,
    RateLimitError,
    ResourceNotFoundError,
    ResourceUnavailableError,
    ServiceUnavailableError,
    get_error_code,
    is_retryable_error,
    wrap_exception,
)


@pytest.mark.parametrize(
    ("error", "member"),
    [
        (OSError(errno.ENOSPC, "full"), DiskFullError),
        (OSError(errno.EDQUOT, "quota"), DiskFullError),
        (OSError(errno.EROFS, "read-only"), InsufficientPermissionsError),
        (PermissionError(errno.EACCES, "no"), InsufficientPermissionsError),
        (PermissionError("no"), InsufficientPermissionsError),
        (FileNotFoundError(errno.ENOENT, "gone"), ResourceNotFoundError),
        (FileNotFoundError("gone"), ResourceNotFoundError),
        (OSError(errno.EMFILE, "files"), ResourceUnavailableError),
        (MemoryError(), ResourceUnavailableError),
        (TimeoutError("late"), ConnectTimeoutError),
        (TimeoutError(errno.ETIMEDOUT, "late"), ConnectTimeoutError),
        (OSError(errno.EHOSTUNREACH, "far"), NetworkError),
        (ConnectionResetError("gone"), NetworkError),
        (BrokenPipeError(), NetworkError),
        (ssl.SSLError("bad certificate"), NetworkError),
        (NotImplementedError("later"), CapabilityMissingError),
        (OSError("odd"), PluginExecutionError),
        (OSError(9999, "odd"), PluginExecutionError),
        (ValueError("odd"), PluginExecutionError),
        (SystemExit(3), PluginExecutionError),
    ],
)
def test_an_exception_becomes_the_closest_error(
    error: BaseException, member: type[DativoError]
) -> None:
    wrapped = wrap_exception(error, connector="acme", stream="orders", phase="extract")

    assert type(wrapped) is member
    assert wrapped.__cause__ is error
    assert type(error).__name__ in wrapped.message
    assert (wrapped.connector, wrapped.stream, wrapped.phase) == ("acme", "orders", "extract")
    assert get_error_code(error) == member.code
    assert is_retryable_error(error) is member.default_retryable


def test_an_error_of_ours_stays_itself() -> None:
    error = RateLimitError("slow down", retry_after=1, connector="acme")

    wrapped = wrap_exception(error, connector="other", phase="extract")

    assert wrapped is error
    assert wrapped.__cause__ is None
    assert (error.connector, error.phase) == ("acme", "extract")


def test_the_default_may_be_another() -> None:
    assert type(wrap_exception(ValueError("x"), default=InternalError)) is InternalError


def test_an_exception_without_words_is_named() -> None:
    assert "KeyError" in wrap_exception(KeyError()).message


def test_what_may_be_retried() -> None:
    assert is_retryable_error(ConnectionRefusedError())
    assert is_retryable_error(NetworkError("x"))
    assert not is_retryable_error(NetworkError("x", retryable=False))
    assert not is_retryable_error(InvalidCredentialsError("x"))
    assert not is_retryable_error(ValueError("x"))


def answer(status: int, url: str = "http://host/path", **headers: str) -> urllib.error.HTTPError:
    message = email.message.Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return urllib.error.HTTPError(url, status, "its own words", message, io.BytesIO(b"body"))


@pytest.mark.parametrize(
    ("status", "member"),
    [
        (302, ConfigurationError),
        (400, ConfigurationError),
        (401, InvalidCredentialsError),
        (402, InsufficientPermissionsError),
        (403, InsufficientPermissionsError),
        (404, ResourceNotFoundError),
        (407, AuthenticationError),
        (408, ServiceUnavailableError),
        (409, DatabaseLockError),
        (410, DataNotFoundError),
        (418, ConfigurationError),
        (422, ConfigurationError),
        (423, DatabaseLockError),
        (425, ServiceUnavailableError),
        (429, RateLimitError),
        (500, ServiceUnavailableError),
        (501, ConfigurationError),
        (503, ServiceUnavailableError),
        (504, ServiceUnavailableError),
        (505, ConfigurationError),
    ],
)
def test_an_answer_of_urllib_is_classified_by_its_status(
    status: int, member: type[DativoError]
) -> None:
    raised = answer(status)

    wrapped = wrap_exception(raised)

    assert type(wrapped) is member
    assert wrapped.message == f"http://host/path answered with status {status}"
    assert wrapped.details == {"status": status}
    assert wrapped.__cause__ is raised


def test_an_answer_stays_open_until_it_is_wrapped() -> None:
    raised = answer(401)
    assert not is_retryable_error(raised)
    assert raised.read() == b"body"

    wrap_exception(raised)

    assert raised.closed


def test_a_class_above_counts() -> None:
    class Mine(urllib.error.HTTPError):
        pass

    mine = Mine("http://host/path", 401, "", email.message.Message(), io.BytesIO())

    assert get_error_code(mine) == "INVALID_CREDENTIALS"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://user:pass-word@host:8/a/b?key=pass-word#pass-word", "https://host:8/a/b"),
        ("https://[pass-word", "the server"),
        ("", "the server"),
        ("/path?key=pass-word", "the server"),
    ],
)
def test_the_message_names_no_place_where_keys_hide(url: str, place: str) -> None:
    assert wrap_exception(answer(500, url)).message == f"{place} answered with status 500"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry_After": "30"}, 30.0),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "-3"}, None),
        (
            {
                "Retry_After": "Wed, 21 Oct 2015 07:28:30 GMT",
                "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
            },
            30.0,
        ),
        ({"Retry_After": "Wed, 21 Oct 2015 07:28:30 GMT"}, 0.0),
    ],
)
def test_a_retry_after_is_a_number_or_a_date(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert wrap_exception(answer(429, **headers)).retry_after == seconds
    assert wrap_exception(answer(503, **headers)).retry_after == seconds
    assert wrap_exception(answer(403, **headers)).retry_after is None


@pytest.mark.parametrize(
    ("reason", "member"),
    [
        (TimeoutError("late"), ConnectTimeoutError),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), NetworkError),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), NetworkError),
        (ssl.SSLError("handshake"), NetworkError),
        (ssl.SSLCertVerificationError("not trusted"), AuthenticationError),
        (FileNotFoundError(errno.ENOENT, "no such file"), ResourceNotFoundError),
        (OSError("Tunnel connection failed"), ConnectionFailedError),
        ("unknown url type: gopher", ConfigurationError),
    ],
)
def test_a_request_without_an_answer_is_classified_by_its_reason(
    reason: Any, member: type[DativoError]
) -> None:
    raised = urllib.error.URLError(reason)

    wrapped = wrap_exception(raised)

    assert type(wrapped) is member
    assert wrapped.__cause__ is raised


@pytest.mark.parametrize(
    ("error", "member"),
    [
        (http.client.IncompleteRead(b"half", 9), NetworkError),
        (http.client.BadStatusLine("odd"), NetworkError),
        (http.client.RemoteDisconnected("gone"), NetworkError),
        (urllib.error.ContentTooShortError("half", ("name", "")), NetworkError),  # type: ignore[arg-type]
        (socket.gaierror(socket.EAI_NONAME, "unknown"), NetworkError),
        (ssl.SSLCertVerificationError("not trusted"), AuthenticationError),
        (http.client.InvalidURL("nonnumeric port: 'pass-word@host'"), ConfigurationError),
    ],
)
def test_what_breaks_off_is_classified(error: Exception, member: type[DativoError]) -> None:
    wrapped = wrap_exception(error)

    assert type(wrapped) is member
    assert "pass-word" not in wrapped.message
