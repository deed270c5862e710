"""How much memory records take; the budget is counted in it."""

from __future__ import annotations

import pyarrow as pa
from pyarrow import types

__all__ = ["size_bytes"]

_SAMPLE_ROWS = 1_000
_VIEW_BYTES = 16
_VIEWS = {pa.string_view().id, pa.binary_view().id}


def size_bytes(batch: pa.RecordBatch) -> int:
    """Return about how many bytes the records of *batch* take.

    Arrow counts the shared texts of a view in full for every slice of it, so that a frame cut into
    a hundred batches would look a hundred times its size; views are judged by a sample instead.
    """
    if _VIEWS.isdisjoint([arrow.id for arrow in batch.schema.types]):
        return int(batch.nbytes)
    return sum(_column_bytes(column) for column in batch.columns)


def _column_bytes(column: pa.Array) -> int:
    if types.is_string_view(column.type) or types.is_binary_view(column.type):
        sample = column.slice(0, _SAMPLE_ROWS)
        texts = int(sample.cast(pa.large_binary()).nbytes)
        return len(column) * (_VIEW_BYTES + texts // max(len(sample), 1))
    return int(column.nbytes)
