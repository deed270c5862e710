"""Pacing: a token bucket that can be paused for everybody and slowed down for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Limiter"]

_RECOVERY_SECONDS = 60.0
_LOWEST_RATE = 1.0

# A wait that was computed to end with a whole token may end a rounding error before it.
_WHOLE = 1 - 1e-9


class Limiter:
    """Lets through *rate* requests a second and, after a lull, *burst* of them at once.

    In any span of time it lets through at most the rate times the span, plus the burst.  One thread
    at a time waits for the clock and the others for that thread, so that many of them cost little.

    Args:
        rate: Requests per second.
        burst: The most that is saved up, at least 1.
        clock: Gives the time in seconds; it never goes back.
        wait: Sleeps for at most so many seconds.  It may raise to end the wait: then every thread
            that waits here calls it, or gets through, at once.
    """

    def __init__(
        self,
        rate: float,
        *,
        wait: Callable[[float], object],
        burst: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._full_rate = rate
        self._burst = max(1.0, burst)
        self._clock = clock
        self._wait = wait
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._tokens = self._burst
        self._counted_at = clock()
        self._paused_until = self._counted_at
        self._slow_rate = rate
        self._slowed_at = self._counted_at - _RECOVERY_SECONDS

    def take(self) -> None:
        """Wait for a token and take it; raises what ``wait`` raises."""
        with self._turn:
            # Asked anew after each wait: a pause may have begun meanwhile.
            while (seconds := self._claim()) > 0:
                self._wait(seconds)

    def hold(self) -> None:
        """Wait while there is a pause, for who has a token already; raises what ``wait`` raises."""
        while (seconds := self._paused_for()) > 0:
            self._wait(seconds)

    def pause(self, seconds: float) -> None:
        """Let nobody through for so long, whoever waits already included; a longer pause stays."""
        with self._lock:
            until = self._clock() + seconds
            if until > self._paused_until:
                self._paused_until = until
                self._empty(until)

    def slow_down(self, *, sent: float | None = None) -> None:
        """Halve the rate, to no less than 1 a second; it recovers linearly within a minute.

        Args:
            sent: When the request was sent that was refused, by the limiter's clock.  If that was
                before the rate was last halved, it says nothing about the rate of now.
        """
        with self._lock:
            now = self._clock()
            if sent is not None and sent < self._slowed_at:
                return
            lowest = min(self._full_rate, _LOWEST_RATE)
            self._slow_rate = max(lowest, self._rate_at(now) / 2)
            self._slowed_at = now
            self._empty(now)

    @property
    def rate(self) -> float:
        """How many requests a second get through now."""
        with self._lock:
            return self._rate_at(self._clock())

    def _paused_for(self) -> float:
        with self._lock:
            return self._paused_until - self._clock()

    def _claim(self) -> float:
        """Take a token and return 0, or return the seconds after which to ask again."""
        with self._lock:
            now = self._clock()
            if now < self._paused_until:
                return self._paused_until - now
            rate = self._rate_at(now)
            saved = self._tokens + (now - self._counted_at) * rate
            self._tokens, self._counted_at = min(self._burst, saved), now
            if self._tokens < _WHOLE:
                return (1 - self._tokens) / rate
            self._tokens -= 1
            return 0.0

    def _empty(self, moment: float) -> None:
        """Begin to save up at *moment*, with nothing."""
        self._tokens, self._counted_at = 0.0, max(moment, self._paused_until)

    def _rate_at(self, now: float) -> float:
        recovered = min(1.0, (now - self._slowed_at) / _RECOVERY_SECONDS)
        return self._slow_rate + (self._full_rate - self._slow_rate) * recovered
