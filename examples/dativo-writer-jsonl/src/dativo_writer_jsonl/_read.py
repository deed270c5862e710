"""Reading back what is published, with the types that were written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from dativo.contract import ArrowStream, Context, WriteRequest
from dativo.errors import DataFormatError, ResourceNotFoundError
from dativo_writer_jsonl._config import SUFFIXES, Compression, JsonlConfig
from dativo_writer_jsonl._decode import batch_of
from dativo_writer_jsonl._errors import explained
from dativo_writer_jsonl._layout import Place
from dativo_writer_jsonl._records import Published, published_epochs

__all__ = ["published"]

_CHUNK_BYTES = 1 << 20


def published(config: JsonlConfig, request: WriteRequest, context: Context) -> ArrowStream:
    """Return all records of a stream, epoch by epoch, as a lazy reader.

    Raises:
        ResourceNotFoundError: Nothing is published.
    """
    place = Place(config.path, request.stream)
    with explained(place.data, stream=place.stream):
        epochs = published_epochs(place)
    if not epochs:
        raise ResourceNotFoundError(
            f"nothing of {place.stream} is published in {config.path}", stream=place.stream
        )
    schema = epochs[-1].schema
    return context.reader(schema, _batches(place, epochs, schema))


def _batches(
    place: Place, epochs: Sequence[Published], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    for epoch in epochs:
        for name in epoch.record.files:
            path = place.data / name
            with explained(path, stream=place.stream):
                for lines in _lines(path if path.exists() else _retired(place, name)):
                    yield _conformed(_decoded(path, lines, epoch.schema), schema)


def _retired(place: Place, name: str) -> Path:
    """Return where a file is now that was replaced since this reader has begun."""
    return next(place.control.glob(f"**/{name}"), place.data / name)


def _decoded(path: Path, lines: Sequence[bytes], schema: pa.Schema) -> pa.RecordBatch:
    try:
        return batch_of(lines, schema)
    except (ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        raise DataFormatError(
            f"{path} does not hold what was written to it: {error!r}",
            fix="Restore the file from a backup, or publish anew with --full-refresh.",
            details={"path": str(path)},
        ) from error


def _conformed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return *batch* with the columns of the newest epoch; those that came later are null."""
    if batch.schema.equals(schema, check_metadata=True):
        return batch
    arrays = [
        batch.column(field.name)
        if batch.schema.get_field_index(field.name) >= 0
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _lines(path: Path) -> Iterator[list[bytes]]:
    packed = next(kind for kind, suffix in _BY_LENGTH if path.name.endswith(suffix))
    name = None if packed is Compression.NONE else packed.value
    with pa.input_stream(str(path), compression=name) as stream:
        rest = b""
        while chunk := stream.read(_CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if lines:
                yield lines
    if rest:
        raise DataFormatError(f"{path} is cut off", details={"path": str(path)})


_BY_LENGTH = sorted(SUFFIXES.items(), key=lambda item: len(item[1]), reverse=True)
