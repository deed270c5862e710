"""A list that is read by several threads, as fast as its limits let them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import attrs

from dativo_connector_stripe._decode import RawObject
from dativo_connector_stripe._horizon import Horizon
from dativo_connector_stripe._listing import Listing, require_id
from dativo_connector_stripe._reading import Fetched, Reading
from dativo_connector_stripe._windows import Window, Windows

__all__ = ["walk", "wanted_threads"]

_MARGIN = 1.5

Expand = Callable[[tuple[RawObject, ...]], tuple[RawObject, ...]]


def walk(
    listing: Listing,
    windows: Windows,
    *,
    seen: Horizon,
    threads: int,
    expand: Expand | None = None,
) -> Iterator[Fetched]:
    """Yield the pages of *windows* as they come, without what *seen* has seen.

    Args:
        listing: What is read.
        windows: What of it.
        seen: Remembers what an earlier read has delivered.
        threads: The most threads that read; a limited one needs no more than one.
        expand: Makes records of the list's objects, in the threads; none if they are the records.
    """

    def fetch(window: Window) -> Fetched:
        page = listing.fetch(windows, window)
        new = tuple(one for one in page.objects if not seen.has_seen(require_id(one)))
        return attrs.evolve(page, objects=new if expand is None else expand(new))

    with Reading(
        windows, fetch, threads=threads, ahead_bytes=listing.context.buffer_bytes
    ) as reading:
        yield from reading


def wanted_threads(listing: Listing) -> int:
    """Return how many requests must be under way to use up the rate, by Little's law."""
    client = listing.client
    under_way = client.rate(listing.endpoint or listing.path) * client.latency_seconds
    return math.ceil(under_way * _MARGIN) + 1
