"""Pacing: no more than so many requests a second, from however many threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Limiter"]


class Limiter:
    """Gives each request a moment of its own.

    Args:
        rate: Requests per second; ``None`` for any number.
        wait: Sleeps for so many seconds; it may raise to end the wait.
        clock: Gives the time in seconds.
    """

    def __init__(
        self,
        rate: float | None,
        *,
        wait: Callable[[float], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pause_seconds = 0.0 if rate is None else 1 / rate
        self._wait = wait
        self._clock = clock
        self._lock = threading.Lock()
        self._next = clock()

    def take(self) -> None:
        """Wait for the moment of this request."""
        with self._lock:
            now = self._clock()
            mine = max(now, self._next)
            self._next = mine + self._pause_seconds
        if mine > now:
            self._wait(mine - now)

    def hold(self, seconds: float) -> None:
        """Let nobody send for so long: the server has asked for it."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)
