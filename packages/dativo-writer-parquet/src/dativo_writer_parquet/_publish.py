"""The system calls that make data durable, and visible in one step."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import functools
import os
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = [
    "LOCK_TIMEOUT_SECONDS",
    "LockTimeoutError",
    "can_exchange",
    "exchange",
    "fsync_folder",
    "fsync_together",
    "locked",
    "make_folder",
    "make_new_folder",
    "move",
    "read_small",
    "remove_tree",
    "rename_new",
    "try_lock",
    "write_durably",
]

LOCK_TIMEOUT_SECONDS = 30.0
_LOCK_POLL_SECONDS = 0.02
_SMALL_BYTES = 64 * 1024

_AT_FDCWD = -100
_NOREPLACE = 1
_EXCHANGE = 2
_MACOS_EXCHANGE = 0x2
_MACOS_EXCLUSIVE = 0x4

_SYNCING = threading.Lock()
_WAITING: dict[str, Future[None]] = {}
_TURNS: dict[str, threading.Lock] = {}

_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


class LockTimeoutError(Exception):
    """Somebody else holds the lock for longer than a publication ever takes."""


def fsync_folder(path: Path) -> None:
    """Make the names in *path* durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_together(path: Path) -> None:
    """Make the names in *path* durable, as :func:`fsync_folder`, for all threads that wait for it.

    Of those that come while the disk is busy one asks it, after the last name was made, and all
    of them get the answer.
    """
    name = str(path)
    with _SYNCING:
        answer = _WAITING.get(name)
        turn = _TURNS.setdefault(name, threading.Lock())
        asks = answer is None
        if answer is None:
            answer = _WAITING[name] = Future()
    if asks:
        with turn:
            with _SYNCING:
                del _WAITING[name]  # who comes from now on may have made a name too late for this
            try:
                fsync_folder(path)
            except BaseException as error:  # noqa: BLE001 - it is raised below, in each thread
                answer.set_exception(error)
            else:
                answer.set_result(None)
    answer.result()


def make_folder(path: Path, *, mode: int = 0o700, is_lasting: bool = True) -> bool:
    """Create *path* and its missing parents, durably, and return whether it is new.

    One that exists stays as it is. Unless *is_lasting*, a power cut may take *path* itself with
    all that is in it.
    """
    try:
        path.mkdir(mode=0o700)
    except FileNotFoundError:
        make_folder(path.parent, mode=mode)
        return make_folder(path, mode=mode, is_lasting=is_lasting)
    except OSError as error:
        if path.is_dir():
            return False
        if isinstance(error, FileExistsError):
            code = errno.ENOTDIR
            raise NotADirectoryError(code, os.strerror(code), str(path)) from None
        raise
    path.chmod(mode)  # whatever the mask is
    if is_lasting:
        fsync_together(path.parent)
    return True


def write_durably(path: Path, text: str) -> None:
    """Put *text* at *path*, mode 0600: after a crash it holds the old text or the new one."""
    staged, rest = path.with_name(f"{path.name}.new"), text.encode()
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)  # whatever the mask is
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        staged.replace(path)
    except OSError:  # see `move`; a name that there was before tells nothing
        if os.path.lexists(staged) or path.read_text(encoding="utf-8") != text:
            raise
    fsync_folder(path.parent)


def read_small(path: Path) -> bytes:
    """Return what is in the file *path*, or the first 64 KiB of it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _SMALL_BYTES)
    finally:
        os.close(descriptor)


def make_new_folder(path: Path, *, mode: int) -> None:
    """Make the folder *path*, whose name is nobody else's; NFS may say that it is there already."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if any(path.iterdir()):
            raise
    path.chmod(mode)  # whatever the mask is


def move(source: Path, target: Path) -> None:
    """Rename *source* to *target*, a name that nobody else gives.

    Where the answer gets lost, as on NFS, the call is sent again and finds no source any more; so
    what is there decides, and not the answer.
    """
    try:
        source.rename(target)
    except OSError:
        if os.path.lexists(source) or not os.path.lexists(target):
            raise


def rename_new(source: Path, target: Path) -> None:
    """Rename the folder *source* to *target*, which must not exist.

    Raises:
        FileExistsError: There is something at *target*.
    """
    try:
        _rename(source, target, _NOREPLACE if _is_linux() else _MACOS_EXCLUSIVE)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        _rename_unless_exists(source, target)


def exchange(one: Path, other: Path) -> None:
    """Exchange two folders in one step.

    Raises:
        OSError: ``EINVAL``, ``ENOSYS`` or ``ENOTSUP`` where the file system cannot do it.
    """
    _rename(one, other, _EXCHANGE if _is_linux() else _MACOS_EXCHANGE)


def can_exchange(folder: Path) -> bool:
    """Try :func:`exchange` on two folders of our own in *folder*, which is left as it was."""
    token = secrets.token_hex(8)
    one, other = folder / f"probe-{token}-1", folder / f"probe-{token}-2"
    one.mkdir(mode=0o700)
    other.mkdir(mode=0o700)
    try:
        (one / "mark").mkdir()
        exchange(one, other)
        return (other / "mark").is_dir() and not (one / "mark").exists()
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return False
        raise
    finally:
        remove_tree(one, other)


def remove_tree(*paths: Path) -> None:
    """Remove what is there of *paths*; what cannot be removed stays for the next sweep."""
    for path in paths:
        try:
            path.rmdir()  # most are empty by now, and this is much the cheaper call
        except FileNotFoundError:
            continue
        except NotADirectoryError:
            with suppress(OSError):
                path.unlink()
        except OSError:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def locked(
    path: Path,
    *,
    timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Hold the kernel's lock on the file *path*; a crash releases it.

    Raises:
        LockTimeoutError: It was not given within the time, or *stopped* says to give up.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + timeout_seconds
        while not try_lock(descriptor):
            if time.monotonic() >= deadline or stopped():
                raise LockTimeoutError(str(path))
            time.sleep(_LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take the lock of an open file if nobody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@functools.cache
def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _is_linux() -> bool:
    return sys.platform.startswith("linux")


def _rename(source: Path, target: Path, flags: int) -> None:
    library = _c_library()
    names = os.fsencode(source), os.fsencode(target)
    try:
        if _is_linux():
            result = library.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], flags)
        else:
            result = library.renamex_np(names[0], names[1], flags)
    except AttributeError as error:  # a C library without the call
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(target)) from error
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(source), None, str(target))


def _rename_unless_exists(source: Path, target: Path) -> None:
    # Safe under our lock; rename itself refuses a folder that is not empty.
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    source.rename(target)
