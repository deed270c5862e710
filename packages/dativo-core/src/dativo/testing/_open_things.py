"""What a process has open: to see what a connector leaves behind."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from dativo.testing._rules import NotVerified

__all__ = ["left_open"]

_ROUNDS = 3
_GRACE_SECONDS = (1.0, 3.0)
_PAUSE_SECONDS = 0.02
_SHOWN = 3
_PROCESS = Path("/proc/self")


def left_open(work: Callable[[], object]) -> str:
    """Do *work* a few times and name what it leaves open each time; empty for nothing.

    Files, sockets, threads and child processes are looked at. What is opened once for all, such as
    a thread pool, is no leak: the work is done once before anything is counted, and only what comes
    with each further time counts, and again when all is done once more. What ends by itself a
    moment later, such as the other end of a connection, is waited for.

    Raises:
        NotVerified: The system does not tell what a process has open.
    """
    if not _PROCESS.is_dir():
        raise NotVerified("what a process has open is only told by /proc, which is not here")
    work()
    left: list[str] = []
    for grace_seconds in _GRACE_SECONDS:
        before = _quiet()
        for _ in range(_ROUNDS):
            work()
        left = _added(before, grace_seconds)
        if not left:
            return ""
    more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
    return f"{', '.join(left[:_SHOWN])}{more}, after {_ROUNDS} times"


def _quiet() -> dict[str, str]:
    """Return what is open when nothing is opened or closed any more."""
    before = _open_now()
    for _ in range(20):
        time.sleep(_PAUSE_SECONDS)
        now = _open_now()
        if now == before:
            break
        before = now
    return before


def _added(before: dict[str, str], grace_seconds: float) -> list[str]:
    """Name what has come with each round, once what ends by itself has had time to."""
    until = time.monotonic() + grace_seconds
    while True:
        gc.collect()
        now = _open_now()
        gone = len(before.keys() - now.keys())
        left = sorted(name for key, name in now.items() if key not in before)
        if len(left) - gone < _ROUNDS:
            return []
        if time.monotonic() > until:
            return left
        time.sleep(_PAUSE_SECONDS)


def _open_now() -> dict[str, str]:
    """Return what is open by a key of its own, and what people call it."""
    known = {str(one.native_id): f"the thread {one.name!r}" for one in threading.enumerate()}
    found = {}
    for descriptor in _names(_PROCESS / "fd"):
        try:
            target = os.readlink(_PROCESS / "fd" / descriptor)  # noqa: PTH115 - it is no path
        except OSError:  # the one that this look has opened
            continue
        found[f"{descriptor} {target}"] = f"{target} (descriptor {descriptor})"
    for task in _names(_PROCESS / "task"):
        found[f"thread {task}"] = known.get(task, f"a native thread ({task})")
        for child in _children(task):
            found[f"child {child}"] = f"the child process {child}"
    return found


def _children(task: str) -> list[str]:
    try:
        return (_PROCESS / "task" / task / "children").read_text().split()
    except OSError:  # the thread has ended, or the system does not tell
        return []


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names alone
    except OSError:
        return []
