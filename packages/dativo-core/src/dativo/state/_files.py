"""Files and folders that only their owner may read."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from dativo.errors import StateUnreadableError, wrap_exception

__all__ = ["private_file", "private_folder"]


def private_folder(folder: Path) -> Path:
    """Make *folder* with mode 0700 if it does not exist, and return it.

    Raises:
        DativoError: It cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise wrap_exception(error, default=StateUnreadableError, phase="state") from error
    return folder


def private_file(file: Path) -> Path:
    """Make *file* with mode 0600 if it does not exist, and return it; its content stays.

    Raises:
        DativoError: It cannot be made.
    """
    try:
        # What exists is not opened: closing it would drop the locks that SQLite has on it for us.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
        file.chmod(0o600)
    except OSError as error:
        raise wrap_exception(error, default=StateUnreadableError, phase="state") from error
    return file
