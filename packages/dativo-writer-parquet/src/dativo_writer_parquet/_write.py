"""The writing of one stream: staged where nobody looks, published by one rename."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

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
    WriteMode,
    WriteRequest,
)
from dativo.errors import (
    ConcurrencyError,
    ContractViolationError,
    DataValidationError,
    InvalidConfigError,
    StateError,
    WriteFailedError,
)
from dativo_writer_parquet._claims import Claim, read_claim
from dativo_writer_parquet._columns import EpochSchema
from dativo_writer_parquet._config import ParquetConfig, PartitionBy, StreamOptions
from dativo_writer_parquet._epoch import (
    SealedEpoch,
    already_published,
    confirm,
    publish,
    seal,
)
from dativo_writer_parquet._errors import explained
from dativo_writer_parquet._files import FileFormat
from dativo_writer_parquet._open import Opened, critical
from dativo_writer_parquet._partition import partition_keys
from dativo_writer_parquet._records import Published, newest
from dativo_writer_parquet._schema import checked, require_followable, target
from dativo_writer_parquet._staging import StagingArea
from dativo_writer_parquet._versions import Stamp, require_keys, require_mergeable

__all__ = ["ParquetSession"]


class ParquetSession:
    """One run's writing of one stream; made by the ``write`` hook."""

    def __init__(
        self, config: ParquetConfig, request: WriteRequest, context: Context, opened: Opened
    ) -> None:
        self._config = config
        self._mode = request.mode
        self._primary_key = request.primary_key if request.mode is WriteMode.MERGE else ()
        self._context = context
        self._place = opened.place
        self._workspace = opened.workspace
        self._claim = opened.claim
        self._last = opened.last
        options = request.options if isinstance(request.options, StreamOptions) else None
        self._levels = (options or StreamOptions()).partition_by
        self._form = FileFormat.of(config, buffer_bytes=context.buffer_bytes)
        self._lock = threading.Lock()
        self._is_closed = False
        self._start()

    def stage(self, batch: Batch) -> Staged:
        """Drain *batch* into staged files; an error of its reader passes through unchanged."""
        self._require_open()
        area = self._area
        rows = written = 0
        try:
            reader = pa.RecordBatchReader.from_stream(batch.data)
            stamp = self._stamp(area, batch)
            with area.lane(self._schema_for(area, reader.schema, batch.op)) as lane:
                before = lane.bytes_written
                for piece in reader:
                    with self._explained():
                        lane.add(piece, stamp and stamp.after(rows))
                    rows += piece.num_rows
                written = lane.bytes_written - before
        except BaseException:
            area.has_failed = True
            raise
        return Staged(rows=rows, size_bytes=written, token=area.account(rows))

    def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
        """Publish *staged* and the record in one rename; the same commit again does nothing."""
        self._require_open()
        self._require_own(commit)
        with self._explained():
            with self._critical():
                last = newest(self._place)
                found = already_published(self._place, commit, last)
                if found is not None:
                    return self._replayed(found)
            self._require_all(staged)
            self._require_stamped_for(commit.epoch, last)
            sealed = self._seal(commit)
            with self._critical():
                self._require_claim()
                already_published(self._place, commit, newest(self._place))
                publish(self._place, sealed)
        self._last = sealed.published_at(self._place)
        self.abort()  # removes what is left: after a replace, what was published before
        return Receipt(record=sealed.record, size_bytes=sealed.size_bytes)

    def abort(self) -> None:
        """Remove all that was staged and not committed; the session can stage anew."""
        self._area.discard()
        self._start()

    def last_commit(self) -> CommitRecord | None:
        """Return the newest published record in the stream's place, of whatever job."""
        with self._explained(), self._critical():
            last = newest(self._place)
        return None if last is None else last.record

    def close(self) -> None:
        """Remove what is staged and give back the files; further calls do nothing."""
        if not self._is_closed:
            self._is_closed = True
            self._area.discard()
            self._workspace.close()

    def _start(self) -> None:
        self._area = StagingArea(self._workspace.folder, self._form, stream=self._place.stream)
        self._epoch = 1 if self._last is None else self._last.record.commit.epoch + 1

    def _seal(self, commit: Commit) -> SealedEpoch:
        area = self._area
        try:
            return seal(
                area,
                area.schema or self._schema_without_records(),
                commit,
                rows=sum(account.rows for account in area.accounts),
                folder_mode=self._config.folder_bits,
                tell=self._context.progress,
            )
        except BaseException:
            area.has_failed = True
            raise

    def _replayed(self, found: Published) -> Receipt:
        confirm(self._place)
        self.abort()
        size = sum((self._place.data / name).stat().st_size for name in found.record.files)
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
        stream = self._place.stream
        current = checked(current, stream=stream)
        with self._lock:
            known = area.schema
            if operation is Operation.DELETE:
                if known is None:
                    known = area.schema = self._provisional_schema(current)
                require_keys(current, known.logical, self._primary_key, stream=stream)
            elif known is None or known.is_provisional:
                known = area.schema = self._epoch_schema(current)
            else:
                require_followable(current, known.logical, stream=stream, columns_may_come=False)
            return known

    def _provisional_schema(self, current: pa.Schema) -> EpochSchema:
        known = current if self._last is None else self._last.schema
        return attrs.evolve(self._epoch_schema(known), is_provisional=True)

    def _epoch_schema(self, current: pa.Schema) -> EpochSchema:
        stream = self._place.stream
        before = None if self._mode is WriteMode.REPLACE else self._last
        if before is not None:
            require_followable(current, before.schema, stream=stream)
            self._require_same_folders(before)
        logical = target(current, None if before is None else before.schema)
        if self._primary_key:
            for schema in (logical, *([] if before is None else [before.schema])):
                require_mergeable(schema, self._primary_key, stream=stream)
        keys = partition_keys(logical, self._levels, stream=stream)
        return EpochSchema.of(logical, keys, primary_key=self._primary_key)

    def _schema_without_records(self) -> EpochSchema:
        if self._last is None:
            raise DataValidationError(
                f"nothing was ever published of {self._place.stream}, so an epoch without a "
                "batch has no schema",
                fix="Run the job once; a stream without records publishes its schema too.",
                stream=self._place.stream,
                phase="write",
            )
        return self._epoch_schema(self._last.schema)

    # --- what must hold -------------------------------------------------------------------------

    def _require_open(self) -> None:
        if self._is_closed:
            raise ContractViolationError("the session is closed", phase="write")
        if self._claim is None:
            owner = self._last.record.commit.job_id if self._last is not None else ""
            raise StateError(
                f"{self._place.data} belongs to the job {owner!r}",
                fix="Give this job another path, or its former name back.",
                stream=self._place.stream,
                phase="write",
            )

    def _require_own(self, commit: Commit) -> None:
        mine = (self._context.job_id, self._place.stream, self._context.fence, self._mode)
        if (commit.job_id, commit.stream, commit.fence, commit.mode) != mine:
            raise ContractViolationError(
                f"a session of job, stream, fence and mode {mine} was asked for the commit "
                f"{commit.commit_id} of another",
                phase="write",
            )

    def _require_all(self, staged: Sequence[Staged]) -> None:
        if self._area.has_failed:
            raise WriteFailedError(
                f"a part of the epoch of {self._place.stream} failed; abort it and stage it anew",
                stream=self._place.stream,
                phase="write",
            )
        if self._area.is_busy:
            raise ContractViolationError("a commit must wait for every stage", phase="write")
        if {id(part.token) for part in staged} != {id(account) for account in self._area.accounts}:
            raise ContractViolationError(
                f"a commit must take all that was staged: {len(staged)} parts were handed over, "
                f"{len(self._area.accounts)} are staged",
                phase="write",
            )

    def _require_stamped_for(self, epoch: int, last: Published | None) -> None:
        if self._primary_key and self._area.accounts and epoch != self._epoch:
            self._last = last
            raise WriteFailedError(
                f"the epoch {self._epoch} of {self._place.stream} was staged, but another session "
                f"of the run has published it; stage what belongs to {epoch} anew",
                stream=self._place.stream,
                phase="write",
            )

    def _require_claim(self) -> None:
        holder = read_claim(self._place)
        if holder is None or self._claim is None or not self._claim.is_same_run(holder):
            raise ConcurrencyError(
                f"{self._place.data} was taken over by {holder or 'somebody'} while this run "
                f"{self._context.run_id} was writing; nothing of it was published",
                details=_about(holder),
                stream=self._place.stream,
                phase="write",
            )

    def _require_same_folders(self, before: Published) -> None:
        if before.partition_by != self._levels:
            raise InvalidConfigError(
                f"partition_by of {self._place.stream} is {_names(self._levels)}, but the "
                f"published data has {_names(before.partition_by)}",
                fix="Restore partition_by, or publish anew in replace mode.",
            )

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self._place.data, stream=self._place.stream)

    def _critical(self) -> AbstractContextManager[None]:
        return critical(self._place, self._context)


def _about(holder: Claim | None) -> Mapping[str, object]:
    return {} if holder is None else {"holder": attrs.asdict(holder), "fence": holder.fence}


def _names(levels: Sequence[PartitionBy]) -> str:
    return ", ".join(level.key for level in levels) or "none"
