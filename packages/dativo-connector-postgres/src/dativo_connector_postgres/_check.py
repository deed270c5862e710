"""The connection test: one verdict per scope, each failure with what to do about it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import attrs
import psycopg

from dativo.contract import CheckItem, ConnectionTestResult, Context, StreamRequest
from dativo.errors import (
    AuthenticationError,
    ConnectionFailedError,
    ConnectTimeoutError,
    DativoError,
    InvalidConfigError,
    NetworkError,
    ResourceNotFoundError,
)
from dativo_connector_postgres._client import Connection, ServerFacts, connect, server_facts
from dativo_connector_postgres._config import PostgresConfig, SslMode
from dativo_connector_postgres._errors import from_driver
from dativo_connector_postgres._plan import plan_stream
from dativo_connector_postgres._ranges import Bounds

__all__ = ["check_connection"]

_LEAST_SECONDS = 2
"""libpq waits no shorter for a connection."""

_TLS_WORDS = ("SSL", "certificate", "TLS", "root.crt", "private key")

_TLS_STATE = (
    "SELECT ssl, version, cipher, current_user, current_database() "
    "FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
)


def check_connection(config: PostgresConfig, context: Context) -> ConnectionTestResult:
    """Try host, TLS, log-in, database, version and each stream of the job."""
    return ConnectionTestResult(tuple(_items(_in_time(config, context), context)))


def _in_time(config: PostgresConfig, context: Context) -> PostgresConfig:
    """Return settings whose waits end by the deadline of the check, if it has one."""
    if context.deadline is None:
        return config
    left = max(_LEAST_SECONDS, int(context.deadline - time.monotonic()))
    return attrs.evolve(
        config,
        # Host and log-in are tried one after the other.
        connect_timeout=min(config.connect_timeout, max(_LEAST_SECONDS, left // 2)),
        statement_timeout=min(config.statement_timeout or left, left),
    )


def _items(config: PostgresConfig, context: Context) -> Iterator[CheckItem]:
    host = _host(config)
    yield host
    if host.error is not None:
        yield from _skipped(("tls", "login", "database", "version"), "the host is not reached")
        return
    try:
        with connect(config) as connection:
            yield from _session(connection, config)
            facts = server_facts(connection)
            yield CheckItem.ok("version", f"PostgreSQL {facts.version_text}")
            yield _snapshot(connection, config)
            for request in context.streams:
                if context.cancelled():
                    yield CheckItem.skipped(f"stream {request.stream}", "the check was stopped")
                    continue
                yield _stream(connection, config, facts, request)
    except (psycopg.Error, DativoError) as error:
        yield from _failed(from_driver(error, password=config.password))


def _host(config: PostgresConfig) -> CheckItem:
    place = f"{config.host}:{config.port}"
    if config.host.startswith(("/", "@")):
        return CheckItem.skipped("host", f"{config.host} is a folder of Unix sockets")
    problem: DativoError | None = None
    for host in config.host.split(","):
        try:
            socket.create_connection((host, config.port), config.connect_timeout).close()
        except socket.gaierror as error:
            text = f"the host name {host!r} does not resolve: {error.strerror}"
            problem = NetworkError(text, fix="Check `host` for typing errors, and the DNS.")
        except TimeoutError:
            problem = ConnectTimeoutError(
                f"{host}:{config.port} did not answer within {config.connect_timeout} s"
            )
        except (OSError, UnicodeError, ValueError) as error:
            problem = NetworkError(
                f"{host}:{config.port} cannot be reached: {error}",
                fix="Check `host` and `port`, that the server runs and listens there, and "
                "firewalls between.",
            )
        else:
            return CheckItem.ok("host", f"{place} answers")
    assert problem is not None
    return CheckItem.failed("host", problem)


def _session(connection: Connection, config: PostgresConfig) -> Iterator[CheckItem]:
    row = connection.execute(_TLS_STATE).fetchone()
    encrypted, version, cipher, user, database = row or (False, None, None, config.user, "")
    if connection.pgconn.ssl_in_use:
        detail = f"{version}, {cipher}" if encrypted else "encrypted up to a proxy"
        proven = config.sslmode in {SslMode.VERIFY_CA, SslMode.VERIFY_FULL}
        proof = "the server's certificate is verified" if proven else "the server is not verified"
        yield CheckItem.ok("tls", f"{detail}; {proof}")
    else:
        yield CheckItem.skipped(
            "tls", f"not used: sslmode is {config.sslmode.value}, so the traffic is in clear text"
        )
    yield CheckItem.ok("login", f"as {user}")
    yield CheckItem.ok("database", f"{database}")


def _snapshot(connection: Connection, config: PostgresConfig) -> CheckItem:
    """Streams are read in one exported snapshot; not every pooler and fork of Postgres can."""
    try:
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.execute("SELECT pg_export_snapshot()")
    except psycopg.Error as error:
        return CheckItem.failed("snapshot", from_driver(error, password=config.password))
    return CheckItem.ok("snapshot", "all streams of a run are read in one snapshot")


def _stream(
    connection: Connection, config: PostgresConfig, facts: ServerFacts, request: StreamRequest
) -> CheckItem:
    scope = f"stream {request.stream}"
    try:
        plan = plan_stream(connection, config, facts, request)
        bounds = Bounds.of_request(connection, plan, request)
        # Privileges are checked as for a full read, yet no row is fetched.
        connection.execute(f"{plan.select(bounds.sql)} LIMIT 0".encode())
    except (psycopg.Error, DativoError) as error:
        mapped = from_driver(error, stream=request.stream, password=config.password)
        return CheckItem.failed(scope, mapped)
    found = f"{len(plan.fields)} column{'' if len(plan.fields) == 1 else 's'}"
    if plan.cursor is not None and plan.relation is not None:
        if not plan.primary_key:
            found += "; without a primary key, rows of one cursor value are told apart by content"
        if plan.cursor.name not in plan.relation.indexed:
            found += f"; no index begins with {plan.cursor.name}, so each run scans the table"
    return CheckItem.ok(scope, found)


def _failed(error: DativoError) -> Iterator[CheckItem]:
    """Say how far it came: to TLS, to the log-in, or to the database."""
    order = ("tls", "login", "database", "version")
    scope = _scope(error)
    for passed in order[: order.index(scope)]:
        if passed == "login" and scope == "database":
            yield CheckItem.ok("login", "accepted")
    yield CheckItem.failed(scope, error)
    yield from _skipped(order[order.index(scope) + 1 :], f"{scope} failed")


def _scope(error: DativoError) -> str:
    if isinstance(error, ResourceNotFoundError):
        return "database"
    if isinstance(error, AuthenticationError) and not error.details.get("sqlstate"):
        return "tls" if any(word in error.message for word in _TLS_WORDS) else "login"
    if isinstance(error, ConnectionFailedError | InvalidConfigError):
        return "login"
    return "version" if "is the oldest" in error.message else "login"


def _skipped(scopes: tuple[str, ...], why: str) -> Iterator[CheckItem]:
    for scope in scopes:
        yield CheckItem.skipped(scope, why)
