"""`numbers` and `ledger` without what the contract leaves open; for tests of the engine."""

from __future__ import annotations

from collections.abc import Iterator

from dativo.contract import (
    Batch,
    Checkpoint,
    ConnectorInfo,
    Context,
    ReadMode,
    SourceInfo,
    Stream,
    StreamRequest,
    WriteMode,
    WriteRequest,
    WriterInfo,
    WriteSession,
    hookimpl,
)
from dativo_test_support import ledger, numbers

__all__ = ["check_connection", "describe", "discover", "extract", "write"]

check_connection = ledger.check_connection


@hookimpl
def describe() -> ConnectorInfo:
    """Describe both sides: no exact replay, no scans of keys; no replace, no deletions."""
    read_modes = (ReadMode.FULL, ReadMode.INCREMENTAL)
    return ConnectorInfo(
        title="Plain",
        source=SourceInfo(config=numbers.NumbersConfig, read_modes=read_modes),
        writer=WriterInfo(
            config=ledger.LedgerConfig, write_modes=(WriteMode.APPEND, WriteMode.MERGE)
        ),
    )


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
def write(config: ledger.LedgerConfig, request: WriteRequest, context: Context) -> WriteSession:
    """Open a session."""
    return ledger.write(config, request, context)
