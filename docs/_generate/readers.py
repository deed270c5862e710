"""How each reader shows what the Parquet writer stored: written and read for real."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import attrs
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from _generate.markdown import code, table
from dativo.contract import Batch, Commit, WriteMode, WriteRequest
from dativo_test_support.context import FakeContext
from dativo_writer_parquet import ParquetConfig, write

__all__ = ["READER_BLOCKS"]

_TYPES: tuple[pa.DataType, ...] = (
    pa.bool_(),
    pa.int16(),
    pa.int32(),
    pa.int64(),
    pa.float32(),
    pa.float64(),
    pa.decimal128(18, 4),
    pa.decimal256(50, 5),
    pa.string(),
    pa.binary(),
    pa.date32(),
    pa.timestamp("us"),
    pa.timestamp("us", "UTC"),
    pa.time64("us"),
    pa.month_day_nano_interval(),
    pa.uuid(),
    pa.json_(),
    pa.list_(pa.int32()),
)


@attrs.frozen
class _Seen:
    """One type as the readers see it."""

    written: str
    parquet: str
    pyarrow: str
    polars: str
    duckdb: str


def _readers() -> str:
    with tempfile.TemporaryDirectory() as folder:
        seen = [_seen(Path(folder), arrow, number) for number, arrow in enumerate(_TYPES)]
    rows = (tuple(map(code, attrs.astuple(one))) for one in seen)
    return table(("written from Arrow", "Parquet", "pyarrow", "polars", "DuckDB"), rows)


def _seen(folder: Path, arrow: pa.DataType, number: int) -> _Seen:
    file = _written(folder, arrow, f"s{number}")
    shown = duckdb.read_parquet(str(file)).types[0]
    field = pq.read_schema(file).field("c")
    return _Seen(
        written=str(arrow),
        parquet=_parquet(file),
        pyarrow=_short(field.type),
        polars=_polars(file),
        duckdb=str(shown).replace('"', ""),
    )


def _polars(file: Path) -> str:
    try:
        return str(pl.read_parquet(file).schema["c"])
    except pl.exceptions.PolarsError as error:
        return f"fails with {type(error).__name__}"


def _parquet(file: Path) -> str:
    schema = pq.ParquetFile(file).schema
    names = {_column(schema.column(index)) for index in range(len(schema))}
    if len(schema) > 1:
        parts = [schema.column(index) for index in range(len(schema))]
        return "group of " + ", ".join(f"{part.name} {part.physical_type}" for part in parts)
    is_list = ".list." in schema.column(0).path
    (name,) = names
    return f"LIST of {name}" if is_list else name


def _column(column: pq.ColumnSchema) -> str:
    logical = str(column.logical_type)
    logical = logical.replace(", is_from_converted_type=false, force_set_converted_type=false", "")
    if logical == "None":
        return str(column.physical_type)
    return f"{column.physical_type} ({logical})"


def _short(arrow: pa.DataType) -> str:
    return str(arrow).replace(" not null", "")


def _written(folder: Path, arrow: pa.DataType, stream: str) -> Path:
    table_ = pa.table({"c": pa.nulls(1, arrow)})
    request = WriteRequest(stream=stream, mode=WriteMode.APPEND)
    session = write(ParquetConfig(path=folder), request, FakeContext(workdir=folder))
    try:
        staged = session.stage(Batch(table_))
        session.commit(_commit(stream), [staged])
    finally:
        session.close()
    return next(_files(folder / stream))


def _files(folder: Path) -> Iterator[Path]:
    return folder.rglob("*.parquet")


def _commit(stream: str) -> Commit:
    return Commit(
        job_id="job",
        stream=stream,
        epoch=1,
        commit_id="0" * 32,
        run_id="run",
        fence=1,
        mode=WriteMode.APPEND,
        checkpoint=None,
        fingerprint={},
    )


READER_BLOCKS: Mapping[str, Callable[[], str]] = {"readers": _readers}
