"""Compaction: the rows that are published, rewritten into few files under the newest record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Protocol

import pyarrow as pa

from dativo.contract import CommitRecord, CompactResult, Context, failpoint
from dativo.errors import RunInterruptedError, StateError
from dativo_writer_parquet._columns import EpochSchema
from dativo_writer_parquet._config import ParquetConfig
from dativo_writer_parquet._files import FileFormat
from dativo_writer_parquet._live import Budget, LiveRows, live_rows
from dativo_writer_parquet._rows import rows_of
from dativo_writer_parquet._staging import StagingArea
from dativo_writer_parquet._state import State
from dativo_writer_parquet._target import Sealed, Target

__all__ = ["RewritableTarget", "compact_target"]


class RewritableTarget(Target, Protocol):
    """A place whose state can be exchanged for the same records in other files."""

    def rewrite(
        self, area: StagingArea, schema: EpochSchema, record: CommitRecord, rows: int
    ) -> Sealed:
        """Close the staged files as :meth:`seal` does, to be exchanged for all that is published.

        *record* stays the newest one; publishing raises ``ConcurrencyError`` if it is not.
        """
        ...


def compact_target(
    config: ParquetConfig, context: Context, target: RewritableTarget
) -> CompactResult:
    """Rewrite what *target* has published, if that makes it less, and close *target*.

    Raises:
        StateError: The place belongs to another job.
        ConcurrencyError: A newer run has claimed the stream; nothing was changed.
    """
    form = FileFormat.of(config, buffer_bytes=context.buffer_bytes)
    area = target.area(form)
    try:
        with target.explained():
            state = target.state()
            if state is None:
                return CompactResult(rows=0, files_before=0, files_after=0)
            if target.is_foreign:
                raise _foreign(target, state)
            counts = state.counts()
            live = _live_rows(state, area, context)
            failpoint("parquet.compact.searched")
            rows = sum(counts) if live is None else live.count
            if rows == sum(counts) and not _has_small_files(state, counts, form):
                return _result(state, rows)
            schema = _rewrite(state, live, area, context)
            sealed = target.rewrite(area, schema, state.record, rows)
            failpoint("parquet.compact.sealed")
            sealed.publish()
            failpoint("parquet.compact.published")
            return _result(state, rows, sealed)
    finally:
        target.drop(area)
        target.close()


def _live_rows(state: State, area: StagingArea, context: Context) -> LiveRows | None:
    if not state.is_versioned:
        return None
    budget = Budget(bytes=context.buffer_bytes, folder=area.scratch(), tell=context.progress)
    return live_rows(state, budget)


def _rewrite(
    state: State, live: LiveRows | None, area: StagingArea, context: Context
) -> EpochSchema:
    """Stage the rows of *state* that are live, in their order, and return their schema."""
    schema = EpochSchema.of(state.schema, state.keys, primary_key=state.primary_key)
    with area.lane(schema) as lane:
        for batch in _rows(state, schema, live, context):
            lane.add(batch)
    failpoint("parquet.compact.rewritten")
    return schema


def _result(state: State, rows: int, sealed: Sealed | None = None) -> CompactResult:
    files = len(state.files)
    size = sum(file.size_bytes for file in state.files)
    return CompactResult(
        rows=rows,
        files_before=files,
        files_after=files if sealed is None else len(sealed.published.record.files),
        bytes_before=size,
        bytes_after=size if sealed is None else sealed.size_bytes,
    )


def _rows(
    state: State, schema: EpochSchema, live: LiveRows | None, context: Context
) -> Iterator[pa.RecordBatch]:
    for batch in rows_of(state, schema.converted, live=live, batch_rows=context.batch_rows):
        if context.cancelled():
            raise RunInterruptedError("the compaction was stopped; nothing was changed")
        yield batch
        context.progress()


def _has_small_files(state: State, counts: tuple[int, ...], form: FileFormat) -> bool:
    """Whether a folder has more than one file that could take more records."""
    small = Counter(
        file.folder
        for file, rows in zip(state.files, counts, strict=True)
        if file.size_bytes < form.file_bytes and (form.file_rows is None or rows < form.file_rows)
    )
    return max(small.values(), default=0) > 1


def _foreign(target: Target, state: State) -> StateError:
    commit = state.record.commit
    return StateError(
        f"{target.name} belongs to the job {commit.job_id!r}",
        fix="Compact it with that job.",
        stream=commit.stream,
        phase="compact",
    )
