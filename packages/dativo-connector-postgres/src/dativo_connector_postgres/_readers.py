"""The one place that decides what takes rows off a connection."""

from __future__ import annotations

from collections.abc import Callable

from dativo.errors import ConfigurationError
from dativo_connector_postgres._client import ServerFacts, conninfo, join
from dativo_connector_postgres._config import PostgresConfig, Reader
from dativo_connector_postgres._session import Session

__all__ = ["Opener", "chosen", "describe", "opener"]

Opener = Callable[[], Session]


def chosen(config: PostgresConfig) -> Reader:
    """Return the reader that is used: never ``auto``.

    Raises:
        ConfigurationError: The job wants the compiled reader, and it cannot be used here.
    """
    if config.reader is Reader.ADBC:
        return Reader.ADBC
    from dativo_connector_postgres._compiled import unusable  # noqa: PLC0415 - one is imported

    reason = unusable()
    if reason is None:
        return Reader.COMPILED
    if config.reader is Reader.COMPILED:
        raise ConfigurationError(
            f"the compiled reader cannot be used: {reason}",
            fix="Install dativo-pgcopy, or set `reader: auto`.",
        )
    return Reader.ADBC


def describe(reader: Reader) -> str:
    """Return what the results of runs say."""
    return "compiled reader" if reader is Reader.COMPILED else "ADBC driver"


def opener(reader: Reader, config: PostgresConfig, facts: ServerFacts, *, snapshot: str) -> Opener:
    """Return what opens sessions of the chosen *reader* in the exported *snapshot*.

    Raises:
        DriverError: The server cannot be reached or refuses.
    """
    if reader is Reader.COMPILED:
        from dativo_connector_postgres._compiled import CompiledSession  # noqa: PLC0415 - one is

        return lambda: CompiledSession(join(config, facts, snapshot))
    from dativo_connector_postgres import _adbc  # noqa: PLC0415 - its driver takes time

    return _adbc.opener(conninfo(config, facts), snapshot)
