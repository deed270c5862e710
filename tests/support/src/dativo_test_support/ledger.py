"""A writer that keeps each commit as one Arrow file with its record; for tests of the engine."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

import attrs
import pyarrow as pa

from dativo import errors
from dativo.contract import (
    LEASE_SECONDS,
    Atomicity,
    Batch,
    CheckItem,
    Commit,
    CommitRecord,
    ConnectionTestResult,
    ConnectorInfo,
    Context,
    HeldLock,
    Operation,
    Receipt,
    Staged,
    WriteMode,
    WriteRequest,
    WriterInfo,
    WriteSession,
    file_lock,
    hookimpl,
    setting,
)

__all__ = [
    "LedgerConfig",
    "check_connection",
    "describe",
    "lock",
    "read_ledger",
    "read_merged",
    "read_records",
    "read_sequences",
    "write",
]

_VERSION = ("_sequence", "_deleted")


@attrs.frozen
class LedgerConfig:
    """Where the commits are kept and how writing fails."""

    path: Path = setting("The folder.")
    fail_stage: str | None = setting("Raise this class of dativo.errors in stage.", default=None)
    fail_commit: str | None = setting("The same in commit, before publishing.", default=None)
    lose_answer: bool = setting("Publish, then raise CommitUnknownError, once.", default=False)
    miscount: bool = setting("Lose a batch and say so honestly.", default=False)
    wrong_receipt: bool = setting("Give a receipt of another commit.", default=False)
    commit_seconds: float = setting("Sleep before publishing.", default=0.0)
    fenced: bool = setting("Claim the stream and compare fences.", default=False)
    locked: bool = setting("Hold a lock in the folder for the run.", default=False)
    lease_seconds: float = setting("The lease of that lock.", default=LEASE_SECONDS)
    ignores_keys: bool = setting("Delete without looking at the keys.", default=False)
    fail_delete: str | None = setting("As fail_stage, in delete_missing.", default=None)
    swallows: bool = setting("Delete although the keys broke off.", default=False)


@hookimpl
def describe() -> ConnectorInfo:
    """Describe the writer."""
    return ConnectorInfo(
        title="Ledger",
        writer=WriterInfo(
            config=LedgerConfig,
            write_modes=tuple(WriteMode),
            atomicity=Atomicity.EPOCH,
            deletes=True,
        ),
    )


@hookimpl
def check_connection(config: LedgerConfig) -> ConnectionTestResult:
    """Check the folder."""
    config.path.mkdir(parents=True, exist_ok=True)
    return ConnectionTestResult((CheckItem.ok("folder"),))


@hookimpl
def lock(config: LedgerConfig, context: Context) -> AbstractContextManager[HeldLock | None]:
    """Hold a lock in the folder, if the job wants one."""
    return _lock(config, context)


@contextmanager
def _lock(config: LedgerConfig, context: Context) -> Iterator[HeldLock | None]:
    if not config.locked:
        yield None
        return
    config.path.mkdir(parents=True, exist_ok=True)
    with file_lock(
        config.path / "run.lock",
        what=f"job {context.job_id!r} in {config.path}",
        holder={"run_id": context.run_id},
        lease_seconds=config.lease_seconds,
    ) as held:
        yield held


@hookimpl
def write(config: LedgerConfig, request: WriteRequest, context: Context) -> WriteSession:
    """Open a session."""
    return _Session(config, request, context)


class _Session:
    def __init__(self, config: LedgerConfig, request: WriteRequest, context: Context) -> None:
        self._config = config
        self._versioned = request.versioned
        self._run = {"run_id": context.run_id, "fence": context.fence}
        self._folder = config.path / request.stream.replace("/", "_")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._upserted: set[int] = set()
        self._require_fence()
        if config.fenced:
            self._claim.write_text(json.dumps(self._run))

    def stage(self, batch: Batch) -> Staged:
        if self._config.fail_stage:
            raise _error(self._config.fail_stage)
        reader = pa.RecordBatchReader.from_stream(batch.data)
        batches = list(reader)
        if self._config.miscount:
            batches = batches[1:]
        table = pa.Table.from_batches(batches, schema=reader.schema)
        if self._versioned:
            is_deletion = batch.op is Operation.DELETE
            self._upserted.update([] if is_deletion else _ids(table))
            table = _versioned(table, batch.sequence, is_deleted=is_deletion)
        return Staged(rows=table.num_rows, size_bytes=table.nbytes, token=table)

    def delete_missing(self, keys: Batch) -> Staged:
        there = set(self._upserted)
        if self._config.fail_delete:
            raise _error(self._config.fail_delete)
        if not self._config.ignores_keys:
            reader = pa.RecordBatchReader.from_stream(keys.data)
            with suppress(pa.ArrowException) if self._config.swallows else nullcontext():
                there.update(_ids(reader.read_all()))
        gone = sorted(set(read_merged(self._folder)) - there)
        missing = pa.table([gone], schema=pa.schema([pa.schema(keys.data).field("id")]))
        table = _versioned(missing, keys.sequence, is_deleted=True)
        return Staged(rows=table.num_rows, size_bytes=table.nbytes, token=table)

    def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
        time.sleep(self._config.commit_seconds)
        if self._config.fail_commit:
            raise _error(self._config.fail_commit)
        self._require_fence()
        if self._config.wrong_receipt:
            commit = attrs.evolve(commit, commit_id="another")
        tables = [one.token for one in staged if isinstance(one.token, pa.Table)]
        table = pa.concat_tables(tables, promote_options="default") if tables else pa.table({})
        record = CommitRecord(commit=commit, rows=table.num_rows, files=(_name(commit.epoch),))
        self._publish(commit, record, table)
        self._upserted.clear()
        if self._config.lose_answer and not (self._folder / "lost").exists():
            (self._folder / "lost").touch()
            raise errors.CommitUnknownError("no answer")
        return Receipt(record=record, size_bytes=table.nbytes)

    def _publish(self, commit: Commit, record: CommitRecord, table: pa.Table) -> None:
        metadata = {**(table.schema.metadata or {}), b"record": record.to_json().encode()}
        staged = self._folder / f"{commit.commit_id}.staged"
        with pa.ipc.new_file(staged, table.schema.with_metadata(metadata)) as sink:
            sink.write_table(table.replace_schema_metadata(metadata))
        if commit.mode is WriteMode.REPLACE:
            for old in self._folder.glob("*.arrow"):
                old.unlink()
        os.replace(staged, self._folder / _name(commit.epoch))  # noqa: PTH105 - atomic

    def abort(self) -> None:
        self._upserted.clear()
        for staged in self._folder.glob("*.staged"):
            staged.unlink()

    def last_commit(self) -> CommitRecord | None:
        records = read_records(self._folder)
        return records[-1] if records else None

    def close(self) -> None:
        pass

    @property
    def _claim(self) -> Path:
        return self._folder / "claim.json"

    def _require_fence(self) -> None:
        if not self._config.fenced or not self._claim.exists():
            return
        claim = json.loads(self._claim.read_text())
        if claim["run_id"] != self._run["run_id"] and claim["fence"] >= self._run["fence"]:
            msg = f"run {claim['run_id']} has claimed the stream"
            raise errors.ConcurrencyError(msg, details={"fence": claim["fence"]})


def read_records(folder: Path) -> list[CommitRecord]:
    """Return the records of a stream's folder in the order of their epochs."""
    files = sorted(folder.glob("*.arrow"))
    schemas = [pa.ipc.open_file(file).schema for file in files]
    return [CommitRecord.from_json(schema.metadata[b"record"].decode()) for schema in schemas]


