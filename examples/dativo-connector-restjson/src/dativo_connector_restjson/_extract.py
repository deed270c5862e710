"""Reading one stream: everything, what is new, or a range once more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import arro3.core as arro3

from dativo.contract import Batch, Checkpoint, Context, ReadMode, StreamRequest
from dativo.errors import (
    CapabilityMissingError,
    DataValidationError,
    ResourceNotFoundError,
    SchemaValidationError,
)
from dativo_connector_restjson._client import open_client
from dativo_connector_restjson._columns import Columns, Record, inferred_types
from dativo_connector_restjson._config import (
    Incremental,
    RestConfig,
    StreamConfig,
    require_order,
)
from dativo_connector_restjson._cursor import Horizon, parameter, parse_bound
from dativo_connector_restjson._pages import Listing, Page
from dativo_connector_restjson._types import FieldType

__all__ = ["cursor_type", "extract", "incremental_of", "listing_of"]


def extract(
    config: RestConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> Iterator[Batch]:
    """Yield the records of one stream, a page at a time.

    Raises:
        DativoError: A page cannot be had, or is not what the job file says.
    """
    listing = listing_of(config, request.stream, context)
    if request.lower is not None or request.upper is not None:
        return _range(listing, request)
    if request.mode is ReadMode.INCREMENTAL:
        return _new(listing, request, state)
    return _all(listing, request)


def listing_of(config: RestConfig, name: str, context: Context) -> Listing:
    """Return the list of the stream *name*.

    Raises:
        ResourceNotFoundError: The job file describes no such list.
    """
    stream = config.streams.get(name)
    if stream is None:
        raise ResourceNotFoundError(
            f"`source.config.streams` describes no stream {name}",
            fix=f"Describe it there, or read one of: {', '.join(config.streams)}.",
            stream=name,
        )
    client = open_client(config, context)
    return Listing(
        name=name, stream=stream, client=client, context=context, max_pages=config.max_pages
    )


def incremental_of(stream: StreamConfig, request: StreamRequest) -> Incremental:
    """Return how new records are found.

    Raises:
        CapabilityMissingError: The job file does not say it.
        SchemaValidationError: It says another cursor for the job.
    """
    if stream.incremental is None:
        raise CapabilityMissingError(
            f"{request.stream} is read in full only",
            fix="Say in `incremental` of the stream which field tells what is new.",
            stream=request.stream,
        )
    if request.cursor not in {None, stream.incremental.field}:
        raise SchemaValidationError(
            f"{request.stream} is ordered by {stream.incremental.field}, not by {request.cursor}",
            stream=request.stream,
        )
    return stream.incremental


def _all(listing: Listing, request: StreamRequest) -> Iterator[Batch]:
    columns: Columns | None = None
    for page in listing.pages({}):
        if columns is None:
            columns = _columns(listing, request, _types(listing.stream, page))
        yield Batch(_table(columns, page.records, listing.context))


def _new(listing: Listing, request: StreamRequest, state: Checkpoint | None) -> Iterator[Batch]:
    incremental = incremental_of(listing.stream, request)
    horizon = _begin(listing, incremental, state)
    columns = _columns(listing, request, horizon.types)
    known = horizon
    for page in listing.pages(_params(incremental, horizon)):
        read = _valued(columns, page.records, incremental)
        if incremental.ascending:
            _require_ascending(listing, read, since=None if horizon is known else horizon.at)
        fresh = [
            (record, value)
            for record, value in read
            if (known.asked is None or value >= known.asked) and not known.knows(record)
        ]
        horizon = horizon.after(listing.stream, fresh)
        if not fresh and not page.is_last:
            listing.context.progress()
            continue
        is_covered = page.is_last or incremental.ascending
        table = _table(columns, [record for record, _ in fresh], listing.context)
        yield Batch(table, horizon.checkpoint() if is_covered else None)


def _range(listing: Listing, request: StreamRequest) -> Iterator[Batch]:
    incremental = incremental_of(listing.stream, request)
    types = listing.stream.types or _types(listing.stream, listing.first())
    columns = _columns(listing, request, types)
    kind = cursor_type(listing, types, incremental)
    lower = None if request.lower is None else parse_bound(request.lower, kind, what="lower")
    upper = None if request.upper is None else parse_bound(request.upper, kind, what="upper")
    params = {}
    # A server that leaves out the bound itself is asked for everything, and it is cut here.
    if lower is not None and incremental.param and incremental.bound == "inclusive":
        params[incremental.param] = parameter(lower, kind, incremental.sent_as)
    if upper is not None and incremental.upper_param:
        params[incremental.upper_param] = parameter(upper, kind, incremental.sent_as)
    for page in listing.pages(params):
        chosen = [
            record
            for record, value in _valued(columns, page.records, incremental)
            if (lower is None or value >= lower) and (upper is None or value < upper)
        ]
        if chosen or page.is_last:
            yield Batch(_table(columns, chosen, listing.context))
        else:
            listing.context.progress()


def _begin(listing: Listing, incremental: Incremental, state: Checkpoint | None) -> Horizon:
    """Return where to go on, or where to begin: the columns are those of the whole list."""
    stream = listing.stream
    if state is not None:
        return Horizon.of(state, stream, name=listing.name)
    types = stream.types or _types(stream, listing.first())
    kind = cursor_type(listing, types, incremental)
    start = incremental.start
    asked = None if start is None else parse_bound(start, kind, what="incremental.start")
    return Horizon(digest=stream.digest(), types=types, asked=asked)


def _types(stream: StreamConfig, first: Page) -> Mapping[str, FieldType]:
    return stream.types or inferred_types(first.records, stream)


def _columns(listing: Listing, request: StreamRequest, types: Mapping[str, FieldType]) -> Columns:
    return Columns(name=listing.name, stream=listing.stream, types=types, wanted=request.columns)


def cursor_type(
    listing: Listing, types: Mapping[str, FieldType], incremental: Incremental
) -> FieldType:
    """Return the type of the cursor.

    Raises:
        SchemaValidationError: It does not order records.
    """
    kind = types[incremental.field]
    try:
        require_order(kind, incremental)
    except ValueError as error:
        raise SchemaValidationError(
            f"{listing.name}: {error}",
            fix="Declare its type in `fields` of the stream.",
            stream=listing.name,
        ) from error
    return kind


def _params(incremental: Incremental, horizon: Horizon) -> Mapping[str, str]:
    if horizon.asked is None or incremental.param is None:
        return {}
    kind = horizon.types[incremental.field]
    return {incremental.param: parameter(horizon.asked, kind, incremental.sent_as)}


def _valued(
    columns: Columns, records: Sequence[Record], incremental: Incremental
) -> list[tuple[Record, Any]]:
    return [(record, columns.value(record, incremental.field)) for record in records]


def _require_ascending(listing: Listing, read: Sequence[tuple[Record, Any]], *, since: Any) -> None:
    for _, value in read:
        if since is not None and value < since:
            raise DataValidationError(
                f"{listing.name} is not in ascending order, so that a read cannot go on in it",
                fix="Sort it by a parameter in `params`, or take `ascending` out.",
                stream=listing.name,
            )
        since = value


def _table(columns: Columns, records: Sequence[Record], context: Context) -> arro3.Table:
    size = max(1, context.batch_rows)
    parts = [records[start : start + size] for start in range(0, len(records), size)] or [()]
    return arro3.Table.from_batches([columns.batch(part) for part in parts])
