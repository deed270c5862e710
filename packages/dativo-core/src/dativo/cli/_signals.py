"""SIGINT and SIGTERM: the first stops the work, the second ends the process at once."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from dativo.errors import DativoError, RunInterruptedError

__all__ = ["EXIT_INTERRUPTED", "stoppable"]

EXIT_INTERRUPTED = 130

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stoppable(
    say: Callable[[str], None],
    cancel: Callable[[DativoError], None] | None = None,
    *,
    leave: Callable[[int], None] = os._exit,
) -> Iterator[None]:
    """While entered, a signal stops the work; a second one leaves the process.

    A thread watches for signals, because Python's handlers wait for the main thread, and that may
    be inside a driver.

    Args:
        say: Tells the person what happens.
        cancel: Stops the work; without it the main thread gets a ``KeyboardInterrupt``.
        leave: Ends the process at once.
    """
    reading, writing = socket.socketpair()
    writing.setblocking(False)  # noqa: FBT003 - its only signature
    before_wakeup = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    handler = _ignore if cancel is not None else _interrupt
    before = {
        number: signal.signal(number, handler)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN  # the caller wants it ignored
    }
    watch = threading.Thread(
        target=_watch, args=(reading, say, cancel, leave), name="dativo-signals", daemon=True
    )
    watch.start()
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
        signal.set_wakeup_fd(before_wakeup)
        writing.close()
        watch.join(1.0)
        reading.close()


def _watch(
    reading: socket.socket,
    say: Callable[[str], None],
    cancel: Callable[[DativoError], None] | None,
    leave: Callable[[int], None],
) -> None:
    is_stopping = False
    while data := reading.recv(64):
        for number in data:
            if number not in _SIGNALS:
                continue
            if is_stopping:
                leave(EXIT_INTERRUPTED)
            is_stopping = True
            say("stopping; committed work is kept (again to stop at once)")
            if cancel is not None:
                name = signal.Signals(number).name
                cancel(RunInterruptedError(f"the run was stopped by {name}"))


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Let the watching thread act."""


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
