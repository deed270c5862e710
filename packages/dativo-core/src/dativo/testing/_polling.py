"""A reader in a thread of its own that looks at a target again and again while it is written."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Generic, TypeVar

__all__ = ["Watcher", "is_system_call", "stepping", "watching"]

T = TypeVar("T")

_SYSTEM = ("posix", "_io", "io", "_socket", "socket", "_ssl", "ssl", "fcntl", "sqlite3")
_HARMLESS = re.compile(
    "access|fileno|fspath|fstat|fsync|get.*|isatty|listdir|lseek|lstat|path_.*|read.*|scandir|"
    "seek|seekable|stat|strerror|tell|umask|urandom|writable"
)
_GLANCE_SECONDS = 2.0
_GLANCES = 150
_PATIENCE = 2


class Watcher(Generic[T]):
    """What a reader has seen, each state once, in order.

    Attributes:
        seen: The states; equal ones that follow each other are one.
        looks: How often it has looked.
        errors: What looking has raised.
    """

    def __init__(self, look: Callable[[], T]) -> None:
        self.seen: list[T] = []
        self.looks = 0
        self.errors: list[BaseException] = []
        self._look = look
        self._moved = threading.Condition()
        self._ended = False

    def glance(self) -> bool:
        """Wait for a look that begins now or later; say whether it ended in time."""
        with self._moved:
            # One that is under way began before, so it does not count.
            wanted = self.looks + 2
            return self._moved.wait_for(
                lambda: self.looks >= wanted or self._ended, _GLANCE_SECONDS
            )

    def stop(self) -> None:
        """Look no more."""
        with self._moved:
            self._ended = True

    def work(self) -> None:
        """Look until stopped."""
        while not self._ended:
            try:
                found = self._look()
            except BaseException as error:  # noqa: BLE001 - a connector may raise anything
                self.errors.append(error)
                self._ended = True
            else:
                if not self.seen or self.seen[-1] != found:
                    self.seen.append(found)
            with self._moved:
                self.looks += 1
                self._moved.notify_all()


@contextlib.contextmanager
def watching(look: Callable[[], T]) -> Iterator[Watcher[T]]:
    """Look all the time."""
    watcher = Watcher(look)
    thread = threading.Thread(target=watcher.work, name="kit watcher", daemon=True)
    thread.start()
    try:
        yield watcher
    finally:
        watcher.glance()
        watcher.stop()
        thread.join(_GLANCE_SECONDS)


@contextlib.contextmanager
def stepping(watcher: Watcher[T]) -> Iterator[None]:
    """Have *watcher* look after each call of the operating system that this thread makes.

    Python tells a thread's calls to its profiler: there the reader gets its turn, so that a state
    that lasts for microseconds only is seen all the same. A writer that keeps readers waiting
    meanwhile is not held up for long.
    """
    left, patience = _GLANCES, _PATIENCE

    def step(_frame: FrameType, event: str, called: Any) -> None:
        nonlocal left, patience
        if event == "c_return" and left > 0 and patience > 0 and is_system_call(called):
            left -= 1
            patience -= not watcher.glance()

    before = sys.getprofile()
    watcher.glance()
    sys.setprofile(step)
    try:
        yield
    finally:
        sys.setprofile(before)


def is_system_call(called: Any) -> bool:
    """Whether the function *called*, written in C, is one that may change what others see."""
    module = called.__module__ or type(called.__self__).__module__
    return module in _SYSTEM and not _HARMLESS.fullmatch(called.__name__.strip("_"))
