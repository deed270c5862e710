"""One stream of a run: what its events tell, then what its list has, as batches."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import cached_property, partial

import attrs

from dativo.contract import Batch, Checkpoint, Context, ReadMode, StreamRequest
from dativo.errors import ConfigurationError, ResourceNotFoundError
from dativo_connector_stripe._batches import Batches
from dativo_connector_stripe._checkpoint import Origin, Position
from dativo_connector_stripe._children import Children
from dativo_connector_stripe._client import Client, open_client
from dativo_connector_stripe._config import StripeConfig
from dativo_connector_stripe._events import EventRead, require_events
from dativo_connector_stripe._fresh import Due, due_of
from dativo_connector_stripe._horizon import Horizon
from dativo_connector_stripe._listing import Listing
from dativo_connector_stripe._reading import Fetched
from dativo_connector_stripe._streams import StreamRow, listed_of, streams
from dativo_connector_stripe._times import seconds_of, text_of_seconds
from dativo_connector_stripe._walk import walk, wanted_threads
from dativo_connector_stripe._windows import Span, Windows

_DAY = 86_400

__all__ = ["extract", "require_readable", "row_of"]


def extract(
    config: StripeConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> Iterator[Batch]:
    """Yield the records of one stream, from *state* on where there is one."""
    read = StreamRead(
        row=row_of(request),
        config=config,
        request=request,
        client=open_client(config, context),
        context=context,
    )
    yield from read.batches(state)


def row_of(request: StreamRequest) -> StreamRow:
    """Return the row of the table that is asked for.

    Raises:
        ResourceNotFoundError: There is none.
    """
    row = streams().get(request.stream)
    if row is None:
        near = difflib.get_close_matches(request.stream, streams(), n=1)
        fix = f"Did you mean {near[0]}?" if near else "See `dativo discover`."
        msg = f"Stripe has no stream {request.stream!r}"
        raise ResourceNotFoundError(msg, fix=fix, stream=request.stream)
    return row


def require_readable(row: StreamRow, request: StreamRequest, config: StripeConfig) -> None:
    """Raise a ConfigurationError if *request* asks for what the stream *row* cannot do."""
    is_incremental = request.mode is ReadMode.INCREMENTAL
    if is_incremental and not config.windows:
        msg = f"stream {row.name!r} cannot be read incrementally with `windows: false`"
        raise ConfigurationError(msg, fix="Read it with `mode: full`, or leave `windows` out.")
    if request.cursor is not None and request.cursor != row.cursor:
        cursor = f"`cursor: {row.cursor}`" if row.cursor else "no cursor"
        msg = f"stream {row.name!r} is not read by {request.cursor!r}"
        raise ConfigurationError(msg, fix=f"Give {cursor}, or leave it to the source.")
    for bound in (request.lower, request.upper):
        _require_moment(bound)


def _require_moment(bound: str | None) -> None:
    if bound is None:
        return
    try:
        seconds_of(bound)
    except ValueError as error:
        msg = f"{bound!r} is no time at which an object can have been created"
        fix = "Write a date or time, such as 2024-01-31 or 2024-01-31T12:00:00Z."
        raise ConfigurationError(msg, fix=fix) from error


def _is_idle(position: Position, now: int) -> bool:
    """Whether a read from *position* that finds nothing may leave the state as it is.

    A job that runs each minute would commit for each stream that it has looked at. Once a day it
    does, so that events stay within the time for which Stripe keeps them.
    """
    last = position.events or position.objects
    return not position.rest and now - last.upper < _DAY


@attrs.define(kw_only=True)
class StreamRead:
    """Reads the stream *row*, as *request* says."""

    row: StreamRow
    config: StripeConfig
    request: StreamRequest
    client: Client
    context: Context

    def batches(self, state: Checkpoint | None) -> Iterator[Batch]:
        """Yield what the request asks for; with checkpoints if it is to be continued."""
        require_readable(self.row, self.request, self.config)
        is_range = self.request.lower is not None or self.request.upper is not None
        if self.request.mode is ReadMode.FULL or is_range:
            yield from self._whole()
            return
        now = self.client.now(self.context)
        if state is None:
            begun = self._beginning(now)
            yield from self._list(begun, self._due(begun, now), None)
            return
        begun = position = self._position(state, now)
        if position.events is not None:
            position = yield from self._event_read(position).batches(position.events, now)
        due = (
            Due(horizon=position.objects)
            if self._follows_events_alone
            else self._due(position, now)
        )
        yield from self._list(position, due, state if _is_idle(begun, now) else None)

    def _whole(self) -> Iterator[Batch]:
        """Read the list once, without a checkpoint."""
        lower, upper = self.request.lower, self.request.upper
        first = max(self._start, seconds_of(lower) if lower is not None else 0)
        listing = self._listing
        last: int | None = None
        if listing.cursor:
            last = seconds_of(upper) if upper is not None else self.client.now(self.context)
        spans = [Span(first, last, walk=number) for number in range(len(listing.walks))]
        windows = Windows(spans, wanted=partial(wanted_threads, listing))
        batches = self._gathered
        for page in self._walk(windows, Horizon()):
            batches.add(page.objects, page.size_bytes)
            if batches.is_full:
                yield batches.take()
        yield batches.take()

    def _due(self, position: Position, now: int) -> Due:
        return due_of(
            self._listing,
            position.objects,
            now,
            overlap_seconds=self.config.overlap_seconds,
            most_bytes=self.context.buffer_bytes,
        )

    def _list(self, position: Position, due: Due, idle: Checkpoint | None) -> Iterator[Batch]:
        """Read what is due of the list, and what earlier reads have left over.

        *idle* is the checkpoint if the whole read has found nothing.
        """
        windows = Windows(
            (*position.rest, *due.spans), wanted=partial(wanted_threads, self._listing)
        )
        reached = attrs.evolve(position, objects=due.horizon)
        batches = self._gathered
        batches.add(self._children.of(due.fresh), due.size_bytes)
        for page in self._walk(windows, position.objects):
            batches.add(page.objects, page.size_bytes)
            windows.deliver(page.window, page.position, page.last, is_last=page.is_last)
            if batches.is_full:
                yield batches.take(attrs.evolve(reached, rest=windows.rest()).to_checkpoint())
        done = attrs.evolve(reached, rest=windows.rest()).to_checkpoint()
        yield batches.take(idle if idle is not None and not batches.total else done)

    def _walk(self, windows: Windows, seen: Horizon) -> Iterator[Fetched]:
        # A preview stops after a few records, which one request brings.
        threads = self.config.concurrency if self.context.limit is None else 1
        return walk(self._listing, windows, seen=seen, threads=threads, expand=self._children.of)

    def _event_read(self, position: Position) -> EventRead:
        is_own = self._follows_events_alone
        return EventRead(
            row=self.row,
            listed=self.row if is_own else listed_of(self.row),
            config=self.config,
            position=position,
            due=None if is_own else position.objects,
            gathered=self._gathered,
            children=None if is_own else self._children,
            takes_deletions=self.request.deletes,
            client=self.client,
            context=self.context,
        )

    def _position(self, state: Checkpoint, now: int) -> Position:
        position = Position.of(state)
        position.origin.require_same(self._origin())
        if position.events is not None:
            require_events(self.row.name, position.events, now)
        if self.row.kept_days and position.objects.upper < now - self.row.kept_days * _DAY:
            # No error: a full refresh would exchange what is published for less.
            self.context.log(
                f"Stripe keeps {self.row.name} for {self.row.kept_days} days, and none was read "
                f"since {text_of_seconds(position.objects.upper)}: those in between are lost",
                level="warning",
            )
        return position

    def _beginning(self, now: int) -> Position:
        """Return where a stream without state begins: what changes while it is read counts."""
        position = Position(origin=self._origin(), objects=Horizon(lower=self._start))
        if not self.row.events:
            return position
        if self._follows_events_alone:
            # No list is read again for what it did not have yet, so that events must tell it.
            events = Horizon(lower=max(0, now - self.config.overlap_seconds), upper=now)
        else:
            events = self._event_read(position).beginning(now)
        return attrs.evolve(position, events=events)

    def _origin(self) -> Origin:
        account = self.client.account(self.context)
        return Origin(
            account=account.id, livemode=account.livemode, api_version=self.config.api_version
        )

    @property
    def _start(self) -> int:
        return self.config.start_seconds or 0

    @property
    def _follows_events_alone(self) -> bool:
        """Whether only events tell what is new, as no list of new parents could."""
        return bool(self.row.parent) and not self.row.embedded

    @cached_property
    def _listing(self) -> Listing:
        listed = listed_of(self.row)
        return Listing(
            client=self.client,
            context=self.context,
            path=listed.path,
            walks=tuple(tuple({**listed.params, **one}.items()) for one in listed.passes or ({},)),
            cursor=listed.cursor if self.config.windows and listed.has_created else "",
        )

    @property
    def _children(self) -> Children:
        return Children(row=self.row, client=self.client, context=self.context)

    @cached_property
    def _gathered(self) -> Batches:
        return Batches(self.row, self.request.columns, self.context)
