"""Stopping a run: by a signal, a deadline or a stall; work in drivers is told through callbacks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from dativo.errors import DativoError, RunInterruptedError

__all__ = ["Cancellation"]


class Cancellation:
    """A switch that many threads watch; it is thrown once and stays.

    The first reason wins: a deadline that passes while a signal is being obeyed changes nothing.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._calls: dict[object, Callable[[], None]] = {}
        self._reason: DativoError | None = None

    def cancel(self, reason: DativoError | None = None) -> None:
        """Throw the switch and run the registered calls, each once; a second time does nothing."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason or RunInterruptedError("the run was stopped")
            calls = list(self._calls.values())
            self._calls.clear()
            self._event.set()
        for call in calls:
            # A driver that cannot cancel must not keep the others from being told.
            with contextlib.suppress(Exception):
                call()

    def is_set(self) -> bool:
        """Whether the switch was thrown."""
        return self._event.is_set()

    @property
    def reason(self) -> DativoError:
        """Why it was thrown."""
        return self._reason or RunInterruptedError("the run was stopped")

    def wait(self, seconds: float) -> bool:
        """Sleep for *seconds* or until the switch is thrown; return whether it was."""
        return self._event.wait(seconds)

    def raise_if_set(self) -> None:
        """Raise an error of the reason's kind if the switch was thrown.

        Each caller gets an instance of its own, because it is going to be located.
        """
        if self._event.is_set():
            raise fresh(self.reason)

    @contextlib.contextmanager
    def calling(self, call: Callable[[], None]) -> Iterator[None]:
        """While entered, throwing the switch runs *call*; at once if it was thrown before."""
        registration = object()
        with self._lock:
            late = self._reason is not None
            if not late:
                self._calls[registration] = call
        if late:
            with contextlib.suppress(Exception):
                call()
        try:
            yield
        finally:
            with self._lock:
                self._calls.pop(registration, None)


def fresh(error: DativoError) -> DativoError:
    """Return a copy of *error* without place and traceback."""
    copy = type(error)(error.message)
    copy.fix, copy.retryable, copy.retry_after = error.fix, error.retryable, error.retry_after
    copy.details = dict(error.details)
    return copy
