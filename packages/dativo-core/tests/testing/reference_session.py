"""The session of the reference writer: what is staged, committed and claimed of one stream."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import attrs
import pyarrow as pa
from reference_table import DataFile, Head, Table

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
    WriteFailedError,
)

__all__ = ["ReferenceSession"]


class ReferenceSession:
    """The writing of one stream in one run."""

    def __init__(self, table: Table, request: WriteRequest, context: Context) -> None:
        self.table = table
        self.request = request
        self.context = context
        self.staged: list[DataFile] = []
        self.schema: pa.Schema | None = None
        self.guard = threading.Lock()
        self.claim()

    def claim(self) -> None:
        """Keep out older runs, and remove what they have left; another job's data is let alone."""
        with self.table.locked():
            head = self.table.head()
            if head.record is not None and head.record.commit.job_id != self.context.job_id:
                return
            self.require_fence(head)
            self.table.save(attrs.evolve(head, fence=self.context.fence))
            self.table.sweep(head)

    def require_fence(self, head: Head) -> None:
        if head.fence > self.context.fence:
            msg = f"a run with the fence {head.fence} has claimed {self.request.stream!r}"
            raise ConcurrencyError(msg, details={"fence": head.fence})

    def stage(self, batch: Batch) -> Staged:
        reader = pa.RecordBatchReader.from_stream(batch.data)
        if batch.op is Operation.UPSERT:
            self.require_schema(reader.schema)
        return self.keep(self.write(reader, batch))

    def write(self, reader: pa.RecordBatchReader, batch: Batch) -> DataFile:
        file = self.table.write_file(reader.schema, reader)
        return attrs.evolve(file, op=batch.op.value, sequence=batch.sequence)

    def keep(self, file: DataFile) -> Staged:
        with self.guard:
            self.staged.append(file)
        size = (self.table.folder / file.name).stat().st_size
        return Staged(rows=file.rows, size_bytes=size, token=file)

    def require_schema(self, schema: pa.Schema) -> None:
        """Refuse a schema that cannot follow the published one; remember it for the commit."""
        published = self.table.head().schema
        if published is not None and self.request.mode is not WriteMode.REPLACE:
            problems = [problem for field in published for problem in _changes(field, schema)]
            problems += [
                f"the new field {field.name!r} is required"
                for field in schema
                if field.name not in published.names and not field.nullable
            ]
            if problems:
                raise DataValidationError("; ".join(problems))
        with self.guard:
            self.schema = schema

    def delete_missing(self, keys: Batch) -> Staged:
        names = list(self.request.primary_key)
        given = pa.RecordBatchReader.from_stream(keys.data)
        known = {tuple(row[name] for name in names) for part in given for row in part.to_pylist()}
        gone = sorted(self.table.live_keys(names) - known)
        columns = [[row[place] for row in gone] for place in range(len(names))]
        schema = pa.schema([given.schema.field(name) for name in names])
        table = pa.table(columns, schema=schema)
        file = self.table.write_file(schema, iter(table.to_batches()))
        # The lowest of its epoch: what the epoch upserts stays.
        return self.keep(attrs.evolve(file, op=Operation.DELETE.value, sequence=-1))

    def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
        mine = (self.context.job_id, self.request.stream, self.context.fence, self.request.mode)
        if (commit.job_id, commit.stream, commit.fence, commit.mode) != mine:
            raise ContractViolationError("the commit is not one of this session")
        with self.table.locked():
            head = self.table.head()
            if head.record is not None and self.is_replay(commit, head.record):
                self.abort()
                return Receipt(record=head.record, replayed=True)
            self.require_next(commit, head)
            files = self.numbered(commit, staged)
            after = self.following(head, commit, files)
            self.table.save(after)
            self.clean(head, after)
        self.staged = []
        assert after.record is not None
        return Receipt(record=after.record, size_bytes=sum(one.size_bytes for one in staged))

    def is_replay(self, commit: Commit, record: CommitRecord) -> bool:
        return (record.commit.epoch, record.commit.commit_id) == (commit.epoch, commit.commit_id)

    def require_next(self, commit: Commit, head: Head) -> None:
        self.require_fence(head)
        if commit.epoch <= head.epoch:
            msg = f"the epoch {commit.epoch} is published by somebody else"
            raise ConcurrencyError(msg)

    def numbered(self, commit: Commit, staged: Sequence[Staged]) -> tuple[DataFile, ...]:
        """The files of the epoch; one that is gone was swept by another session."""
        files = [one.token for one in staged if isinstance(one.token, DataFile)]
        for file in files:
            if not (self.table.folder / file.name).exists():
                raise WriteFailedError("a newer session has removed what was staged")
        return tuple(attrs.evolve(file, epoch=commit.epoch) for file in files)

    def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
        """What is published after *commit*."""
        kept = () if commit.mode is WriteMode.REPLACE else head.files
        schema = self.schema or head.schema
        return attrs.evolve(
            head,
            record=self.record(commit, files, schema),
            schema=schema,
            files=(*kept, *files),
        )

    def record(
        self, commit: Commit, files: Sequence[DataFile], schema: pa.Schema | None
    ) -> CommitRecord:
        return CommitRecord(
            commit=commit,
            rows=sum(file.rows for file in files),
            files=tuple(file.name for file in files),
            schema=str(schema),
        )

    def clean(self, before: Head, after: Head) -> None:
        """Remove the files that nothing names any more; who reads them has opened them."""
        self.table.remove([file for file in before.files if file not in after.files])

    def abort(self) -> None:
        self.table.remove(self.staged)
        self.staged = []

    def last_commit(self) -> CommitRecord | None:
        return self.table.head().record

    def close(self) -> None:
        self.abort()


def _changes(before: pa.Field, schema: pa.Schema) -> list[str]:
    if before.name not in schema.names:
        return [f"the field {before.name!r} is gone"]
    now = schema.field(before.name)
    if now.type != before.type:
        return [f"the field {before.name!r} changed from {before.type} to {now.type}"]
    if before.nullable and not now.nullable:
        return [f"the field {before.name!r} is newly required"]
    return []
