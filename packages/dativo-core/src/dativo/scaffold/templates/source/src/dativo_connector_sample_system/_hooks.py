"""The hooks: what the connector can do, and one line to where each thing is done.

The imports are inside the functions, so that naming the connector stays fast and works even where
a library is broken; the error then belongs to the call that needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dativo.contract import (
    Batch,
    Checkpoint,
    ConnectionTestResult,
    ConnectorInfo,
    Context,
    ErrorInfo,
    Permissions,
    ReadMode,
    Replay,
    SourceInfo,
    Stream,
    StreamRequest,
    hookimpl,
)

from ._config import Config

__all__ = ["check_connection", "describe", "discover", "extract"]


@hookimpl
def describe() -> ConnectorInfo:
    """Say what the connector is and can do; `dativo plugins manifest` writes it to dativo.json."""
    return ConnectorInfo(
        title="Sample System",
        source=SourceInfo(
            config=Config,
            read_modes=(ReadMode.FULL, ReadMode.INCREMENTAL),
            # `updated_since` includes its moment, so the records of that moment come again.
            replay=Replay.AT_LEAST_ONCE,
            # A backfill: `updated_since` includes its moment, `updated_before` leaves it out.
            ranges=True,
        ),
        permissions=Permissions(hosts=("${config.base_url}",)),
        errors=_ERRORS,
    )


@hookimpl
def check_connection(config: Config, context: Context) -> ConnectionTestResult:
    """Try the address, the token, and each stream of the job."""
    from ._check import check_connection as check

    return check(config, context)


@hookimpl
def discover(config: Config, context: Context) -> Iterable[Stream]:
    """Yield the streams, and whether the token may read them."""
    from ._catalog import discover as find

    return find(config, context)


@hookimpl
def extract(
    config: Config, request: StreamRequest, state: Checkpoint | None, context: Context
) -> Iterator[Batch]:
    """Yield the records of one stream."""
    from ._extract import extract as read

    return read(config, request, state, context)


_ERRORS = (
    ErrorInfo(code="NETWORK", cause="The host does not resolve, refuses, or breaks off."),
    ErrorInfo(code="CONNECT_TIMEOUT", cause="The API takes longer than `timeout_seconds`."),
    ErrorInfo(code="RATE_LIMIT", cause="The API answers 429; the wait it asks for is kept."),
    ErrorInfo(code="INVALID_CREDENTIALS", cause="The API does not know the token."),
    ErrorInfo(code="INSUFFICIENT_PERMISSIONS", cause="The token may not read a stream."),
    ErrorInfo(code="RESOURCE_NOT_FOUND", cause="There is no such stream, or no such address."),
    ErrorInfo(code="SERVICE_UNAVAILABLE", cause="The API or a proxy before it has failed."),
    ErrorInfo(code="CONFIGURATION", cause="The API refuses the request itself."),
    ErrorInfo(code="DATA_FORMAT", cause="The answer is not the JSON that the API documents."),
    ErrorInfo(code="DATA_VALIDATION", cause="A value is not what the stream's schema says."),
    ErrorInfo(code="SCHEMA_VALIDATION", cause="The job names a column or a cursor there is not."),
)
