"""What a process has open: to see what a connector leaves behind."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["left_open"]

_PATIENCE_SECONDS = 2.0
_LOOK_SECONDS = 0.02
_PROCESS = Path("/proc/self")


def left_open(work: Callable[[], object]) -> str:
    """Do *work* and name what it has left open: files, sockets, threads and child processes.

    It is done twice, because what is loaded and set up once stays open for good. What is just
    closing gets some time. Without ``/proc`` only threads are seen. Empty if nothing is left.
    """
    work()
    before = _open_now()
    work()
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        left = sorted(name for key, name in _open_now().items() if key not in before)
        if not left or time.monotonic() > until:
            return ", ".join(left)
        time.sleep(_LOOK_SECONDS)


def _open_now() -> dict[str, str]:
    """Return what is open by a key of its own, and what people call it."""
    found = {f"thread {one.ident}": f"the thread {one.name!r}" for one in threading.enumerate()}
    for descriptor in _names(_PROCESS / "fd"):
        try:
            target = os.readlink(_PROCESS / "fd" / descriptor)  # noqa: PTH115 - it is no path
        except OSError:  # the one that this look has opened
            continue
        found[f"{descriptor} {target}"] = f"{target} (descriptor {descriptor})"
    for task in _names(_PROCESS / "task"):
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
