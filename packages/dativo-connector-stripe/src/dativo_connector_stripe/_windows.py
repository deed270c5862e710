"""What is still to be read of a list, as windows of ``created`` that threads share among them.

Times are whole seconds since 1970 UTC; windows have their lower end and not their upper one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import attrs

__all__ = ["PAGE_SIZE", "Span", "Window", "Windows"]

PAGE_SIZE = 100
"""The most objects that Stripe puts on a page."""

_FIRST_OBJECT = 1_262_304_000
"""2010: Stripe's API is younger, so that there is nothing to share out before."""

_LEAST_PAGES = 3
_FREE_PARTS = 8
_PAGES_PER_PART = 10
_MOST_EMPTY = 4
"""Parts from before the account's first object, which nobody knows, are not counted: half of the
time, half of the rest, and so on."""


@attrs.frozen
class Span:
    """A part of a list that was not delivered yet.

    Attributes:
        lower: The first second of ``created``; 0 for no bound.
        upper: The second after the last one; ``None`` for no bound.
        after: The id of the last object that was delivered; it lies within the span.
        walk: Which walk of the list it belongs to; most lists have one, number 0.
    """

    lower: int
    upper: int | None
    after: str | None = None
    walk: int = 0


@attrs.define(eq=False)
class Window:
    """A span while one thread pages it, the newest objects first.

    Attributes:
        lower: Where it ends; it rises when the older part is given to another thread.
        upper: Where it begins.
        walk: Which walk of the list it belongs to.
        after: The id of the last object received.
        position: The second of the last object received.
        received: How many objects were received.
        firsts: The ids that its pages began with.
        ties: The ids of the last second received, as far as they are known.
        is_received: Whether it was received to its end.
        is_delivered: Whether it was delivered to its end.
        rest_upper: The upper bound of what is not delivered.
        rest_after: The id of the last object delivered.
    """

    lower: int
    upper: int | None
    walk: int = 0
    after: str | None = None
    position: int | None = None
    received: int = 0
    firsts: set[str] = attrs.field(factory=set)
    ties: frozenset[str] = frozenset()
    is_received: bool = False
    is_delivered: bool = False
    rest_upper: int | None = None
    rest_after: str | None = None

    @classmethod
    def of(cls, span: Span) -> Window:
        """Return the window that begins with *span*."""
        return cls(
            lower=span.lower,
            upper=span.upper,
            walk=span.walk,
            after=span.after,
            rest_upper=span.upper,
            rest_after=span.after,
        )

    @property
    def bottom(self) -> int:
        """The second above which the rest has objects, as far as anybody can know."""
        return max(self.lower, _FIRST_OBJECT)

    def forget_cursor(self) -> None:
        """Go on from the last second received, as its last object is no more."""
        self.after = None
        self.firsts.clear()
        if self.position is not None and self.upper is not None:
            self.upper = self.position + 1

    def pages_left(self) -> float:
        """About how many pages are still to come, if the rest is as dense as what came."""
        if self.upper is None or self.position is None:
            return 0
        density = self.received / max(1, self.upper - self.position)
        return density * (self.position - self.bottom) / PAGE_SIZE


class Windows:
    """Gives windows to threads and knows what was delivered; all methods are thread-safe.

    A list can be followed by one request after the other only. If a thread has nothing to do and
    more are wanted, the older half of what is left of a window becomes a window of its own. Each
    costs about half a page that is not full, so their number is kept in proportion to the pages.
    The first page is shared out among all at once: the newest part gets short, and who has read it
    takes half of a longer one.
    """

    def __init__(self, spans: Iterable[Span], *, wanted: Callable[[], int]) -> None:
        """Begin with *spans*, which do not overlap; *wanted* says how many threads may read."""
        self._all = [Window.of(span) for span in spans]
        self._waiting = deque(self._all)
        self._reading: list[Window] = []
        self._wanted = wanted
        self._pages = 0
        self._parts = 0
        self._empty = 0
        self._is_stopped = False
        self._changed = threading.Condition()

    def take(self) -> Window | None:
        """Wait for a window to read; ``None`` if there is nothing more to do."""
        with self._changed:
            while not self._is_stopped and (self._waiting or self._reading):
                if len(self._reading) < max(1, self._wanted()):
                    window = self._waiting.popleft() if self._waiting else self._part()
                    if window is not None:
                        self._reading.append(window)
                        # What is left may be enough for one more.
                        self._changed.notify()
                        return window
                self._changed.wait()
            return None

    def receive(
        self, window: Window, created: Sequence[int], ids: Sequence[str], *, has_more: bool
    ) -> int:
        """Take note of a page of *window*; return how many of its first objects belong to it.

        The others belong to the part that was given away while the page was on its way.
        *created* does not rise, where the window has bounds.
        """
        with self._changed:
            self._pages += 1
            kept = len(created)
            if window.upper is not None:
                kept = sum(1 for second in created if second >= window.lower)
            window.is_received = not has_more or kept < len(created)
            if kept:
                window.received += kept
                window.position = created[kept - 1]
                window.after = ids[kept - 1]
            if window.is_received:
                self._empty += not window.received
                self._reading.remove(window)
                # The last threads wait for something that will not come any more.
                self._changed.notify_all()
            else:
                self._changed.notify()
            return kept

    def deliver(
        self, window: Window, position: int | None, last: str | None, *, is_last: bool
    ) -> None:
        """Take note that *window* was delivered down to the object *last* of that second."""
        with self._changed:
            window.is_delivered = is_last
            if last is None:
                return
            window.rest_after = last
            if window.upper is not None and position is not None:
                window.rest_upper = position + 1

    def rest(self) -> tuple[Span, ...]:
        """Return what was not delivered yet, the oldest first."""
        with self._changed:
            left = [
                Span(window.lower, window.rest_upper, window.rest_after, window.walk)
                for window in self._all
                if not window.is_delivered
            ]
        return tuple(sorted(left, key=lambda span: (span.walk, span.lower)))

    def stop(self) -> None:
        """Let :meth:`take` return ``None`` everywhere."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def _part(self) -> Window | None:
        """Cut the older half off the window that has the most to come."""
        counted = self._parts - min(self._empty, _MOST_EMPTY)
        if counted >= _FREE_PARTS + self._pages // _PAGES_PER_PART:
            return None
        window = max(self._reading, key=Window.pages_left)
        if window.position is None or window.pages_left() < _LEAST_PAGES:
            return None
        middle = (window.bottom + window.position) // 2
        if not window.bottom < middle <= window.position:
            return None
        part = Window.of(Span(window.lower, middle, walk=window.walk))
        window.lower = middle
        self._parts += 1
        self._all.append(part)
        return part
