"""`numbers` and `ledger` with everything that the contract leaves open; for tests of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from dativo import errors
from dativo.contract import (
    ArrowStream,
    Batch,
    Checkpoint,
    CompactResult,
    ConnectorInfo,
    Context,
    ReadPlan,
    Stream,
    StreamRequest,
    WritePlan,
    WriteRequest,
    WriteSession,
    hookimpl,
)
from dativo_test_support import ledger, numbers

__all__ = [
    "check_connection",
    "compact",
    "describe",
    "discover",
    "extract",
    "plan_read",
    "plan_write",
    "read_back",
    "write",
]

check_connection = ledger.check_connection


@hookimpl
def describe() -> ConnectorInfo:
    """Describe both sides."""
    source, writer = numbers.describe().source, ledger.describe().writer
    return ConnectorInfo(title="Whole", source=source, writer=writer)


@hookimpl
def discover(config: numbers.NumbersConfig, context: Context) -> Iterator[Stream]:
    """Yield the streams."""
    return numbers.discover(config, context)


@hookimpl
def extract(
    config: numbers.NumbersConfig,
    request: StreamRequest,
    state: Checkpoint | None,
    context: Context,
) -> Iterator[Batch]:
    """Yield the records."""
    return numbers.extract(config, request, state, context)


@hookimpl
def plan_read(
    config: numbers.NumbersConfig, request: StreamRequest, state: Checkpoint | None
) -> ReadPlan:
    """Count what is left."""
    if request.stream in config.unreadable:
        msg = f"may not read {request.stream}"
        raise errors.InsufficientPermissionsError(msg)
    last = 0 if state is None else int(str(state.value["id"]))
    if request.lower is not None:
        last = max(last, int(request.lower) - 1)
    end = config.rows if request.upper is None else min(config.rows, int(request.upper) - 1)
    rows = max(0, end - last)
    return ReadPlan(
        rows=rows,
        size_bytes=8 * rows,
        partitions=-(-rows // config.batch_rows),
        lower=None if state is None else str(last),
        upper=str(config.rows),
        assumptions=("ids only grow",),
    )


@hookimpl
def write(config: ledger.LedgerConfig, request: WriteRequest, context: Context) -> WriteSession:
    """Open a session."""
    return ledger.write(config, request, context)


@hookimpl
def plan_write(config: ledger.LedgerConfig, request: WriteRequest, read: ReadPlan) -> WritePlan:
    """Look at the records, and expect one file for all."""
    folder = _folder(config, request)
    records = ledger.read_records(folder)
    return WritePlan(
        place=str(folder),
        files=min(1, read.rows or 0),
        assumptions=("the folder stays where it is",),
        knows_last_commit=True,
        last_commit=records[-1] if records else None,
    )


@hookimpl
def read_back(config: ledger.LedgerConfig, request: WriteRequest, context: Context) -> ArrowStream:
    """Return the records of all epochs, file by file."""
    files = _files(_folder(config, request))
    if not files:
        raise errors.ResourceNotFoundError(f"nothing is published of {request.stream}")
    columns = numbers.SCHEMA.names
    tables = (pa.ipc.open_file(file).read_all() for file in files)
    batches = (
        batch
        for table in tables
        if table.num_columns
        for batch in table.select(columns).cast(numbers.SCHEMA).to_batches()
    )
    return context.reader(numbers.SCHEMA, batches)


@hookimpl
def compact(config: ledger.LedgerConfig, request: WriteRequest, context: Context) -> CompactResult:
    """Write all epochs into the file of the newest one, under its record."""
    files = _files(_folder(config, request))
    if not files:
        return CompactResult(rows=0, files_before=0, files_after=0)
    (config.path / "fence").write_text(str(context.fence))
    before = sum(file.stat().st_size for file in files)
    tables = [pa.ipc.open_file(file).read_all() for file in files]
    record = tables[-1].schema.metadata[b"record"]
    table = pa.concat_tables([table for table in tables if table.num_columns])
    with pa.ipc.new_file(files[-1], table.schema.with_metadata({b"record": record})) as sink:
        sink.write_table(table.replace_schema_metadata({b"record": record}))
    for file in files[:-1]:
        file.unlink()
    return CompactResult(
        rows=table.num_rows,
        files_before=len(files),
        files_after=1,
        bytes_before=before,
        bytes_after=files[-1].stat().st_size,
    )


def _folder(config: ledger.LedgerConfig, request: WriteRequest) -> Path:
    return config.path / request.stream.replace("/", "_")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.arrow"))
