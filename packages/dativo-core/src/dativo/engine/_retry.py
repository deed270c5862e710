"""The one retry layer: what waits how long, and when it gives up."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TypeVar

import attrs

from dativo.engine._cancel import Cancellation
from dativo.errors import DativoError, PluginExecutionError, wrap_exception

__all__ = ["RetryBudget", "RetryPolicy"]

T = TypeVar("T")


class RetryBudget:
    """The retries that all calls of a run share, so that a broken system is not hammered."""

    def __init__(self, retries: int) -> None:
        self._left = retries
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Use up one retry; return whether there was one left."""
        with self._lock:
            self._left -= 1
            return self._left >= 0


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How failed work is tried again.

    Attributes:
        retries: Tries after the first one, in a row.
        budget: What all calls of the run share.
        base_seconds: The first wait; each further one doubles.
        cap_seconds: The longest wait of our own choosing; a ``retry_after`` may be longer.
        jitter: Gives a number from 0 to 1; waits are spread over half of their length.
    """

    retries: int = 5
    budget: RetryBudget = attrs.field(factory=lambda: RetryBudget(1000))
    base_seconds: float = 1.0
    cap_seconds: float = 60.0
    jitter: Callable[[], float] = random.random

    def wait_seconds(self, error: DativoError, attempt: int) -> float | None:
        """Return how long to wait after try number *attempt*, or ``None`` to give up.

        Uses up one retry of the budget.
        """
        if not error.retryable or attempt > self.retries or not self.budget.take():
            return None
        if error.retry_after is not None:
            # Never earlier than told; a little later, so that many clients do not return at once.
            return error.retry_after + self.jitter() * min(1.0, self.base_seconds)
        longest = min(self.cap_seconds, self.base_seconds * 2 ** (attempt - 1))
        return float(longest * (0.5 + self.jitter() / 2))

    def call(
        self,
        call: Callable[[], T],
        *,
        cancellation: Cancellation,
        tell: Callable[[DativoError, int, float], None],
        seconds_left: Callable[[], float | None],
    ) -> T:
        """Call until it succeeds, fails for good, or the waits would outlast the run.

        What ``wrap_exception`` classifies is raised as an error of ours; all else, mostly a bug of
        the caller, passes through as it is.
        """
        attempt = 1
        while True:
            cancellation.raise_if_set()
            try:
                return call()
            except Exception as raised:
                error = _classified(raised)
                if error is None:
                    raise
                wait = self.wait_seconds(error, attempt)
                left = seconds_left()
                if wait is None or (left is not None and wait > left):
                    raise error  # noqa: B904 - its cause is set: that which was raised, if any
                tell(error, attempt, wait)
            if cancellation.wait(wait):
                cancellation.raise_if_set()
            attempt += 1


def _classified(raised: Exception) -> DativoError | None:
    error = wrap_exception(raised)
    return None if error is not raised and type(error) is PluginExecutionError else error
