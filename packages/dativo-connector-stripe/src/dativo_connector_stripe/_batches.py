"""Objects of a stream, gathered until they make a batch."""

from __future__ import annotations

from collections.abc import Sequence

import arro3.core as arro3

from dativo.contract import Batch, Checkpoint, Context, Operation
from dativo_connector_stripe._decode import Columns, RawObject
from dativo_connector_stripe._streams import StreamRow

__all__ = ["Batches"]


class Batches:
    """Gathers objects of the stream *row* and gives them as batches of the *wanted* columns.

    Attributes:
        total: How many records were gathered or deleted so far.
    """

    def __init__(self, row: StreamRow, wanted: tuple[str, ...], context: Context) -> None:
        self._columns = Columns(row, wanted)
        self._context = context
        self._objects: list[RawObject] = []
        self._size_bytes = 0
        self.total = 0

    def add(self, objects: Sequence[RawObject], size_bytes: int) -> None:
        """Gather *objects*, which take about so many bytes."""
        self._objects += objects
        self.total += len(objects)
        self._size_bytes += size_bytes

    @property
    def is_empty(self) -> bool:
        """Whether nothing is gathered."""
        return not self._objects

    @property
    def is_full(self) -> bool:
        """Whether what is gathered is as much as a batch should have."""
        return (
            len(self._objects) >= self._context.batch_rows
            or self._size_bytes >= self._context.batch_bytes
        )

    def take(self, checkpoint: Checkpoint | None = None) -> Batch:
        """Return what is gathered, which may be nothing."""
        objects, self._objects = self._objects, []
        self._size_bytes = 0
        return Batch(arro3.Table.from_batches([self._columns.batch(objects)]), checkpoint)

    def deletions(self, ids: Sequence[str]) -> Batch:
        """Return the deletion of the objects with these ids."""
        self.total += len(ids)
        keys = arro3.Table.from_batches([self._columns.keys(ids)])
        return Batch(keys, op=Operation.DELETE)
