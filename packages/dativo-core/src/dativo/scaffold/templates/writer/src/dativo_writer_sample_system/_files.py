"""Arrow files: from a stream of record batches to the disk."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import attrs
import pyarrow as pa

from ._config import Compression
from ._disk import create, sync_file, sync_folder

__all__ = ["Written", "write_files"]


@attrs.frozen
class Written:
    """Which files there are now, and what is in them."""

    paths: tuple[Path, ...]
    rows: int
    size_bytes: int


def write_files(reader: pa.RecordBatchReader, start: Path, compression: Compression) -> Written:
    """Write all batches of *reader* to new files, whose paths begin with *start*, durably.

    It is one file, even without a record, because its schema is worth keeping; and a further one
    where a batch brings another dictionary, because a file holds one per column.
    """
    codec = None if compression is Compression.NONE else compression.value
    options = pa.ipc.IpcWriteOptions(compression=codec)
    paths: list[Path] = []
    rows = 0
    batches = (batch for batch in reader)  # a generator, because a reader must not be asked again
    first = next(batches, None)
    while first is not None or not paths:
        paths.append(start.with_name(f"{start.name}-{len(paths):04}.arrow"))
        with create(paths[-1]) as file:
            with pa.ipc.new_file(file, reader.schema, options=options) as sink:
                filled, first = _fill(sink, first, batches)
            sync_file(file)
        rows += filled
    sync_folder(start.parent)
    return Written(tuple(paths), rows, sum(path.stat().st_size for path in paths))


def _fill(
    sink: pa.RecordBatchFileWriter, first: pa.RecordBatch | None, batches: Iterator[pa.RecordBatch]
) -> tuple[int, pa.RecordBatch | None]:
    """Write what fits into one file; return the rows, and the batch that begins the next one."""
    rows = 0
    for batch in itertools.chain([] if first is None else [first], batches):
        try:
            sink.write_batch(batch)
        except pa.ArrowInvalid:
            if batch is first:  # not the dictionary of an earlier batch, so no other file helps
                raise
            return rows, batch
        rows += batch.num_rows
    return rows, None
