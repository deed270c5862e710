"""A writer that keeps each commit as one Arrow file with its record; for tests of the engine."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import attrs
import pyarrow as pa

from dativo import errors
from dativo.contract import (
    Atomicity,
    Batch,
    CheckItem,
    Commit,
    CommitRecord,
    ConnectionTestResult,
    ConnectorInfo,
    Receipt,
    Staged,
    WriteMode,
    WriteRequest,
    WriterInfo,
    WriteSession,
    hookimpl,
    setting,
)

__all__ = ["LedgerConfig", "check_connection", "describe", "read_ledger", "read_records", "write"]


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


@hookimpl
def describe() -> ConnectorInfo:
    """Describe the writer."""
    modes = (WriteMode.APPEND, WriteMode.REPLACE)
    return ConnectorInfo(
        title="Ledger",
        writer=WriterInfo(config=LedgerConfig, write_modes=modes, atomicity=Atomicity.EPOCH),
    )


@hookimpl
def check_connection(config: LedgerConfig) -> ConnectionTestResult:
    """Check the folder."""
    config.path.mkdir(parents=True, exist_ok=True)
    return ConnectionTestResult((CheckItem.ok("folder"),))


@hookimpl
def write(config: LedgerConfig, request: WriteRequest) -> WriteSession:
    """Open a session."""
    return _Session(config, request)


class _Session:
    def __init__(self, config: LedgerConfig, request: WriteRequest) -> None:
        self._config = config
        self._folder = config.path / request.stream.replace("/", "_")
        self._folder.mkdir(parents=True, exist_ok=True)

    def stage(self, batch: Batch) -> Staged:
        if self._config.fail_stage:
            raise _error(self._config.fail_stage)
        reader = pa.RecordBatchReader.from_stream(batch.data)
        batches = list(reader)
        if self._config.miscount:
            batches = batches[1:]
        table = pa.Table.from_batches(batches, schema=reader.schema)
        return Staged(rows=table.num_rows, size_bytes=table.nbytes, token=table)

    def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
        time.sleep(self._config.commit_seconds)
        if self._config.fail_commit:
            raise _error(self._config.fail_commit)
        if self._config.wrong_receipt:
            commit = attrs.evolve(commit, commit_id="another")
        tables = [one.token for one in staged if isinstance(one.token, pa.Table)]
        table = pa.concat_tables(tables) if tables else pa.table({})
        record = CommitRecord(commit=commit, rows=table.num_rows, files=(_name(commit.epoch),))
        self._publish(commit, record, table)
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
        for staged in self._folder.glob("*.staged"):
            staged.unlink()

    def last_commit(self) -> CommitRecord | None:
        records = read_records(self._folder)
        return records[-1] if records else None

    def close(self) -> None:
        pass


def read_records(folder: Path) -> list[CommitRecord]:
    """Return the records of a stream's folder in the order of their epochs."""
    files = sorted(folder.glob("*.arrow"))
    schemas = [pa.ipc.open_file(file).schema for file in files]
    return [CommitRecord.from_json(schema.metadata[b"record"].decode()) for schema in schemas]


def read_ledger(folder: Path) -> list[int]:
    """Return the ids that are published in a stream's folder, in the order of the epochs."""
    tables = [pa.ipc.open_file(file).read_all() for file in sorted(folder.glob("*.arrow"))]
    return [number for table in tables if "id" in table.column_names for number in _ids(table)]


def _ids(table: pa.Table) -> list[int]:
    return [int(number) for number in table.column("id").to_pylist()]


def _name(epoch: int) -> str:
    return f"{epoch:08}.arrow"


def _error(name: str) -> Exception:
    if name == "bug":
        return ZeroDivisionError("the writer failed")
    error: type[errors.DativoError] = getattr(errors, name)
    return error("the writer failed")
