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
from dativo_connector_stripe._config import StripeConfig

__all__ = ["check_connection", "describe", "discover", "extract", "plan_read"]


@hookimpl
def describe() -> ConnectorInfo:
    """Say what the connector is and can do."""
    return ConnectorInfo(
        title="Stripe",
        source=SourceInfo(
            config=StripeConfig,
            read_modes=(ReadMode.FULL, ReadMode.INCREMENTAL),
            # Stripe has no count of its own, without which a replay cannot be called exact.
            replay=Replay.AT_LEAST_ONCE,
            ranges=True,
            checkpoint_version=1,
        ),
        permissions=Permissions(hosts=("${config.api_base}",), ports=("443",)),
        errors=_ERRORS,
    )


@hookimpl
def check_connection(config: StripeConfig, context: Context) -> ConnectionTestResult:
    """Try the key, and each stream of the job."""
    from dativo_connector_stripe._check import check_connection as check

    return check(config, context)


@hookimpl
def discover(config: StripeConfig, context: Context) -> Iterable[Stream]:
    """Yield the streams of the table, and whether the key may read them."""
    from dativo_connector_stripe._discover import discover as find

    return find(config, context)


@hookimpl
def extract(
    config: StripeConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> Iterator[Batch]:
    """Yield what is new or has changed of one stream."""
    from dativo_connector_stripe._extract import extract as read

    return read(config, request, state, context)


@hookimpl
def plan_read(
    config: StripeConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> ReadPlan:
    """Say what a read would do, by Stripe's clock and the state."""
    from dativo_connector_stripe._plan import plan_read as plan

    return plan(config, request, state, context)


_ERRORS = tuple(
    ErrorInfo(code=code, cause=cause, fix=fix)
    for code, cause, fix in (
        ("NETWORK", "The host does not resolve, refuses, or the connection broke.", ""),
        (
            "CONNECT_TIMEOUT",
            "A connection or an answer as a whole took longer than the settings allow.",
            "",
        ),
        (
            "RATE_LIMIT",
            "Stripe answered 429; retries wait as long as it says, if that is at most an hour.",
            "Lower `requests_per_second` or `endpoint_requests_per_second`.",
        ),
        ("AUTHENTICATION", "The server's TLS certificate is not accepted.", ""),
        ("INVALID_CREDENTIALS", "Stripe does not know the key.", ""),
        ("TOKEN_EXPIRED", "The key has expired.", ""),
        (
            "INSUFFICIENT_PERMISSIONS",
            (
                "A restricted key may not read a stream, or the events that tell its changes, or "
                "the key does not reach `account`."
            ),
            "The error's own fix names the permission that the key lacks.",
        ),
        ("CONFIGURATION", "Stripe refuses a parameter, or the answer is a redirect.", ""),
        ("RESOURCE_NOT_FOUND", "There is no such stream, or no such address at `api_base`.", ""),
        ("SCHEMA_VALIDATION", "The job asks for a column that the stream does not have.", ""),
        (
            "DATA_VALIDATION",
            "A value does not have the type of its column exactly; the message names the object.",
            "",
        ),
        ("DATA_NOT_FOUND", "An object that was asked for by its id is gone.", ""),
        ("DATABASE_LOCK", "Another request held an object for too long.", ""),
        (
            "SERVICE_UNAVAILABLE",
            "Stripe or a proxy answered with an error, or with something damaged.",
            "",
        ),
        ("RESOURCE_UNAVAILABLE", "An answer is larger than 64 MiB.", ""),
        (
            "STATE",
            (
                "The state is of another account, mode or version of the API, or older than the "
                "events that Stripe keeps."
            ),
            "Run once with --full-refresh.",
        ),
    )
)
