"""Reading back what is published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from dativo.contract import ArrowStream, Context, WriteRequest
from dativo.errors import DataValidationError, ResourceNotFoundError

from ._config import Config
from ._place import Place, place_of

__all__ = ["published_schema", "read_back", "require_followable"]


def read_back(config: Config, request: WriteRequest, context: Context) -> ArrowStream:
    """Return all published records of a stream, epoch by epoch."""
    place = place_of(config, request.stream)
    # Listed once: what is published while somebody reads belongs to the next look.
    files = _files(place)
    if not files:
        raise ResourceNotFoundError(f"nothing is published of {request.stream}")
    schema = _schema(files[-1])
    return context.reader(schema, _batches(files, schema))


def published_schema(place: Place) -> pa.Schema | None:
    """Return the schema of the newest records; every older one fits into it."""
    files = _files(place)
    return _schema(files[-1]) if files else None


def require_followable(new: pa.Schema, old: pa.Schema) -> None:
    """Refuse a schema with which the published records could not be read any more."""
    if new.equals(old):
        return
    for field in old:
        if field.name not in new.names:
            raise DataValidationError(f"the column {field.name!r} is gone")
        now = new.field(field.name)
        if now.type != field.type:
            raise DataValidationError(f"{field.name!r} was {field.type} and is {now.type} now")
        if field.nullable and not now.nullable:
            raise DataValidationError(f"the column {field.name!r} is required now")
    for field in new:
        if field.name not in old.names and not field.nullable:
            raise DataValidationError(f"the new column {field.name!r} must be nullable")


def _files(place: Place) -> list[Path]:
    return [file for epoch in place.epochs() for file in sorted(epoch.glob("*.arrow"))]


def _schema(file: Path) -> pa.Schema:
    with pa.ipc.open_file(file) as reader:
        return reader.schema


def _batches(files: list[Path], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for file in files:
        with pa.ipc.open_file(file) as reader:
            for number in range(reader.num_record_batches):
                yield _fitted(reader.get_batch(number), schema)


def _fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Give *batch* the columns that came later, which are empty in it."""
    if not len(schema) or batch.schema.equals(schema):
        return batch
    rows = batch.num_rows
    has = batch.schema.names
    columns = [
        batch.column(field.name) if field.name in has else pa.nulls(rows, field.type)
        for field in schema
    ]
    return pa.record_batch(columns, schema=schema)
