"""The clock of the fake: what `Date`, `created` and the age of events come from."""

from __future__ import annotations

import time

__all__ = ["START", "Clock"]

START = 1_793_534_400
"""2026-11-01 12:00 UTC: where a clock stands unless told otherwise."""


class Clock:
    """Stands still unless it has a speed; 1.0 is the speed of real time."""

    def __init__(self, moment: int = START, *, speed: float = 0.0) -> None:
        self._moment = float(moment)
        self._speed = speed
        self._since = time.monotonic()

    @property
    def now(self) -> int:
        """Seconds since 1970."""
        return int(self._moment + (time.monotonic() - self._since) * self._speed)

    def set(self, moment: int) -> None:
        self._moment, self._since = float(moment), time.monotonic()

    def advance(self, seconds: int) -> None:
        self.set(self.now + seconds)
