"""What is due of a list, and its newest part, which is read whole before any of it is delivered."""

from __future__ import annotations

import attrs

from dativo_connector_stripe._decode import RawObject
from dativo_connector_stripe._horizon import MOST_SEEN, Horizon
from dativo_connector_stripe._listing import Listing, require_id
from dativo_connector_stripe._windows import Span, Window, Windows

__all__ = ["Due", "due_of"]


@attrs.frozen(kw_only=True)
class Due:
    """What a read of a list has to deliver.

    Attributes:
        fresh: Objects that were read already, without those that an earlier read has delivered.
        size_bytes: About how much memory they take.
        spans: What is to be read; objects in it may have been delivered by an earlier read.
        horizon: Where the next read begins, once all this is delivered.
    """

    fresh: tuple[RawObject, ...] = ()
    size_bytes: int = 0
    spans: tuple[Span, ...] = ()
    horizon: Horizon


def due_of(
    listing: Listing, horizon: Horizon, upper: int, *, overlap_seconds: int, most_bytes: int
) -> Due:
    """Return what is due of *listing* from *horizon* to *upper*.

    Objects of the last *overlap_seconds* are remembered, for the next read looks there again. If
    they are too many for a checkpoint, or more than *most_bytes*, they are left to it altogether.
    """
    if upper <= horizon.upper:
        # The clock went back, or stands: what was read is remembered only up to there.
        return Due(horizon=horizon)
    middle = max(horizon.lower, upper - overlap_seconds)
    fresh, size_bytes = _read(listing, middle, upper, most_bytes=most_bytes)
    ids = None if fresh is None else [require_id(one) for one in fresh]
    walks = range(len(listing.walks)) if horizon.lower < middle else ()
    return Due(
        fresh=tuple(one for one in fresh or () if not horizon.has_seen(require_id(one))),
        size_bytes=size_bytes,
        spans=tuple(Span(horizon.lower, middle, walk=walk) for walk in walks),
        horizon=horizon.after(upper, middle, ids),
    )


def _read(
    listing: Listing, lower: int, upper: int, *, most_bytes: int
) -> tuple[tuple[RawObject, ...] | None, int]:
    found: list[RawObject] = []
    size_bytes = 0
    for walk in range(len(listing.walks)) if lower < upper else ():
        before = len(found)
        windows = Windows([Span(lower, upper, walk=walk)], wanted=lambda: 1)
        window = windows.take()
        while window is not None and not window.is_received:
            page = listing.fetch(windows, window)
            found += page.objects
            size_bytes += page.size_bytes
            expected = before + _expected(window, len(found) - before)
            if size_bytes > most_bytes or expected > MOST_SEEN:
                return None, 0
    return tuple(found), size_bytes


def _expected(window: Window, found: int) -> float:
    """How many there will be, if the rest is half as dense as what came."""
    if window.is_received or window.upper is None or window.position is None:
        return found
    passed = max(1, window.upper - window.position)
    return found + found / passed * (window.position - window.lower) / 2
