"""Helpers for orchestrators and connectors: what is this exception, and may one retry it?"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from dativo.errors._base import DativoError
from dativo.errors._catalog import (
    AuthenticationError,
    CapabilityMissingError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectTimeoutError,
    DiskFullError,
    InsufficientPermissionsError,
    NetworkError,
    PluginExecutionError,
    ResourceNotFoundError,
    ResourceUnavailableError,
)
from dativo.errors._http import error_of_answer, is_from

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["get_error_code", "is_retryable_error", "wrap_exception"]

_BY_ERRNO: Mapping[int, type[DativoError]] = {
    errno.ENOSPC: DiskFullError,
    errno.EDQUOT: DiskFullError,
    errno.EFBIG: DiskFullError,
    errno.EROFS: InsufficientPermissionsError,
    errno.EACCES: InsufficientPermissionsError,
    errno.EPERM: InsufficientPermissionsError,
    errno.ENOENT: ResourceNotFoundError,
    errno.ENOTDIR: ResourceNotFoundError,
    errno.EMFILE: ResourceUnavailableError,
    errno.ENFILE: ResourceUnavailableError,
    errno.ENOMEM: ResourceUnavailableError,
    errno.ETIMEDOUT: ConnectTimeoutError,
    errno.EHOSTUNREACH: NetworkError,
    errno.ENETUNREACH: NetworkError,
}

_BY_TYPE: tuple[tuple[type[BaseException], type[DativoError]], ...] = (
    (TimeoutError, ConnectTimeoutError),
    (ConnectionError, NetworkError),
    (MemoryError, ResourceUnavailableError),
    (FileNotFoundError, ResourceNotFoundError),
    (PermissionError, InsufficientPermissionsError),
    (NotImplementedError, CapabilityMissingError),
)

_BY_NAME: tuple[tuple[str, str, type[DativoError]], ...] = (
    ("ssl", "SSLCertVerificationError", AuthenticationError),
    ("ssl", "SSLError", NetworkError),
    ("socket", "gaierror", NetworkError),
    ("http.client", "HTTPException", NetworkError),
    ("urllib.error", "ContentTooShortError", NetworkError),
    ("urllib.error", "URLError", ConfigurationError),  # without a reason: it made no request
)


def is_retryable_error(error: BaseException) -> bool:
    """Say whether the same operation may succeed later without anybody's help."""
    return _classify(error).retryable


def get_error_code(error: BaseException) -> str:
    """Return the stable code of *error*; exceptions of others get the code they wrap to."""
    return _classify(error).code


def wrap_exception(
    error: BaseException,
    *,
    default: type[DativoError] = PluginExecutionError,
    connector: str | None = None,
    stream: str | None = None,
    phase: str | None = None,
) -> DativoError:
    """Return *error* as a ``DativoError``: itself if it is one, else the closest member.

    What the standard library raises for disks, files, sockets, TLS, HTTP (``urllib``) and what is
    not implemented is classified; all else becomes *default*. The original becomes the
    ``__cause__``; if it is an answer of ``urllib`` it is closed, so read it before.
    """
    wrapped = _classify(error, default)
    if _is_answer(error):
        error.close()  # type: ignore[attr-defined]
    if wrapped is not error:
        wrapped.__cause__ = error
    return wrapped.located(connector=connector, stream=stream, phase=phase)


def _classify(
    error: BaseException, default: type[DativoError] = PluginExecutionError
) -> DativoError:
    if isinstance(error, DativoError):
        return error
    if _is_answer(error):
        return error_of_answer(error)
    reason = getattr(error, "reason", None)
    if is_from(error, "urllib.error", "URLError") and isinstance(reason, BaseException):
        return _classify(reason, ConnectionFailedError)
    if is_from(error, "http.client", "InvalidURL"):
        # Its text quotes the address, with the keys that may be in it.
        return ConfigurationError(f"{type(error).__name__}: no request can be made of this address")
    return (_member_by_name(error) or _member_by_type(error) or default)(_text(error))


def _is_answer(error: BaseException) -> bool:
    return is_from(error, "urllib.error", "HTTPError")


def _member_by_name(error: BaseException) -> type[DativoError] | None:
    """Return the member for classes whose import takes longer than all else here together."""
    return next((ours for module, name, ours in _BY_NAME if is_from(error, module, name)), None)


def _member_by_type(error: BaseException) -> type[DativoError] | None:
    if isinstance(error, OSError) and (found := _BY_ERRNO.get(error.errno or 0)) is not None:
        return found
    return next((ours for theirs, ours in _BY_TYPE if isinstance(error, theirs)), None)


def _text(error: BaseException) -> str:
    name = type(error).__name__
    try:
        text = str(error) or repr(error)
    except Exception:  # noqa: BLE001 - foreign code that fails in its own failure
        return f"{name} (its text cannot be read)"
    return f"{name}: {text}"
