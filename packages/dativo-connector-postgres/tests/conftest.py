"""One database per test, and a source that reads it as the engine would."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
import pytest

from dativo.contract import Batch, CheckItem, Checkpoint, ReadMode, Secret, Stream, StreamRequest
from dativo_connector_postgres import PostgresConfig, PostgresOptions, check_connection, discover
from dativo_connector_postgres import extract as extract_hook
from dativo_connector_postgres._config import Reader
from dativo_test_support.context import FakeContext
from dativo_test_support.postgres import Address

sys.path.insert(0, str(Path(__file__).parent))  # for `type_matrix`

READER = os.environ.get("DATIVO_TEST_READER", "adbc")
"""What the tests read with; those of the compiled reader alone are collected with it alone."""

collect_ignore = [] if READER == "compiled" else ["test_compiled.py"]


def make_config(address: Address, **settings: Any) -> PostgresConfig:
    return PostgresConfig(
        host=settings.pop("host", address.host),
        port=settings.pop("port", address.port),
        database=settings.pop("database", address.database),
        user=settings.pop("user", address.user),
        password=Secret(settings.pop("password", address.password)),
        reader=Reader(settings.pop("reader", READER)),
        **settings,
    )


def counted(batch: Batch) -> int:
    """Return the source's own count of a batch that is drained."""
    assert batch.rows is not None
    return batch.rows if isinstance(batch.rows, int) else batch.rows()


@attrs.define
class Source:
    """A database, and the connector's hooks on it."""

    address: Address
    settings: dict[str, Any] = attrs.field(factory=dict)
    context: FakeContext = attrs.field(factory=FakeContext)

    @property
    def config(self) -> PostgresConfig:
        return make_config(self.address, **self.settings)

    def execute(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        return self.address.execute(sql, parameters)

    def request(self, stream: str, **parts: Any) -> StreamRequest:
        options = parts.pop("options", {})
        parts["mode"] = ReadMode(parts.get("mode", ReadMode.FULL))
        return StreamRequest(stream=stream, options=PostgresOptions(**options), **parts)

    def batches(
        self, stream: str, state: Checkpoint | None = None, **parts: Any
    ) -> Iterator[Batch]:
        yield from extract_hook(self.config, self.request(stream, **parts), state, self.context)

    def read(self, stream: str, **parts: Any) -> pa.Table:
        """Read a stream as one table, in a run of its own."""
        table, _ = self.read_on(stream, None, **parts)
        return table

    def read_on(
        self, stream: str, state: Checkpoint | None, **parts: Any
    ) -> tuple[pa.Table, Checkpoint | None]:
        """Read from *state* on, in a run of its own; return the rows and the last checkpoint.

        What arrives is compared with what the source says of itself, as the engine does.
        """
        tables, checkpoint = [], None
        try:
            for batch in self.batches(stream, state, **parts):
                table = self.context.read(batch.data)
                assert table.num_rows == counted(batch)
                tables.append(table)
                checkpoint = batch.checkpoint or checkpoint
        finally:
            self.context.close()
        return pa.concat_tables(tables), checkpoint

    def discover(self) -> dict[str, Stream]:
        return {stream.name: stream for stream in discover(self.config, self.context)}

    def check(self, *streams: StreamRequest) -> dict[str, CheckItem]:
        self.context.streams = streams
        return {item.scope: item for item in check_connection(self.config, self.context).items}

    def sessions(self) -> int:
        """How many sessions of the connector the server has."""
        sql = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name = 'dativo' AND datname = %s"
        )
        return int(self.execute(sql, [self.address.database])[0][0])


@pytest.fixture
def source(postgres_database: Address) -> Iterator[Source]:
    source = Source(postgres_database)
    yield source
    source.context.close()


@pytest.fixture
def reader_role(source: Source) -> Iterator[str]:
    """A role without any privilege, whose password is its name."""
    name = f"reader_{source.address.database}"
    source.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
    yield name
    source.execute(f"DROP OWNED BY {name}")
    source.execute(f"DROP ROLE {name}")


@pytest.fixture(scope="session")
def source_of() -> type[Source]:
    """Make a source of an address."""
    return Source


def as_role(source: Source, role: str) -> Source:
    return Source(source.address, {"user": role, "password": role})


@pytest.fixture
def restricted(source: Source, reader_role: str) -> Iterator[Source]:
    """The same database for the role without privileges."""
    restricted = as_role(source, reader_role)
    yield restricted
    restricted.context.close()
