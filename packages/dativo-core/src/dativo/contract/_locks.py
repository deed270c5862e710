"""A lock on a file that a crash releases, and that a holder loses who has stopped moving."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from dativo.errors import StateLockedError

__all__ = ["LEASE_SECONDS", "FileLock", "HeldLock", "file_lock", "lock_holder"]

LEASE_SECONDS = 60.0
"""A holder that did not touch its lock for so long may be taken over: it is frozen or far away."""

_BEATS_PER_LEASE = 30
_BEATS_OF_A_SECOND_LOOK = 1.5
_LOOKS = 3
_LOOK_SECONDS = 0.01
_NAME_SECONDS = 1.0


class HeldLock(Protocol):
    """A lock that somebody else may take over while it is held."""

    def is_held(self) -> bool:
        """Whether it is still ours; quick, and false where it cannot be told."""
        ...


class FileLock:
    """A lock that is held; ``is_held`` says whether somebody has taken it over since."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def is_held(self) -> bool:
        """Whether the file at the path is still the one that this process has locked."""
        return _is_same(self._path, self._descriptor)


@contextlib.contextmanager
def file_lock(
    path: Path, *, what: str, holder: Mapping[str, object], lease_seconds: float = LEASE_SECONDS
) -> Iterator[FileLock]:
    """Hold the lock *path* while entered; the file is made with mode 0600 and stays.

    The kernel's lock ends with the process, however that ends. A thread touches the file while the
    lock is held. If that stops for *lease_seconds* although the process still exists (it was
    frozen, or its machine was), the next one puts a file of its own in place and so takes the lock
    over; publishing must therefore be fenced as well.

    Args:
        path: The lock's file; its folder must exist.
        what: What is locked, for the error's message, such as ``job 'orders'``.
        holder: What the file says of the holder besides process, host and start.
        lease_seconds: How long a holder may be silent.

    Raises:
        StateLockedError: Another one holds it; the message names its process, host and start.
        OSError: The disk does not let it be taken; *path* is in it.
    """
    with _named(path):
        descriptor = _acquire(path, what, lease_seconds)
    ended = threading.Event()
    beat = threading.Thread(
        target=_touch,
        args=(descriptor, ended, lease_seconds / _BEATS_PER_LEASE),
        name="dativo-lock",
        daemon=True,
    )
    try:
        with _named(path):
            _write_holder(descriptor, holder)
        beat.start()
        yield FileLock(path, descriptor)
    finally:
        ended.set()
        if beat.ident is not None:
            beat.join()
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)  # the next holder must not go by this one's name
        _close(descriptor)


def lock_holder(path: Path) -> Mapping[str, object] | None:
    """Return what the holder of the lock *path* says of itself, ``None`` if nobody holds it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return None if _try_lock(descriptor, fcntl.LOCK_SH) else _read_holder(path)
    finally:
        _close(descriptor)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put *path* into the errors of calls that know only a descriptor."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


def _acquire(path: Path, what: str, lease_seconds: float) -> int:
    while True:
        descriptor = _open(path)
        try:
            if _try_lock_patiently(path, descriptor):
                os.utime(descriptor)  # or it looks as silent as its last holder
                if _is_same(path, descriptor):
                    return descriptor
            else:
                _make_way(path, descriptor, what, lease_seconds)
        except BaseException:
            _close(descriptor)
            raise
        _close(descriptor)


def _make_way(path: Path, silent: int, what: str, lease_seconds: float) -> None:
    """Put a new file in the place of a *silent* holder's, once, whoever else tries the same."""
    if not _is_silent(silent, lease_seconds):
        raise _refusal(path, what)
    guard = _open(path.with_name(f"{path.name}.takeover"))
    try:
        if not _try_lock(guard):
            raise _refusal(path, what)  # never wait: who takes it over may be frozen as well
        # A clock that jumped makes a living holder look silent; but it touches its file soon.
        touched = os.fstat(silent).st_mtime_ns
        time.sleep(_BEATS_OF_A_SECOND_LOOK * lease_seconds / _BEATS_PER_LEASE)
        if os.fstat(silent).st_mtime_ns != touched:
            if _try_lock(silent):
                return  # it woke up and has ended since
            raise _refusal(path, what)
        if _is_same(path, silent):
            fresh = path.with_name(f"{path.name}.new")
            _close(_open(fresh))
            fresh.replace(path)
    finally:
        _close(guard)


def _open(path: Path) -> int:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def _close(descriptor: int) -> None:
    # The lock ends all the same, and nothing that must last was written.
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _try_lock_patiently(path: Path, descriptor: int) -> bool:
    """Try more than once: who only looks for the holder has the lock for an instant.

    Who has just got it has yet to write its name, which the refusal is going to tell.
    """
    looks, until = 0, time.monotonic() + _NAME_SECONDS
    while not _try_lock(descriptor):
        looks += 1
        if looks > _LOOKS and (_is_named(path) or time.monotonic() > until):
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_same(path: Path, descriptor: int) -> bool:
    try:
        found, mine = path.stat(), os.fstat(descriptor)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)


def _refusal(path: Path, what: str) -> StateLockedError:
    holder = {"pid": "?", "host": "?", "since": "?", **_read_holder(path)}
    who = "process {pid} on {host} since {since}".format_map(holder)
    return StateLockedError(f"another run of {what} is in progress: {who}", details=holder)


def _is_silent(descriptor: int, lease_seconds: float) -> bool:
    return time.time() - os.fstat(descriptor).st_mtime > lease_seconds


def _touch(descriptor: int, ended: threading.Event, seconds: float) -> None:
    while not ended.wait(seconds):
        # A file system that refuses makes the holder look silent; the fence still protects.
        with contextlib.suppress(OSError):
            os.utime(descriptor)


def _write_holder(descriptor: int, holder: Mapping[str, object]) -> None:
    about = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **holder,
    }
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(about).encode(), 0)


def _read_holder(path: Path) -> Mapping[str, object]:
    # The holder writes its name after it has the lock, so the text may still be missing.
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads(path.read_text()))
    return {}


def _is_named(path: Path) -> bool:
    """Whether the lock says who holds it; a name that a crash has left does not."""
    found = _read_holder(path)
    pid = found.get("pid")
    if not isinstance(pid, int) or found.get("host") != socket.gethostname():
        return pid is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