def read_ledger(folder: Path) -> list[int]:
    """Return the ids that are published in a stream's folder, in the order of the epochs."""
    return [number for table in _tables(folder) for number in _ids(table)]


def read_merged(folder: Path) -> dict[int, str]:
    """Return the label of each published id as the last version of it has it."""
    merged: dict[int, str] = {}
    for table in _tables(folder):
        rows = table.to_pylist()
        for row in sorted(rows, key=lambda row: int(row.get("_sequence") or 0)):
            if row.get("_deleted"):
                merged.pop(row["id"], None)
            else:
                merged[row["id"]] = row["label"]
    return merged


def read_sequences(folder: Path, epoch: int) -> dict[int, int]:
    """Return the sequence number with which each id was merged in *epoch*."""
    table = pa.ipc.open_file(folder / _name(epoch)).read_all()
    return {row["id"]: row["_sequence"] for row in table.to_pylist()}


def _tables(folder: Path) -> list[pa.Table]:
    tables = [pa.ipc.open_file(file).read_all() for file in sorted(folder.glob("*.arrow"))]
    return [table for table in tables if "id" in table.column_names]


def _versioned(table: pa.Table, sequence: int, *, is_deleted: bool) -> pa.Table:
    columns = ([sequence] * table.num_rows, [is_deleted] * table.num_rows)
    types = (pa.int64(), pa.bool_())
    for name, values, kind in zip(_VERSION, columns, types, strict=True):
        table = table.append_column(name, pa.array(values, kind))
    return table


def _ids(table: pa.Table) -> list[int]:
    ids: list[int] = table.column("id").to_pylist()
    return ids


def _name(epoch: int) -> str:
    return f"{epoch:08}.arrow"


def _error(name: str) -> Exception:
    if name == "bug":
        return ZeroDivisionError("the writer failed")
    error: type[errors.DativoError] = getattr(errors, name)
    return error("the writer failed")
