"""Helpers for orchestrators and connectors: what is this exception, and may one retry it?"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from dativo.errors._base import DativoError
from dativo.errors._catalog import (
    CapabilityMissingError,
    ConnectTimeoutError,
    DiskFullError,
    InsufficientPermissionsError,
    NetworkError,
    PluginExecutionError,
    ResourceNotFoundError,
    ResourceUnavailableError,
)

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

    What the standard library raises for disks, files, sockets and what is not implemented is
    classified; all else becomes *default*. The original becomes the ``__cause__``.
    """
    wrapped = _classify(error, default)
    if wrapped is not error:
        wrapped.__cause__ = error
    return wrapped.located(connector=connector, stream=stream, phase=phase)


def _classify(
    error: BaseException, default: type[DativoError] = PluginExecutionError
) -> DativoError:
    if isinstance(error, DativoError):
        return error
    member = default
    if type(error).__module__ == "ssl":
        # By name, because importing ssl takes longer than everything else here together.
        member = NetworkError
    elif isinstance(error, OSError) and (found := _BY_ERRNO.get(error.errno or 0)) is not None:
        member = found
    else:
        member = next((ours for theirs, ours in _BY_TYPE if isinstance(error, theirs)), default)
    return member(_text(error))


def _text(error: BaseException) -> str:
    name = type(error).__name__
    try:
        text = str(error) or repr(error)
    except Exception:  # noqa: BLE001 - foreign code that fails in its own failure
        return f"{name} (its text cannot be read)"
    return f"{name}: {text}"
