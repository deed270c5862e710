"""The rows of a published state, one batch after the other."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from dativo_writer_parquet._convert import convert
from dativo_writer_parquet._live import LiveRows
from dativo_writer_parquet._state import State, restored
from dativo_writer_parquet._types import stored_field

__all__ = ["rows_of"]


def rows_of(
    state: State, schema: pa.Schema, *, live: LiveRows | None, batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of *state* as *schema* has them, in the order of the epochs.

    Args:
        state: What is published.
        schema: The columns that are wanted; the version columns may be among them.
        live: Which rows; ``None`` for all.
        batch_rows: How many rows a batch has at the most.
    """
    for index, file in enumerate(state.files):
        mask = None if live is None else live.masks[index]
        constants = state.constants(file)
        with state.open(file) as parquet:
            for row, found in _read(parquet, mask, batch_rows):
                batch = found
                if mask is not None:
                    batch = _plain(found).filter(mask.slice(row, found.num_rows))
                yield from restored(batch, schema, constants)


def _read(
    parquet: pq.ParquetFile, mask: pa.BooleanArray | None, batch_rows: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the batches of a file with the number of their first row; skip groups all dead."""
    row = 0
    for group in range(parquet.num_row_groups):
        rows = parquet.metadata.row_group(group).num_rows
        if mask is not None and not mask.slice(row, rows).true_count:
            row += rows
            continue
        for batch in parquet.iter_batches(batch_size=batch_rows, row_groups=[group]):
            yield row, batch
            row += batch.num_rows


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return *batch* without views, which Arrow cannot pick rows from."""
    fields = [stored_field(field, plain=True) for field in batch.schema]
    columns = [convert(column, f.type) for column, f in zip(batch.columns, fields, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))
