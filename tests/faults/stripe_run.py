"""The engine's side of a read of the Stripe connector in this process: retries, stalls, hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import attrs
from fault_frame import Damage

from dativo.engine._cancel import Cancellation
from dativo.engine._retry import RetryPolicy
from dativo.errors import DativoError
from dativo_test_support.context import FakeContext

__all__ = ["RunContext", "Stalls", "noted_stalls", "watched"]

T = TypeVar("T")

_HANGS_SECONDS = 60.0
_TICK_SECONDS = 0.005


@attrs.define(kw_only=True)
class RunContext(FakeContext):
    """A context with the engine's own retry layer, whose waits are short and written down."""

    policy: RetryPolicy
    waits: list[tuple[DativoError, float]]
    tries: list[float]
    cancellation: Cancellation = attrs.field(factory=Cancellation)

    def retry(self, call: Callable[[], T]) -> T:
        def timed() -> T:
            began = time.monotonic()
            try:
                return call()
            finally:
                self.tries.append(time.monotonic() - began)

        return self.policy.call(
            timed,
            cancellation=self.cancellation,
            tell=lambda error, attempt, wait: self.waits.append((error, wait)),
            seconds_left=self._seconds_left,
        )

    def cancel(self) -> None:
        self.cancellation.cancel()
        FakeContext.cancel(self)

    def _seconds_left(self) -> float | None:
        return None if self.deadline is None else self.deadline - time.monotonic()


@attrs.define
class Stalls:
    """Notes when threads of this process get no time, as on a busy machine.

    What was sent before a refusal was read then comes late, and is not sent too early.
    """

    _seen: list[tuple[float, float]] = attrs.field(factory=list)
    _ended: threading.Event = attrs.field(factory=threading.Event)

    def watch(self) -> None:
        """Note stalls until :meth:`end`."""
        before = time.monotonic()
        while not self._ended.wait(_TICK_SECONDS):
            now = time.monotonic()
            if now - before > 1.2 * _TICK_SECONDS:
                self._seen.append((before, now))
            before = now

    def end(self) -> None:
        """Let :meth:`watch` return."""
        self._ended.set()

    def lost(self, since: float, until: float) -> float:
        """Return how many seconds were lost between two moments."""
        return sum(max(0.0, min(end, until) - max(start, since)) for start, end in self._seen)


@contextmanager
def noted_stalls() -> Iterator[Stalls]:
    """Note stalls for the length of the block."""
    stalls = Stalls()
    thread = threading.Thread(target=stalls.watch, daemon=True)
    thread.start()
    try:
        yield stalls
    finally:
        stalls.end()
        thread.join()


@contextmanager
def watched(context: RunContext) -> Iterator[None]:
    """Stop a run that hangs, which is a failure."""
    hung = threading.Event()

    def stop() -> None:
        hung.set()
        context.cancel()

    timer = threading.Timer(_HANGS_SECONDS, stop)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if hung.is_set():
            raise Damage(f"the run hung for {_HANGS_SECONDS:g} s")
