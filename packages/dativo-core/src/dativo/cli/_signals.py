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
    stopping = threading.Event()
    watch = threading.Thread(
        target=_watch,
        args=(reading,),
        kwargs={"stopping": stopping, "say": say, "cancel": cancel, "leave": leave},
        name="dativo-signals",
        daemon=True,
    )
    watch.start()
    try:
        yield
    finally:
        for number, old in before.items():
            # Until the process has ended, a second signal must not end it in another way.
            signal.signal(number, _leaving(leave) if stopping.is_set() else old)
        signal.set_wakeup_fd(before_wakeup)
        writing.close()
        watch.join(1.0)
        reading.close()


def _watch(
    reading: socket.socket,
    *,
    stopping: threading.Event,
    say: Callable[[str], None],
    cancel: Callable[[DativoError], None] | None,
    leave: Callable[[int], None],
) -> None:
    while data := reading.recv(64):
        for number in data:
            if number not in _SIGNALS:
                continue
            if stopping.is_set():
                leave(EXIT_INTERRUPTED)
            stopping.set()
            say("stopping; committed work is kept (again to stop at once)")
            if cancel is not None:
                name = signal.Signals(number).name
                cancel(RunInterruptedError(f"the run was stopped by {name}"))


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Let the watching thread act."""


def _leaving(leave: Callable[[int], None]) -> Callable[[int, FrameType | None], None]:
    def handler(_number: int, _frame: FrameType | None) -> None:
        leave(EXIT_INTERRUPTED)

    return handler


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
