"""The settings of the Postgres source: the connection, what to discover, and value policies."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import attrs

from dativo.contract import Secret, setting

__all__ = [
    "NullCursors",
    "PostgresConfig",
    "PostgresOptions",
    "Reader",
    "SslMode",
    "Ties",
    "Unrepresentable",
    "WaitFor",
]

_NUMERIC_POLICY = r"text|decimal\((?:[1-9]|[1-6][0-9]|7[0-6]), ?[0-9]{1,2}\)"


class SslMode(StrEnum):
    """How much TLS protects the connection; the words are those of libpq."""

    DISABLE = "disable"
    ALLOW = "allow"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


class Reader(StrEnum):
    """What takes rows off a connection; all deliver the same."""

    AUTO = "auto"
    """The compiled reader where it can be used, else the driver."""
    COMPILED = "compiled"
    """The compiled reader of dativo-pgcopy."""
    ADBC = "adbc"
    """The ADBC driver, which comes with the connector."""


class Unrepresentable(StrEnum):
    """What happens to a value that the Arrow type of its column cannot hold."""

    ERROR = "error"
    """The read stops with an error that names the column and the row."""
    NULL = "nullify"
    """It becomes NULL."""


class NullCursors(StrEnum):
    """What an incremental read does with rows whose cursor is NULL."""

    SKIP = "skip"
    """They are left out, and a warning says how many."""
    ERROR = "error"
    """The read stops."""


class Ties(StrEnum):
    """What happens when a large group of rows with one cursor value changed after its delivery."""

    ERROR = "error"
    """The read stops, because exact delivery is impossible."""
    REDELIVER = "redeliver"
    """The whole group is delivered once more, and a warning says so."""


class WaitFor(StrEnum):
    """Which open transactions may still commit rows that an increment must not pass by."""

    AUTO = "auto"
    """All for a cursor of time, else those that write to the table."""
    TRANSACTIONS = "transactions"
    """All of the database."""
    WRITERS = "writers"
    """Those that have written something, or hold a lock for it."""


@attrs.frozen(kw_only=True)
class PostgresConfig:
    """How to reach a Postgres database, and how its values are read."""

    host: str = setting(
        "Host name or address of the server, or the folder of its Unix socket.",
        default="localhost",
        examples=("db.example.com",),
        identity=True,
    )
    port: int = setting("TCP port of the server.", default=5432, minimum=1, maximum=65535)
    database: str = setting("Name of the database.", examples=("shop",), identity=True)
    user: str = setting("Role to log in as.", examples=("dativo_reader",))
    password: Secret | None = setting("Password of the role.", default=None)
    sslmode: SslMode = setting(
        "How much TLS protects the connection; only verify-full proves who the server is.",
        default=SslMode.PREFER,
    )
    sslrootcert: Path | None = setting(
        "File with the certificates of trusted authorities.", default=None
    )
    sslcert: Path | None = setting("File with the client's certificate.", default=None)
    sslkey: Path | None = setting("File with the client's private key.", default=None)
    application_name: str = setting(
        "Name under which the sessions show in pg_stat_activity.", default="dativo"
    )
    connect_timeout: int = setting(
        "Seconds to wait for a connection.", default=10, minimum=2, maximum=3600
    )
    statement_timeout: float = setting(
        "Seconds that one statement may take; 0 for no limit.", default=0.0, minimum=0
    )
    lock_timeout: float = setting(
        "Seconds to wait for a lock on a table; 0 for no limit.", default=60.0, minimum=0
    )
    settle_timeout: float = setting(
        "Seconds that a run waits, before it takes its snapshot, for transactions that write: what "
        "they hold back would have to wait for the next run.",
        default=1.0,
        minimum=0,
        maximum=3600,
    )
    keepalives_idle: int = setting(
        "Seconds without traffic after which the server is probed.", default=30, minimum=1
    )
    keepalives_interval: int = setting("Seconds between two probes.", default=10, minimum=1)
    keepalives_count: int = setting(
        "Unanswered probes after which the connection is given up.", default=3, minimum=1
    )
    reader: Reader = setting(
        "What takes rows off a connection: the compiled reader of dativo-pgcopy, which is faster, "
        "the ADBC driver, or auto, which is the compiled reader where it is installed. Both "
        "deliver the same.",
        default=Reader.AUTO,
    )
    schemas: tuple[str, ...] = setting(
        "Schemas to discover; none for all except those of the system.", default=()
    )
    unrepresentable: Unrepresentable = setting(
        "What to do with a value that the Arrow type of its column cannot hold, such as an "
        "infinite date: stop with an error, or deliver NULL.",
        default=Unrepresentable.ERROR,
    )
    unconstrained_numeric: str = setting(
        "How numeric columns without a precision are delivered: as their exact text, or as a "
        "decimal type of a precision and scale; a value that does not fit is unrepresentable.",
        default="text",
        pattern=_NUMERIC_POLICY,
        examples=("text", "decimal(38, 9)"),
    )


@attrs.frozen(kw_only=True)
class PostgresOptions:
    """What a job may say about one stream beyond the common keys."""

    partitions: int = setting(
        "How many readers a full read of a table is split into; 0 decides by its size.",
        default=0,
        minimum=0,
        maximum=1024,
    )
    text_columns: tuple[str, ...] = setting(
        "Columns to deliver in the text form of Postgres, which can hold every value.",
        default=(),
        examples=(["valid_until"],),
    )
    unrepresentable: Unrepresentable | None = setting(
        "As in the connection's settings, for this stream.", default=None
    )
    unconstrained_numeric: str | None = setting(
        "As in the connection's settings, for this stream.",
        default=None,
        pattern=_NUMERIC_POLICY,
    )
    null_cursors: NullCursors = setting(
        "What an incremental read does with rows whose cursor is NULL.", default=NullCursors.SKIP
    )
    ties: Ties = setting(
        "What an incremental read of a view or a query does when more than 1,000 rows share the "
        "last cursor value and this group changed since: stop, or deliver the group again. In "
        "tables this matters only if more than 1,000 transactions wrote them.",
        default=Ties.ERROR,
    )
    lag: str | None = setting(
        "How far increments stay behind, for rows that come with an older cursor value: a duration "
        "such as 5m, counted from the server's clock (for columns without a time zone in UTC), or "
        "for numbers a distance from the highest value.",
        default=None,
        pattern=r"[0-9]{1,9}[smhd]?",
        examples=("5m", "1000"),
    )
    wait_for: WaitFor = setting(
        "Which open transactions may still commit rows that an increment must not pass by: all of "
        "the database, those that write, or auto, which is all for a cursor of time and else the "
        "writers of the table.",
        default=WaitFor.AUTO,
    )
