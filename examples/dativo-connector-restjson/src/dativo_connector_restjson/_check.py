"""Trying an API with one request for each stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dativo.contract import (
    CheckItem,
    ConnectionTestResult,
    Context,
    ReadMode,
    StreamRequest,
)
from dativo.errors import (
    AuthenticationError,
    ConnectionFailedError,
    DativoError,
    InsufficientPermissionsError,
    TransientError,
)
from dativo_connector_restjson._columns import Columns, inferred_types
from dativo_connector_restjson._config import RestConfig
from dativo_connector_restjson._extract import cursor_type, incremental_of, listing_of

__all__ = ["check_connection"]


def check_connection(config: RestConfig, context: Context) -> ConnectionTestResult:
    """Ask for the first page of each stream of the job, or of all streams that there are."""
    all_streams = [StreamRequest(stream=name) for name in config.streams]
    return ConnectionTestResult(_items(config, context.streams or all_streams, context))


def _items(
    config: RestConfig, requests: Sequence[StreamRequest], context: Context
) -> Iterator[CheckItem]:
    streams = []
    for request in requests:
        try:
            streams.append(
                CheckItem.ok(f"stream {request.stream}", _tried(config, request, context))
            )
        except (ConnectionFailedError, TransientError) as error:
            yield CheckItem.failed("host", error)
            return
        except InsufficientPermissionsError as error:
            streams.append(CheckItem.failed(f"stream {request.stream}", error))
        except AuthenticationError as error:
            yield CheckItem.ok("host", "it answers")
            yield CheckItem.failed("auth", error)
            return
        except DativoError as error:
            streams.append(CheckItem.failed(f"stream {request.stream}", error))
    yield CheckItem.ok("host", "it answers")
    yield (
        CheckItem.skipped("auth", "the job names none")
        if config.auth is None
        else CheckItem.ok("auth", "it is accepted")
    )
    yield from streams


def _tried(config: RestConfig, request: StreamRequest, context: Context) -> str:
    listing = listing_of(config, request.stream, context)
    stream = listing.stream
    if request.mode is ReadMode.INCREMENTAL:
        incremental_of(stream, request)
    records = listing.first().records
    types = stream.types or inferred_types(records, stream)
    if stream.incremental is not None:
        cursor_type(listing, types, stream.incremental)
    columns = Columns(name=listing.name, stream=stream, types=types, wanted=request.columns)
    return f"{columns.batch(records).num_rows} records on the first page"
