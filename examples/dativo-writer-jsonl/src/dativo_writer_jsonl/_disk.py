"""System calls: durable files, one-step renames, locks that end with their process."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from dativo.errors import ConcurrencyError

__all__ = [
    "can_exchange",
    "exchange",
    "locked",
    "make_folder",
    "remove",
    "sync_file",
    "sync_folder",
    "try_lock",
    "write_file",
]

_AT_FDCWD = -100
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, and RENAME_SWAP of macOS
_UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})

_LOCK_SECONDS = 30.0
_POLL_SECONDS = 0.02


def sync_folder(path: Path) -> None:
    """Make the names in *path* durable."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def sync_file(path: Path) -> None:
    """Make the content of *path* durable."""
    _sync(path, os.O_RDONLY)


def make_folder(path: Path) -> None:
    """Make *path* and its missing parents, mode 0700, durably; one that exists stays as it is."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        sync_folder(folder.parent)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def write_file(path: Path, text: str) -> None:
    """Put *text* at *path*, mode 0600, durably: after a crash it is the old text or the new one."""
    staged = path.with_name(f"{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with os.fdopen(os.open(staged, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)
    sync_folder(path.parent)


def exchange(one: Path, other: Path) -> None:
    """Exchange two folders in one step.

    Raises:
        OSError: It failed; see :func:`can_exchange` for file systems that cannot do it.
    """
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    try:
        if sys.platform.startswith("linux"):
            failed = library.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE)
        else:
            failed = library.renamex_np(*names, _EXCHANGE)
    except AttributeError as error:  # a C library without the call
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(one)) from error
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one), None, str(other))


def can_exchange(folder: Path) -> bool:
    """Try :func:`exchange` with two folders of our own in *folder*."""
    token = secrets.token_hex(6)
    one, other = folder / f".probe-{token}-1", folder / f".probe-{token}-2"
    try:
        (one / "mark").mkdir(parents=True)
        other.mkdir()
        exchange(one, other)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return False
        raise
    else:
        return (other / "mark").exists()
    finally:
        remove(one, other)


def remove(*paths: Path) -> None:
    """Remove folders; what cannot be removed is left for the next time."""
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the kernel's lock on the file *path*, which ends with the process.

    Raises:
        ConcurrencyError: Somebody has it for longer than a publication takes.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + _LOCK_SECONDS
        while not try_lock(descriptor):
            if time.monotonic() > deadline:
                msg = f"somebody has held the lock {path} for more than {_LOCK_SECONDS:g} s"
                raise ConcurrencyError(msg)
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take the lock of an open file if nobody has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
