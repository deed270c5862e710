"""Reading back what is published, with the exact types that the source gave."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from dativo.contract import ArrowStream, Context, WriteRequest
from dativo.errors import ConcurrencyError, ResourceNotFoundError, StateUnreadableError
from dativo_writer_parquet._config import ParquetConfig
from dativo_writer_parquet._convert import convert
from dativo_writer_parquet._layout import FILE_SUFFIX, Place
from dativo_writer_parquet._partition import folder_values, partition_keys
from dativo_writer_parquet._records import Published, newest, published_epochs

__all__ = ["published"]

_ATTEMPTS = 5


def published(config: ParquetConfig, request: WriteRequest, context: Context) -> ArrowStream:
    """Return a lazy reader of what is published now; commits that follow do not show in it.

    Raises:
        ResourceNotFoundError: Nothing is published.
        StateUnreadableError: The newest epoch has no readable record.
    """
    place = Place(config.path.absolute(), request.stream)
    snapshot = _snapshot(place)
    return context.reader(snapshot.last.schema, _batches(place, snapshot, context.batch_rows))


@attrs.frozen
class _Snapshot:
    last: Published
    files: tuple[Path, ...]


def _snapshot(place: Place) -> _Snapshot:
    """List the files of one state; a replace in the meantime is seen by the folder's number."""
    for attempt in range(_ATTEMPTS):
        before = _number(place)
        try:
            last = newest(place)
            if last is None:
                raise ResourceNotFoundError(
                    f"nothing is published of {place.stream} in {place.root}",
                    fix="Run the job first, or check the stream's name and the path.",
                    stream=place.stream,
                    phase="read_back",
                )
            files = tuple(
                path for epoch in published_epochs(place) for path in _files(place.epoch(epoch))
            )
        except StateUnreadableError:
            if _number(place) == before or attempt == _ATTEMPTS - 1:
                raise
            continue
        if _number(place) == before:
            return _Snapshot(last, files)
    raise _replaced(place)


def _number(place: Place) -> int:
    try:
        return place.data.stat().st_ino
    except FileNotFoundError:
        return 0


def _files(folder: Path) -> list[Path]:
    return sorted(
        Path(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
        if name.endswith(FILE_SUFFIX)
    )


def _batches(place: Place, snapshot: _Snapshot, rows: int) -> Iterator[pa.RecordBatch]:
    keys = partition_keys(snapshot.last.schema, snapshot.last.partition_by, stream=place.stream)
    for path in snapshot.files:
        below = path.parent.relative_to(place.data).parts[1:]
        constants = folder_values("/".join(below), keys)
        try:
            with pq.ParquetFile(path, memory_map=False) as file:
                for batch in file.iter_batches(batch_size=rows):
                    yield from _restored(batch, snapshot.last.schema, constants)
        except FileNotFoundError as error:
            raise _replaced(place) from error


def _restored(
    batch: pa.RecordBatch, schema: pa.Schema, constants: Mapping[str, pa.Array]
) -> Iterator[pa.RecordBatch]:
    try:
        columns = [_column(batch, field, constants) for field in schema]
    except pa.ArrowInvalid:
        # Small dictionary indices: several dictionaries may have met in one row group.
        if batch.num_rows <= 1:
            raise
        half = batch.num_rows // 2
        yield from _restored(batch.slice(0, half), schema, constants)
        yield from _restored(batch.slice(half), schema, constants)
        return
    yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _column(batch: pa.RecordBatch, field: pa.Field, constants: Mapping[str, pa.Array]) -> pa.Array:
    if field.name in constants:
        column = pa.repeat(constants[field.name][0], batch.num_rows)
    elif field.name in batch.schema.names:
        column = batch.column(batch.schema.get_field_index(field.name))
    else:
        column = pa.nulls(batch.num_rows)
    return convert(column, field.type)


def _replaced(place: Place) -> ConcurrencyError:
    return ConcurrencyError(
        f"{place.data} was replaced while it was read",
        fix="Read it again.",
        stream=place.stream,
        phase="read_back",
    )
