"""Which row of which file is the live version of its record, found in bounded memory.

Only the key and the three version columns are read. They are set apart by a hash of the key, so
that no more than a budget of keys is in memory at once; the answer is one bit per row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

import attrs
import pyarrow as pa

from dativo_writer_parquet import _compute as pc
from dativo_writer_parquet._buckets import Buckets, narrowed
from dativo_writer_parquet._convert import convert
from dativo_writer_parquet._state import DataFile, State
from dativo_writer_parquet._versions import DELETED, EPOCH, SEQUENCE, comparable

__all__ = [
    "Budget",
    "LiveRows",
    "Versions",
    "key_names",
    "live_rows",
    "open_versions",
]

ROW = "row"
_RANK = "rank"
_COPIES = 4  # of a bucket's rows while it is worked on: the rows, sorted, grouped, and a table
_MOST_BUCKETS = 4096
_READ_ROWS = 65_536


@attrs.frozen(kw_only=True)
class Budget:
    """What the search may take.

    Attributes:
        bytes: How much memory, about.
        folder: Where a file may lie that has no name.
        tell: Called now and then, as a sign of life.
    """

    bytes: int
    folder: Path
    tell: Callable[[], None] = lambda: None


@attrs.frozen
class LiveRows:
    """One bit per row of each file; ``count`` of them are set."""

    masks: tuple[pa.BooleanArray, ...]

    @property
    def count(self) -> int:
        """How many records are live."""
        return sum(mask.true_count for mask in self.masks)


def live_rows(state: State, budget: Budget) -> LiveRows:
    """Return which rows of the files of *state* are live.

    Raises:
        DataValidationError: A published key is NULL.
    """
    with open_versions(state, budget) as versions:
        found = pa.repeat(pa.scalar(value=False), versions.total)
        for bucket in range(versions.number):
            rows = versions.live(bucket)[ROW].combine_chunks()
            if len(rows):
                mask = pc.scatter(
                    pa.repeat(pa.scalar(value=True), len(rows)),
                    rows,
                    max_index=versions.total - 1,
                )
                found = pc.or_(found, pc.fill_null(mask, fill_value=False))
            budget.tell()
    ends = list(accumulate(versions.counts))
    masks = [found.slice(end - rows, rows) for end, rows in zip(ends, versions.counts, strict=True)]
    return LiveRows(tuple(masks))


@attrs.frozen
class Versions:
    """All versions of a state, apart by a hash of the key.

    A table of them has the key's columns ``key0``, ``key1``, ... in comparable types, then epoch,
    sequence, whether it is a deletion, and the number of the row in all files.
    """

    counts: tuple[int, ...]
    number: int
    buckets: Buckets
    names: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many versions there are."""
        return sum(self.counts)

    def live(self, bucket: int) -> pa.Table:
        """Return the last version of each key of *bucket* that is no deletion."""
        table = self.buckets.whole(bucket)
        order = pc.sort_indices(
            table.select([EPOCH, SEQUENCE]),
            sort_keys=[(EPOCH, "ascending"), (SEQUENCE, "ascending")],
        ).cast(pa.int64())
        if not len(order):
            return table
        ranked = narrowed(table.select(self.names)).append_column(
            _RANK, pc.inverse_permutation(order)
        )
        winners = ranked.group_by(list(self.names)).aggregate([(_RANK, "max")])
        last = table.take(order.take(winners[f"{_RANK}_max"].combine_chunks()))
        return last.filter(pc.invert(last[DELETED]))


@contextmanager
def open_versions(state: State, budget: Budget) -> Iterator[Versions]:
    """Read the versions of *state* and set them apart; what lies on disk goes at the end."""
    counts = state.counts()
    schema = _schema(state)
    names = key_names(state.primary_key)
    number = _buckets_for(state, sum(counts), budget)
    with Buckets(
        schema,
        keys=len(names),
        number=number,
        folder=budget.folder,
        buffer_bytes=budget.bytes // _COPIES,
    ) as buckets:
        start = 0
        for file, rows in zip(state.files, counts, strict=True):
            for batch in _versions_of(state, file, schema, start):
                buckets.add(batch)
            budget.tell()
            start += rows
        yield Versions(counts, number, buckets, names)


def key_names(primary_key: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the key's columns in tables of versions."""
    return tuple(f"key{number}" for number in range(len(primary_key)))


def _schema(state: State) -> pa.Schema:
    types = [comparable(state.schema.field(name).type) for name in state.primary_key]
    names = key_names(state.primary_key)
    fields = [pa.field(name, arrow) for name, arrow in zip(names, types, strict=True)]
    rest = [(EPOCH, pa.int64()), (SEQUENCE, pa.int64()), (DELETED, pa.bool_()), (ROW, pa.int64())]
    return pa.schema([*fields, *(pa.field(name, arrow) for name, arrow in rest)])


def _buckets_for(state: State, total: int, budget: Budget) -> int:
    """Return how many buckets make each fit the budget, judged by the newest file's first rows."""
    schema = _schema(state)
    for file in reversed(state.files):
        for batch in _versions_of(state, file, schema, 0):
            size: int = total * batch.nbytes // max(batch.num_rows, 1) * _COPIES
            return min(_MOST_BUCKETS, 1 << (size // max(budget.bytes, 1)).bit_length())
    return 1


def _versions_of(
    state: State, file: DataFile, schema: pa.Schema, start: int
) -> Iterator[pa.RecordBatch]:
    """Yield the versions in *file* as *schema* has them; its first row has the number *start*."""
    constants = state.constants(file)
    wanted = [*state.primary_key, EPOCH, SEQUENCE, DELETED]
    with state.open(file) as parquet:
        columns = [name for name in wanted if name not in constants]
        for batch in parquet.iter_batches(batch_size=_READ_ROWS, columns=columns):
            rows = batch.num_rows
            found = dict(zip(batch.schema.names, batch.columns, strict=True))
            found |= {name: pa.repeat(values[0], rows) for name, values in constants.items()}
            key = [found[name] for name in state.primary_key]
            order = [found[name] for name in (EPOCH, SEQUENCE, DELETED)]
            arrays = [*key, *order, pa.arange(start, start + rows)]
            yield pa.RecordBatch.from_arrays(
                [convert(array, arrow) for array, arrow in zip(arrays, schema.types, strict=True)],
                schema=schema,
            )
            start += rows
