"""The hooks of the connector: each one line to where the work is done, loaded when it is called."""

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
    ReadPlan,
    Replay,
    SourceInfo,
    Stream,
    StreamRequest,
    hookimpl,
)
from dativo_connector_restjson._config import RestConfig

__all__ = ["check_connection", "describe", "discover", "extract", "plan_read"]


@hookimpl
def describe() -> ConnectorInfo:
    """Say what the connector is and can do."""
    return ConnectorInfo(
        title="JSON REST API",
        source=SourceInfo(
            config=RestConfig,
            read_modes=(ReadMode.FULL, ReadMode.INCREMENTAL),
            # Lists have no count to compare with, without which no replay can be called exact.
            replay=Replay.AT_LEAST_ONCE,
            ranges=True,
            checkpoint_version=1,
        ),
        permissions=Permissions(
            hosts=("${config.base_url}", "${config.auth.oauth2.token_url}"),
        ),
        errors=_ERRORS,
    )


@hookimpl
def check_connection(config: RestConfig, context: Context) -> ConnectionTestResult:
    """Ask for the first page of each stream of the job."""
    from dativo_connector_restjson._check import check_connection as check

    return check(config, context)


@hookimpl
def discover(config: RestConfig, context: Context) -> Iterable[Stream]:
    """Yield the streams of the job file, each with its schema or with what is wrong."""
    from dativo_connector_restjson._catalog import discover as find

    return find(config, context)


@hookimpl
def extract(
    config: RestConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> Iterator[Batch]:
    """Yield the records of one stream, a page at a time."""
    from dativo_connector_restjson._extract import extract as read

    return read(config, request, state, context)


@hookimpl
def plan_read(
    config: RestConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> ReadPlan:
    """Say where a read would begin, and what it relies on."""
    from dativo_connector_restjson._plan import plan_read as plan

    return plan(config, request, state, context)


_ERRORS = tuple(
    ErrorInfo(code=code, cause=cause, fix=fix)
    for code, cause, fix in (
        ("NETWORK", "The host does not resolve, refuses, or the connection broke.", ""),
        ("CONNECT_TIMEOUT", "A connection or an answer took longer than the settings allow.", ""),
        (
            "RATE_LIMIT",
            "The server answered 429; retries wait as long as it says.",
            "Lower `requests_per_second`.",
        ),
        ("AUTHENTICATION", "The server's TLS certificate is not accepted.", ""),
        ("INVALID_CREDENTIALS", "The server answered 401, or gave no OAuth token.", ""),
        ("INSUFFICIENT_PERMISSIONS", "The server answered 403.", ""),
        ("CONFIGURATION", "The server refused the request, or answered with a redirect.", ""),
        ("RESOURCE_NOT_FOUND", "There is no such stream, or the server answered 404.", ""),
        ("SERVICE_UNAVAILABLE", "The server answered with an error of its own or no JSON.", ""),
        ("RESOURCE_UNAVAILABLE", "An answer is larger than `max_response_mib`.", ""),
        ("DATA_FORMAT", "There is no list at `records`, or the pages go round in a circle.", ""),
        (
            "DATA_VALIDATION",
            "A value is not exactly of its field's type, or a key is missing.",
            "Give the field another type in `fields`; `json` takes everything.",
        ),
        (
            "SCHEMA_VALIDATION",
            (
                "The job asks for a column that the stream does not have, or the cursor's type "
                "does not order records."
            ),
            "",
        ),
        (
            "CAPABILITY_MISSING",
            "The job has a `where` or a `query`, or reads a stream without `incremental` so.",
            "",
        ),
        (
            "STATE",
            (
                "The stream's settings have changed since the checkpoint was made, or it is of a "
                "newer connector."
            ),
            "Run once with --full-refresh.",
        ),
    )
)
