"""Objects of a stream, gathered until they make a batch."""

from __future__ import annotations

from collections.abc import Sequence

import arro3.core as arro3

from dativo.contract import Batch, Checkpoint, Context, Operation
from dativo.errors import RunInterruptedError
from dativo_connector_stripe._decode import Columns, RawObject
from dativo_connector_stripe._streams import StreamRow

__all__ = ["Batches"]

_RAW_OBJECTS = 500
"""As objects they take four times the memory that they take as columns."""


class Batches:
    """Gathers objects of the stream *row* and gives them as batches of the *wanted* columns.

    Attributes:
        total: How many records were gathered or deleted so far.
    """

    def __init__(self, row: StreamRow, wanted: tuple[str, ...], context: Context) -> None:
        self._columns = Columns(row, wanted)
        self._context = context
        self._objects: list[RawObject] = []
        self._objects_bytes = 0
        self._parts: list[arro3.RecordBatch] = []
        self.total = 0

    def add(self, objects: Sequence[RawObject], size_bytes: int) -> None:
        """Gather *objects*, which take about so many bytes.

        Raises:
            DataValidationError: A value is not exactly of its field's type.
        """
        self._objects += objects
        self._objects_bytes += size_bytes
        self.total += len(objects)
        if len(self._objects) >= _RAW_OBJECTS:
            self._convert()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is gathered."""
        return not self._objects and not self._parts

    @property
    def is_full(self) -> bool:
        """Whether what is gathered is as much as a batch should have."""
        rows = len(self._objects) + sum(part.num_rows for part in self._parts)
        size_bytes = self._objects_bytes + sum(part.nbytes for part in self._parts)
        return rows >= self._context.batch_rows or size_bytes >= self._context.batch_bytes

    def take(self, checkpoint: Checkpoint | None = None) -> Batch:
        """Return what is gathered, which may be nothing.

        Raises:
            DataValidationError: A value is not exactly of its field's type.
            RunInterruptedError: The run is stopped, and nobody waits for it any more.
        """
        if self._context.cancelled():
            raise RunInterruptedError("the run was stopped")
        if self._objects or not self._parts:
            self._convert()
        parts, self._parts = self._parts, []
        return Batch(arro3.Table.from_batches(parts), checkpoint)

    def deletions(self, ids: Sequence[str]) -> Batch:
        """Return the deletion of the objects with these ids."""
        self.total += len(ids)
        keys = arro3.Table.from_batches([self._columns.keys(ids)])
        return Batch(keys, op=Operation.DELETE)

    def _convert(self) -> None:
        rows = self._context.batch_rows
        for first in range(0, max(1, len(self._objects)), rows):
            self._parts.append(self._columns.batch(self._objects[first : first + rows]))
        self._objects = []
        self._objects_bytes = 0
