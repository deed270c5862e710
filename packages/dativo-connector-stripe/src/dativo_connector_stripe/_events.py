"""What events tell about a stream since its last read."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial

import attrs

from dativo.contract import Batch, Context
from dativo.errors import StateError
from dativo_connector_stripe._batches import Batches
from dativo_connector_stripe._changes import Change, Changes
from dativo_connector_stripe._checkpoint import Position
from dativo_connector_stripe._children import Children
from dativo_connector_stripe._client import Client
from dativo_connector_stripe._config import StripeConfig
from dativo_connector_stripe._fresh import Due, due_of
from dativo_connector_stripe._horizon import Horizon
from dativo_connector_stripe._listing import Listing
from dativo_connector_stripe._streams import StreamRow
from dativo_connector_stripe._times import text_of_seconds
from dativo_connector_stripe._walk import walk, wanted_threads
from dativo_connector_stripe._windows import Windows

__all__ = ["EventRead", "require_events"]

_PATH = "/v1/events"
_KEPT_SECONDS = 29 * 86_400
"""Stripe keeps events for 30 days; the last one is left to clocks and to the read itself."""


def require_events(stream: str, events: Horizon, now: int) -> None:
    """Raise a StateError if Stripe may have forgotten events that were not read yet."""
    if events.lower >= now - _KEPT_SECONDS:
        return
    last = text_of_seconds(events.lower)
    raise StateError(
        f"{stream} was read up to {last}, and Stripe keeps events for 30 days: changes since then "
        "may be missed",
        fix="Read the stream anew with --full-refresh, and then at least once in 29 days.",
        details={"read_up_to": last},
    )


@attrs.define(kw_only=True)
class EventRead:
    """Reads the events of the stream *row*.

    Attributes:
        row: The stream.
        listed: The stream whose objects the events are about: its parent, or itself.
        config: Says how.
        position: Where the stream stands.
        due: Where the list is read afterwards; ``None`` if it is not.
        gathered: Gathers the records.
        children: Finds records below the events' objects; ``None`` if those are the records.
        takes_deletions: Whether the target deletes.
        client: What asks.
        context: For whom.
    """

    row: StreamRow
    listed: StreamRow
    config: StripeConfig
    position: Position
    due: Horizon | None
    gathered: Batches
    children: Children | None
    takes_deletions: bool
    client: Client
    context: Context

    def beginning(self, now: int) -> Horizon:
        """Return where a stream without state begins: after the events that are known *now*.

        They tell nothing that its list, which is read afterwards, would not have.
        """
        overlap = self.config.overlap_seconds
        return self._due(self._listing(), Horizon(lower=max(0, now - overlap)), now).horizon

    def batches(self, events: Horizon, now: int) -> Generator[Batch, None, Position]:
        """Yield what has changed since *events*, then return how far the stream was read.

        Only the last batch has a checkpoint: before it nobody knows which event is the newest.
        If nothing has changed there is no batch.
        """
        listing = self._listing()
        changes = self._changes(events)
        due = self._due(listing, events, now)
        yield from self._told(changes.take(due.fresh), due.size_bytes)
        windows = Windows(due.spans, wanted=partial(wanted_threads, listing))
        pages = walk(listing, windows, seen=events, threads=self.config.concurrency)
        for page in pages:
            yield from self._told(changes.take(page.objects), page.size_bytes)
        for change in changes.settle(self.client, self.context):
            yield from self._told(change, 0)
        position = attrs.evolve(self.position, events=due.horizon)
        if self.gathered.total:
            yield self.gathered.take(position.to_checkpoint())
        return position

    def _told(self, change: Change, size_bytes: int) -> Iterator[Batch]:
        if change.gone and self.takes_deletions:
            # What was gathered came before, and may have the same keys.
            if not self.gathered.is_empty:
                yield self.gathered.take()
            yield self.gathered.deletions(change.gone)
        records = change.objects if self.children is None else self.children.of(change.objects)
        self.gathered.add(records, size_bytes)
        if self.gathered.is_full:
            yield self.gathered.take()

    def _due(self, listing: Listing, events: Horizon, now: int) -> Due:
        return due_of(
            listing,
            events,
            now,
            overlap_seconds=self.config.overlap_seconds,
            most_bytes=self.context.buffer_bytes,
        )

    def _listing(self) -> Listing:
        return Listing(
            client=self.client,
            context=self.context,
            path=_PATH,
            walks=tuple((("type", pattern),) for pattern in self.row.events),
            cursor="created",
        )

    def _changes(self, events: Horizon) -> Changes:
        return Changes(
            self.row,
            self.listed,
            api_version=self.config.api_version,
            read_to=events.upper,
            # What has no list of its own is read by its parents', and has a time of its own.
            start=0 if self.due is None else self.config.start_seconds or 0,
            due=self.due,
        )
