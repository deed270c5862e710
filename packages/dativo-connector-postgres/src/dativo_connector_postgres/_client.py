"""Connections: what libpq is told, and what every session has set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import attrs
import psycopg
from psycopg.conninfo import make_conninfo

from dativo.errors import ConfigurationError, InvalidConfigError
from dativo_connector_postgres._config import PostgresConfig
from dativo_connector_postgres._errors import from_driver

__all__ = [
    "OLDEST_VERSION",
    "Connection",
    "ServerFacts",
    "connect",
    "conninfo",
    "join",
    "open_connection",
    "server_facts",
]

OLDEST_VERSION = 12

Connection = psycopg.Connection[tuple[object, ...]]

_LONGEST_MS = 2**31 - 1

# Text forms must not depend on the settings of the server, the role or the environment.
_FIXED = {
    "default_transaction_read_only": "on",
    "DateStyle": "ISO,YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "standard_conforming_strings": "on",
    "idle_in_transaction_session_timeout": "0",
    # A client machine that vanished is noticed, and its snapshot given back, within a minute.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}

# Not every version and platform has them; one that does not know a setting refuses the session.
_OPTIONAL = {
    "client_connection_check_interval": "2000",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
}


def conninfo(config: PostgresConfig, facts: ServerFacts | None = None) -> str:
    """Return the connection string of libpq; it holds the password, so it is never logged.

    With *facts* it has settings that not every server knows.

    Raises:
        InvalidConfigError: A setting holds what no connection string can.
    """
    settings = {
        **_FIXED,
        "statement_timeout": _milliseconds(config.statement_timeout),
        "lock_timeout": _milliseconds(config.lock_timeout),
        **(facts.settings if facts is not None else {}),
    }
    parameters: dict[str, object] = {
        "host": config.host,
        "port": config.port,
        "dbname": config.database,
        "user": config.user,
        "password": None if config.password is None else config.password.reveal(),
        "sslmode": config.sslmode.value,
        "sslrootcert": config.sslrootcert,
        "sslcert": config.sslcert,
        "sslkey": config.sslkey,
        "application_name": config.application_name,
        "connect_timeout": config.connect_timeout,
        "keepalives": 1,
        "keepalives_idle": config.keepalives_idle,
        "keepalives_interval": config.keepalives_interval,
        "keepalives_count": config.keepalives_count,
        # Keepalives are not sent while something that was sent waits for an answer.
        "tcp_user_timeout": 1000 * _silence_seconds(config),
        "client_encoding": "UTF8",
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }
    for name, value in parameters.items():
        if "\0" in str(value):
            raise InvalidConfigError(f"the setting {name!r} holds a NUL character")
    given = {name: value for name, value in parameters.items() if value is not None}
    return make_conninfo("", **{name: str(value) for name, value in given.items()})


def open_connection(config: PostgresConfig, facts: ServerFacts | None = None) -> Connection:
    """Open a read-only session in autocommit.

    Raises:
        DativoError: The server cannot be reached or refuses.
    """
    text = conninfo(config, facts)
    try:
        return psycopg.connect(text, autocommit=True)
    except (psycopg.Error, UnicodeError) as error:  # the latter is no host name at all
        # The driver's exception may hold the connection string, so it is no cause.
        raise from_driver(error, password=config.password) from None


def join(config: PostgresConfig, facts: ServerFacts, snapshot: str) -> Connection:
    """Open a session in a transaction that sees what the exported *snapshot* does.

    Raises:
        DativoError: The server cannot be reached or refuses.
        psycopg.Error: The snapshot is gone.
    """
    connection = open_connection(config, facts)
    try:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'".encode())
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def connect(config: PostgresConfig) -> Iterator[Connection]:
    """As :func:`open_connection`, and close it whatever happens."""
    connection = open_connection(config)
    try:
        yield connection
    finally:
        connection.close()


@attrs.frozen(kw_only=True)
class ServerFacts:
    """What the reading of values depends on."""

    version: int
    """The major version."""
    version_text: str
    money_scale: int
    """Digits after the point of money, by the database's ``lc_monetary``."""
    settings: Mapping[str, str]
    """Settings of a session that not every server knows."""


def server_facts(connection: Connection) -> ServerFacts:
    """Ask the server what it is, and let *connection* have all settings that it knows.

    Raises:
        ConfigurationError: It is older than what is supported.
    """
    row = connection.execute(
        "SELECT current_setting('server_version_num')::int, current_setting('server_version'), "
        "scale(0::money::numeric)"
    ).fetchone()
    assert row is not None
    number, text, scale = row
    facts = ServerFacts(
        version=int(str(number)) // 10000,
        version_text=str(text),
        money_scale=int(str(scale)),
        settings=_apply_optional(connection),
    )
    if facts.version < OLDEST_VERSION:
        raise ConfigurationError(
            f"the server is PostgreSQL {facts.version_text}; "
            f"{OLDEST_VERSION} is the oldest that is supported",
            fix="Upgrade the server.",
        )
    return facts


def _apply_optional(connection: Connection) -> dict[str, str]:
    """Set what the server knows, and return it."""
    known = {}
    for name, value in _OPTIONAL.items():
        with suppress(psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError):
            connection.execute(f"SET {name} = {value}".encode())
            known[name] = value
    return known


def _silence_seconds(config: PostgresConfig) -> int:
    """Return after how long without an answer the keepalives give a connection up."""
    return config.keepalives_idle + config.keepalives_interval * config.keepalives_count


def _milliseconds(seconds: float) -> str:
    return str(min(_LONGEST_MS, 0 if seconds == 0 else max(1, round(seconds * 1000))))
