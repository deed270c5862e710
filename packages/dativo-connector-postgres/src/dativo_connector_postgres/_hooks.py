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
from dativo_connector_postgres._config import PostgresConfig, PostgresOptions

__all__ = ["check_connection", "describe", "discover", "extract", "plan_read"]


@hookimpl
def describe() -> ConnectorInfo:
    """Say what the connector is and can do."""
    return ConnectorInfo(
        title="PostgreSQL",
        source=SourceInfo(
            config=PostgresConfig,
            options=PostgresOptions,
            read_modes=(ReadMode.FULL, ReadMode.INCREMENTAL),
            replay=Replay.EXACT,
            parallel=True,
            queries=True,
            filters=True,
            ranges=True,
            key_scans=True,
            checkpoint_version=1,
        ),
        permissions=Permissions(
            hosts=("${config.host}",),
            ports=("${config.port}",),
            paths=("${config.sslrootcert}", "${config.sslcert}", "${config.sslkey}"),
        ),
        errors=_ERRORS,
    )


@hookimpl
def check_connection(config: PostgresConfig, context: Context) -> ConnectionTestResult:
    """Try host, TLS, log-in, database, version and each stream of the job."""
    from dativo_connector_postgres._check import check_connection as check

    return check(config, context)


@hookimpl
def discover(config: PostgresConfig, context: Context) -> Iterable[Stream]:
    """Yield tables and views as the catalogs name them."""
    from dativo_connector_postgres._catalog import discover as find

    return find(config, context)


@hookimpl
def extract(
    config: PostgresConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> Iterator[Batch]:
    """Yield lazy readers of one stream, all in the run's one snapshot."""
    from dativo_connector_postgres._extract import extract as read

    return read(config, request, state, context)


@hookimpl
def plan_read(
    config: PostgresConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> ReadPlan:
    """Say what a read would do, by the catalogs, the planner and indexes."""
    from dativo_connector_postgres._preview import plan_read as plan

    return plan(config, request, state, context)


_ERRORS = tuple(
    ErrorInfo(code=code, cause=cause, fix=fix)
    for code, cause, fix in (
        ("NETWORK", "The host does not resolve, refuses, or the connection broke.", ""),
        ("CONNECT_TIMEOUT", "The server did not answer within `connect_timeout`.", ""),
        ("AUTHENTICATION", "TLS or pg_hba.conf does not let the connection through.", ""),
        ("INVALID_CREDENTIALS", "The role does not exist or the password is wrong.", ""),
        (
            "INSUFFICIENT_PERMISSIONS",
            "The role may not use the schema or read the table or a column.",
            "The error's own fix holds the GRANT commands.",
        ),
        ("RESOURCE_NOT_FOUND", "The database, schema, table or view does not exist.", ""),
        ("RESOURCE_UNAVAILABLE", "The server has no connection or memory left.", ""),
        ("SCHEMA_VALIDATION", "A column, key or cursor does not exist or does not suit.", ""),
        ("CONFIGURATION", "The server refuses the `query` or the `where` of a stream.", ""),
        (
            "DATA_FORMAT",
            "A value cannot be represented; the message names the column and the row.",
            "Mend it, or choose a policy: `text_columns`, `unrepresentable`.",
        ),
        ("DATA_VALIDATION", "A large group of rows with one cursor value changed later.", ""),
        ("DATABASE_LOCK", "A lock, a time limit or a recovering standby ended a statement.", ""),
        (
            "SERVICE_UNAVAILABLE",
            "The server starts or stops, the snapshot is gone, or a standby has not come as far.",
            "",
        ),
        (
            "STATE",
            "The checkpoint is of another cursor, key or server, or the server was set back.",
            "The error's own fix says how to go on with this server.",
        ),
    )
)
