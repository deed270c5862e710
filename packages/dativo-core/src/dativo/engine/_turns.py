"""Who may read now: streams open and publish beside those that read, but few read at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from dativo.engine._cancel import Cancellation

__all__ = ["Turns"]

_TICK_SECONDS = 0.2


class Turns:
    """At most *count* streams read at once, so that a source is asked no more than it was told."""

    def __init__(self, count: int, cancellation: Cancellation) -> None:
        self._free = threading.Semaphore(count)
        self._cancellation = cancellation

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn, and have it while entered.

        Raises:
            DativoError: The run is being stopped.
        """
        while not self._free.acquire(timeout=_TICK_SECONDS):
            self._cancellation.raise_if_set()
        try:
            self._cancellation.raise_if_set()
            yield
        finally:
            self._free.release()
