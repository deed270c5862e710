"""What disks and Arrow say, as errors that tell what to do."""

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

__all__ = ["explained"]

_DENIED = "Make the folder writable for the user that runs the job."
_FULL = "Make room there, then run again; nothing of the epoch was published."

_BY_ERRNO: Mapping[int, tuple[type[DativoError], str | None]] = {
    errno.ENOSPC: (DiskFullError, _FULL),
    errno.EDQUOT: (DiskFullError, _FULL),
    errno.EFBIG: (DiskFullError, _FULL),
    errno.EACCES: (InsufficientPermissionsError, _DENIED),
    errno.EPERM: (InsufficientPermissionsError, _DENIED),
    errno.EROFS: (InsufficientPermissionsError, _DENIED),
    errno.ENOTDIR: (ResourceNotFoundError, "Choose a path that is a folder, or can become one."),
    errno.ENOENT: (ResourceNotFoundError, "Choose a path that is a folder, or can become one."),
    errno.EMFILE: (ResourceUnavailableError, None),
    errno.ENFILE: (ResourceUnavailableError, None),
    errno.ENOMEM: (ResourceUnavailableError, None),
}


@contextmanager
def explained(path: Path, *, stream: str = "") -> Iterator[None]:
    """Turn what work at *path* raises into errors of the catalogue that name the place."""
    try:
        yield
    except DativoError as error:
        raise error.located(stream=stream) from error.__cause__
    except OSError as error:
        member, fix = _BY_ERRNO.get(error.errno or 0, (WriteFailedError, None))
        name = errno.errorcode.get(error.errno or 0, type(error).__name__)
        text = f"writing at {error.filename or path} failed: {error.strerror or error} ({name})"
        details = {"path": str(path), "errno": name}
        raise member(text, fix=fix, details=details, stream=stream) from error
    except pa.ArrowException as error:
        raise DataValidationError(
            f"the records of {stream} cannot be written exactly: {error}", stream=stream
        ) from error
