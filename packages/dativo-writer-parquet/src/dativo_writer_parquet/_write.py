"""The writing of one stream: staged where nobody looks, published in one step."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import attrs
import pyarrow as pa

from dativo.contract import (
    Batch,
    Commit,
    CommitRecord,
    Context,
    Operation,
    Receipt,
    Staged,
    WriteRequest,
    failpoint,
)
from dativo.errors import (
    ContractViolationError,
    StateError,
    WriteFailedError,
)
from dativo_writer_parquet._columns import EpochSchema
from dativo_writer_parquet._config import ParquetConfig, StreamOptions
from dativo_writer_parquet._files import FileFormat
from dativo_writer_parquet._records import Published
from dativo_writer_parquet._schema import checked, require_followable
from dativo_writer_parquet._staging import StagingArea
from dativo_writer_parquet._succession import Succession
from dativo_writer_parquet._target import Sealed, Target
from dativo_writer_parquet._versions import Stamp, merge_key, require_keys

__all__ = ["ParquetSession"]


class ParquetSession:
    """One run's writing of one stream; made by the ``write`` hook."""

    def __init__(
        self, config: ParquetConfig, request: WriteRequest, context: Context, target: Target
    ) -> None:
        self._stream = request.stream
        self._mode = request.mode
        self._primary_key = merge_key(request)
        self._context = context
        self._target = target
        self._last = target.last()
        options = request.options if isinstance(request.options, StreamOptions) else None
        self._partition_by = (options or StreamOptions()).partition_by
        self._form = FileFormat.of(config, buffer_bytes=context.buffer_bytes)
        self._lock = threading.Lock()
        self._is_closed = False
        self._start()

    def stage(self, batch: Batch) -> Staged:
        """Drain *batch* into staged files; an error of its reader passes through unchanged."""
        self._require_open()
        with self._staging() as area:
            reader = pa.RecordBatchReader.from_stream(batch.data)
            stamp = self._stamp(area, batch)
            return self._drain(area, self._schema_for(area, reader.schema, batch.op), reader, stamp)

    def delete_missing(self, keys: Batch) -> Staged:
        """Stage a deletion of every published record whose key is not among *keys*.

        It loses against whatever else the epoch does to the key, so that what the epoch upserts is
        not deleted.
        """
        from dativo_writer_parquet._deletions import missing_keys  # noqa: PLC0415 - few runs delete
        from dativo_writer_parquet._live import Budget  # noqa: PLC0415 - as above

        self._require_open()
        if not self._primary_key:
            msg = f"a session of {self._mode} mode was asked to delete what is missing"
            raise ContractViolationError(msg, phase="write")
        with self._staging() as area, self._explained():
            reader = pa.RecordBatchReader.from_stream(keys.data)
            state = self._target.state()
            if state is None:
                for _ in reader:  # whoever gives keys wants them taken
                    pass
                return Staged(rows=0)
            missing = missing_keys(
                attrs.evolve(state, primary_key=self._primary_key),
                reader,
                Budget(
                    bytes=self._context.buffer_bytes,
                    folder=area.scratch(),
                    tell=self._context.progress,
                ),
            )
            schema = self._schema_for(area, reader.schema, Operation.DELETE)
            stamp = Stamp(epoch=self._epoch, batch=0, operation=Operation.DELETE)
            staged = self._drain(area, schema, missing, stamp)
            failpoint("parquet.deletions.staged")
            return staged

    def _drain(
        self,
        area: StagingArea,
        schema: EpochSchema,
        batches: Iterable[pa.RecordBatch],
        stamp: Stamp | None,
    ) -> Staged:
        rows = 0
        with area.lane(schema) as lane:
            before = lane.bytes_written
            for piece in batches:
                with self._explained():
                    lane.add(piece, stamp and stamp.after(rows))
                rows += piece.num_rows
            written = lane.bytes_written - before
        return Staged(rows=rows, size_bytes=written, token=area.account(rows))

    def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
        """Publish *staged* and the record in one step; the same commit again does nothing."""
        self._require_open()
        self._require_own(commit)
        with self._explained():
            last = self._target.newest()
            found = self._target.found(commit, last)
            if found is not None:
                return self._replayed(found)
            self._require_all(staged)
            self._require_stamped_for(commit.epoch, last)
            with self._staging() as area:
                sealed = self._sealed(area, commit)
                sealed.publish()
        self._last = sealed.published
        self.abort()  # removes what is left: after a replace, what was published before
        return Receipt(record=sealed.published.record, size_bytes=sealed.size_bytes)

    def abort(self) -> None:
        """Remove all that was staged and not committed; the session can stage anew."""
        self._target.drop(self._area)
        self._start()

    def last_commit(self) -> CommitRecord | None:
        """Return the newest published record in the stream's place, of whatever job."""
        with self._explained():
            last = self._target.newest()
        return None if last is None else last.record

    def close(self) -> None:
        """Remove what is staged and give back the files; further calls do nothing."""
        if not self._is_closed:
            self._is_closed = True
            self._target.drop(self._area)
            self._target.close()

    @contextmanager
    def _staging(self) -> Iterator[StagingArea]:
        area = self._area
        try:
            yield area
        except BaseException:
            area.has_failed = True
            raise

    def _start(self) -> None:
        self._area = self._target.area(self._form)
        self._epoch = 1 if self._last is None else self._last.record.commit.epoch + 1

    @property
    def _succession(self) -> Succession:
        return Succession(
            stream=self._stream,
            mode=self._mode,
            partition_by=self._partition_by,
            primary_key=self._primary_key,
            last=self._last,
        )

    def _sealed(self, area: StagingArea, commit: Commit) -> Sealed:
        schema = area.schema or self._succession.without_records()
        rows = sum(account.rows for account in area.accounts)
        return self._target.seal(area, schema, commit, rows)

    def _replayed(self, found: Published) -> Receipt:
        size = self._target.confirm(found)
        self.abort()
        return Receipt(record=found.record, size_bytes=size, replayed=True)

    def _stamp(self, area: StagingArea, batch: Batch) -> Stamp | None:
        if self._primary_key:
            number = batch.sequence or area.next_arrival()
            return Stamp(epoch=self._epoch, batch=number, operation=batch.op)
        if batch.op is not Operation.UPSERT:
            msg = f"a batch to {batch.op} records came to a session of {self._mode} mode"
            raise ContractViolationError(msg, phase="write")
        return None

    def _schema_for(
        self, area: StagingArea, current: pa.Schema, operation: Operation
    ) -> EpochSchema:
        """Return the schema of the epoch; the first reader decides, the others must agree.

        Deletions have only keys, so that what they are given is provisional.
        """
        stream = self._stream
        current = checked(current, stream=stream)
        with self._lock:
            known = area.schema
            if operation is Operation.DELETE:
                if known is None:
                    known = area.schema = self._succession.provisional(current)
                require_keys(current, known.logical, self._primary_key, stream=stream)
            elif known is None or known.is_provisional:
                known = area.schema = self._succession.schema(current)
            else:
                require_followable(current, known.logical, stream=stream, columns_may_come=False)
            return known

    # --- what must hold -------------------------------------------------------------------------

    def _require_open(self) -> None:
        if self._is_closed:
            raise ContractViolationError("the session is closed", phase="write")
        if self._target.is_foreign:
            owner = self._last.record.commit.job_id if self._last is not None else ""
            raise StateError(
                f"{self._target.name} belongs to the job {owner!r}",
                fix="Give this job another path, or its former name back.",
                stream=self._stream,
                phase="write",
            )

    def _require_own(self, commit: Commit) -> None:
        mine = (self._context.job_id, self._stream, self._context.fence, self._mode)
        if (commit.job_id, commit.stream, commit.fence, commit.mode) != mine:
            raise ContractViolationError(
                f"a session of job, stream, fence and mode {mine} was asked for the commit "
                f"{commit.commit_id} of another",
                phase="write",
            )

    def _require_all(self, staged: Sequence[Staged]) -> None:
        if self._area.has_failed:
            raise WriteFailedError(
                f"a part of the epoch of {self._stream} failed; abort it and stage it anew",
                stream=self._stream,
                phase="write",
            )
        if self._area.is_busy:
            raise ContractViolationError("a commit must wait for every stage", phase="write")
        given = {id(part.token) for part in staged if part.token is not None}
        if given != {id(account) for account in self._area.accounts}:
            raise ContractViolationError(
                f"a commit must take all that was staged: {len(staged)} parts were handed over, "
                f"{len(self._area.accounts)} are staged",
                phase="write",
            )

    def _require_stamped_for(self, epoch: int, last: Published | None) -> None:
        if self._primary_key and self._area.accounts and epoch != self._epoch:
            self._last = last
            raise WriteFailedError(
                f"the epoch {self._epoch} of {self._stream} was staged, but another session "
                f"of the run has published it; stage what belongs to {epoch} anew",
                stream=self._stream,
                phase="write",
            )

    def _explained(self) -> AbstractContextManager[None]:
        return self._target.explained()
