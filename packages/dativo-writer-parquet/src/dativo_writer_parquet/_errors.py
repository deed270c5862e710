"""What the file system and Arrow say, as errors that tell what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from dativo.errors import (
    DataValidationError,
    DativoError,
    DiskFullError,
    InsufficientPermissionsError,
    ResourceNotFoundError,
    ResourceUnavailableError,
    WriteFailedError,
)

__all__ = ["explained", "translate"]

_FULL = "Free space there (or raise the quota), then run again; nothing of the epoch was published."
_DENIED = "Make the folder writable for the user that runs the job."

_NO_FOLDER = "Choose another path in the job file, or move the file away."

_BY_ERRNO: Mapping[int, tuple[type[DativoError], str, str | None]] = {
    errno.ENOSPC: (DiskFullError, "no space is left at", _FULL),
    errno.EDQUOT: (DiskFullError, "the quota is used up at", _FULL),
    errno.EFBIG: (DiskFullError, "the limit of the file size is reached at", _FULL),
    errno.EROFS: (InsufficientPermissionsError, "the file system is read-only at", _DENIED),
    errno.EACCES: (InsufficientPermissionsError, "permission was denied at", _DENIED),
    errno.EPERM: (InsufficientPermissionsError, "permission was denied at", _DENIED),
    errno.ENOTDIR: (ResourceNotFoundError, "there is no folder, but a file, at", _NO_FOLDER),
    errno.EMFILE: (ResourceUnavailableError, "too many files are open at", None),
    errno.ENFILE: (ResourceUnavailableError, "too many files are open at", None),
    errno.ENOMEM: (ResourceUnavailableError, "memory is used up at", None),
}


@contextmanager
def explained(path: Path, *, stream: str, phase: str = "write") -> Iterator[None]:
    """Turn what work at *path* raises into an error of the catalogue that names the path."""
    try:
        yield
    except DativoError:
        raise
    except (OSError, MemoryError, pa.ArrowException) as error:
        raise translate(error, path, stream=stream, phase=phase) from error


def translate(
    error: BaseException, path: Path, *, stream: str, phase: str = "write"
) -> DativoError:
    """Return the error of the catalogue for what was raised while *path* was worked on."""
    if isinstance(error, MemoryError):
        member, what, fix = _BY_ERRNO[errno.ENOMEM]
        return member(f"{what} {path}", fix=fix, stream=stream, phase=phase)
    if isinstance(error, OSError):
        return _of_errno(error, path, stream, phase)
    return DataValidationError(
        f"{path}: the records of {stream} cannot be stored exactly: {error}",
        fix="Mend the named value or type in the source, or leave the column out of the job.",
        stream=stream,
        phase=phase,
    )


def _of_errno(error: OSError, path: Path, stream: str, phase: str) -> DativoError:
    member, what, fix = _BY_ERRNO.get(error.errno or 0, (WriteFailedError, "", None))
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    text = f"{what} {path}" if what else f"writing at {path} failed: {error.strerror or error}"
    details = {"path": str(path), "errno": name}
    return member(f"{text} ({name})", fix=fix, details=details, stream=stream, phase=phase)
