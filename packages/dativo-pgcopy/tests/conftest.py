"""A connection to a real server, and streams that it made."""

from __future__ import annotations

import ctypes
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import attrs
import dativo_pgcopy
import psycopg
import pyarrow as pa
import pytest
from psycopg import pq

from dativo_test_support.postgres import Address

Row = tuple[Any, ...]


def _address(name: str) -> int:
    libpq = ctypes.CDLL(sys.modules[pq.PGconn.__module__].__file__)
    address = ctypes.cast(getattr(libpq, name), ctypes.c_void_p).value
    assert address is not None
    return address


@attrs.define
class Server:
    """One connection."""

    address: Address
    connection: psycopg.Connection[Row]

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> list[Row]:
        cursor = self.connection.execute(sql.encode(), parameters)
        return cursor.fetchall() if cursor.description is not None else []

    def reader(
        self, sql: str, schema: pa.Schema, formats: Sequence[str], **others: Any
    ) -> dativo_pgcopy.CopyReader:
        """Begin a COPY and return its reader."""
        self.connection.pgconn.exec_(f"COPY ({sql}) TO STDOUT (FORMAT binary)".encode())
        return self.reader_of_rows(schema, formats, **others)

    def reader_of_rows(
        self, schema: pa.Schema, formats: Sequence[str], **others: Any
    ) -> dativo_pgcopy.CopyReader:
        """Return a reader of the COPY that has begun."""
        return dativo_pgcopy.CopyReader(
            self.connection.pgconn,
            get_copy_data=_address("PQgetCopyData"),
            free=_address("PQfreemem"),
            schema=schema,
            formats=formats,
            **others,
        )

    def results(self) -> list[tuple[str, str]]:
        """Take the results that follow a COPY: their states and messages."""
        found = []
        while (result := self.connection.pgconn.get_result()) is not None:
            state = pq.ExecStatus(result.status).name
            found.append((state, result.error_message.decode().strip()))
            if state == "COPY_OUT":  # rows are left, and it would be the same for ever
                break
        return found

    def read(self, sql: str, schema: pa.Schema, formats: Sequence[str], **others: Any) -> pa.Table:
        """Read all batches of a COPY that succeeds."""
        batches = batches_of(self.reader(sql, schema, formats, **others))
        assert self.results() == [("COMMAND_OK", "")]
        return pa.Table.from_batches(batches, schema)

    def dump(self, sql: str) -> bytes:
        """Return what a COPY sends."""
        with self.connection.cursor().copy(
            f"COPY ({sql}) TO STDOUT (FORMAT binary)".encode()
        ) as copy:
            return b"".join(bytes(part) for part in copy)


def batches_of(reader: dativo_pgcopy.CopyReader) -> list[pa.RecordBatch]:
    batches = []
    while (batch := reader.read_next_batch()) is not None:
        batches.append(pa.record_batch(batch))
        batches[-1].validate(full=True)
    return batches


@pytest.fixture(name="batches_of")
def _batches_of() -> Callable[[dativo_pgcopy.CopyReader], list[pa.RecordBatch]]:
    return batches_of


@pytest.fixture
def server(postgres_database: Address) -> Iterator[Server]:
    with closing(postgres_database.connect()) as connection:
        yield Server(postgres_database, connection)


@pytest.fixture
def rng() -> random.Random:
    """Random values of a seed that is printed."""
    seed = int(os.environ.get("DATIVO_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"DATIVO_TEST_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    return random.Random(seed)
