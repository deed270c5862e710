from __future__ import annotations

import errno
import socket
import ssl

import pytest

from dativo.errors import (
    CapabilityMissingError,
    ConnectTimeoutError,
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


def test_a_name_that_does_not_resolve_is_classified() -> None:
    error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert get_error_code(error) in {"NETWORK", "PLUGIN_EXECUTION"}
