"""Which reader takes the rows, and what an older driver gives."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from dativo.contract import Secret
from dativo.errors import ConfigurationError
from dativo_connector_postgres import PostgresConfig
from dativo_connector_postgres._config import Reader
from dativo_connector_postgres._convert import as_wire
from dativo_connector_postgres._readers import chosen


def config(reader: str) -> PostgresConfig:
    return PostgresConfig(database="d", user="u", password=Secret("p"), reader=Reader(reader))


@pytest.mark.parametrize(
    ("version", "reader", "expected"),
    [
        (1, "auto", Reader.COMPILED),
        (1, "compiled", Reader.COMPILED),
        (1, "adbc", Reader.ADBC),
        (2, "auto", Reader.ADBC),
        (None, "auto", Reader.ADBC),
        (None, "adbc", Reader.ADBC),
    ],
)
def test_compiled_reader_is_used_where_it_fits(
    monkeypatch: pytest.MonkeyPatch, version: int | None, reader: str, expected: Reader
) -> None:
    library = None if version is None else SimpleNamespace(FORMAT_VERSION=version)
    monkeypatch.setitem(sys.modules, "dativo_pgcopy", library)

    assert chosen(config(reader)) is expected


@pytest.mark.parametrize(
    ("version", "why"),
    [(None, "dativo-pgcopy is not installed"), (2, "knows version 2 of the formats, not 1")],
)
def test_compiled_reader_that_a_job_wants_must_be_usable(
    monkeypatch: pytest.MonkeyPatch, version: int | None, why: str
) -> None:
    library = None if version is None else SimpleNamespace(FORMAT_VERSION=version)
    monkeypatch.setitem(sys.modules, "dativo_pgcopy", library)

    with pytest.raises(ConfigurationError, match=why) as caught:
        chosen(config("compiled"))

    assert "reader: auto" in caught.value.fix


def test_compiled_reader_needs_the_libpq_of_a_compiled_psycopg(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "dativo_pgcopy", SimpleNamespace(FORMAT_VERSION=1))
    monkeypatch.setattr("psycopg.pq.__impl__", "python")

    assert chosen(config("auto")) is Reader.ADBC


def test_job_that_wants_the_compiled_reader_is_refused_without_it(
    source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dativo_pgcopy", None)
    source.settings["reader"] = "compiled"

    with pytest.raises(ConfigurationError, match="the compiled reader cannot be used"):
        source.read("q", query="SELECT 1 AS v")


UUID = pa.opaque(pa.binary(), "uuid", "PostgreSQL")


@pytest.mark.parametrize(
    ("given", "wire"),
    [
        (pa.ExtensionArray.from_storage(UUID, pa.array([b"x" * 16, None])), pa.uuid()),
        (pa.array(["{}", None]), pa.json_()),
        (pa.array([["{}"], None, []]), pa.list_(pa.json_())),
        (pa.array([1, None]), pa.int64()),
    ],
)
def test_driver_that_gives_the_storage_of_a_type_is_understood(
    given: pa.Array, wire: pa.DataType
) -> None:
    array = as_wire(given, wire)

    array.validate(full=True)
    assert array.type == wire
    assert array.is_null().equals(given.is_null())


@pytest.mark.parametrize("wire", [pa.json_(), pa.uuid(), pa.list_(pa.json_()), pa.int64()])
def test_driver_that_gives_another_type_is_not_understood(wire: pa.DataType) -> None:
    for given in (pa.array([1.5]), pa.array([[1.5]])):
        assert as_wire(given, wire).type == given.type


def test_run_says_which_reader_it_has(source: Any) -> None:
    source.settings["reader"] = "adbc"

    (batch,) = source.batches("q", query="SELECT 1 AS v")

    assert batch.note == "ADBC driver"
    assert ("info", "rows are read by the ADBC driver") in source.context.logs
