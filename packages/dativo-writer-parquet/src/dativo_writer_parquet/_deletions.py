"""Which published records are gone from the source: an anti-join in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from dativo.contract import failpoint
from dativo.errors import DataValidationError
from dativo_writer_parquet import _compute as pc
from dativo_writer_parquet._buckets import Buckets, narrowed
from dativo_writer_parquet._convert import convert
from dativo_writer_parquet._live import Budget, key_names, open_versions
from dativo_writer_parquet._state import State
from dativo_writer_parquet._types import stored_type
from dativo_writer_parquet._versions import comparable, require_keys

__all__ = ["missing_keys"]

_IS_THERE = "there"


def missing_keys(
    state: State, scanned: pa.RecordBatchReader, budget: Budget
) -> Iterator[pa.RecordBatch]:
    """Yield the keys of live records of *state* that are not among *scanned*.

    An error of the reader passes through unchanged.

    Raises:
        DataValidationError: The keys are of another type, or NULL.
    """
    stream = state.record.commit.stream
    require_keys(scanned.schema, state.schema, state.primary_key, stream=stream)
    names = key_names(state.primary_key)
    schema = _comparable_schema(state)
    with (
        open_versions(state, budget) as versions,
        Buckets(
            schema,
            keys=len(names),
            number=versions.number,
            folder=budget.folder,
            buffer_bytes=budget.bytes // 4,
        ) as found,
    ):
        for batch in scanned:
            found.add(_compared(batch, state, schema))
        failpoint("parquet.deletions.scanned")
        for bucket in range(versions.number):
            missing = versions.live(bucket).select(names)
            for piece in found.pieces(bucket):
                missing = _without(missing, piece, names)
            budget.tell()
            failpoint("parquet.deletions.bucket")
            for batch in missing.to_batches():
                yield _as_stored(batch, state)


def _without(keys: pa.Table, others: pa.Table, names: Sequence[str]) -> pa.Table:
    """Return the rows of *keys*, each once, that are not among *others*."""
    both = [
        narrowed(table).append_column(
            _IS_THERE, pa.repeat(pa.scalar(mark, pa.int8()), table.num_rows)
        )
        for table, mark in ((keys, 0), (others, 1))
    ]
    groups = pa.concat_tables(both).group_by(list(names)).aggregate([(_IS_THERE, "max")])
    return groups.filter(pc.equal(groups[f"{_IS_THERE}_max"], 0)).select(list(names))


def _comparable_schema(state: State) -> pa.Schema:
    types = [comparable(state.schema.field(name).type) for name in state.primary_key]
    return pa.schema(list(zip(key_names(state.primary_key), types, strict=True)))


def _compared(batch: pa.RecordBatch, state: State, schema: pa.Schema) -> pa.RecordBatch:
    columns = [batch.column(batch.schema.get_field_index(name)) for name in state.primary_key]
    if any(column.null_count for column in columns):
        raise DataValidationError(
            f"the scan of the keys of {state.record.commit.stream} found a key that is NULL",
            fix="Mend the record in the source, or leave it out with where.",
            stream=state.record.commit.stream,
            phase="write",
        )
    arrays = [convert(c, arrow) for c, arrow in zip(columns, schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _as_stored(batch: pa.RecordBatch, state: State) -> pa.RecordBatch:
    types = [stored_type(state.schema.field(name).type, plain=True) for name in state.primary_key]
    columns = [convert(c, arrow) for c, arrow in zip(batch.columns, types, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=list(state.primary_key))
