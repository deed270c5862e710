"""A source of a few lines, to have something to write: each run adds ten numbers."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from dativo.contract import (
    Batch,
    CheckItem,
    Checkpoint,
    ConnectionTestResult,
    ConnectorInfo,
    NoOptions,
    ReadMode,
    SourceInfo,
    Stream,
    hookimpl,
)

SCHEMA = pa.schema([pa.field("n", pa.int64(), nullable=False)])
MODES = (ReadMode.FULL, ReadMode.INCREMENTAL)


@hookimpl
def describe() -> ConnectorInfo:
    return ConnectorInfo(title="Numbers", source=SourceInfo(config=NoOptions, read_modes=MODES))


@hookimpl
def check_connection() -> ConnectionTestResult:
    return ConnectionTestResult([CheckItem.ok("numbers")])


@hookimpl
def discover() -> Iterator[Stream]:
    yield Stream(name="numbers", schema=SCHEMA, cursors=("n",), read_modes=MODES)


@hookimpl
def extract(state: Checkpoint | None) -> Iterator[Batch]:
    last = int(str(state.value["n"])) if state else 0
    yield Batch(
        pa.table({"n": range(last + 1, last + 11)}, schema=SCHEMA),
        Checkpoint({"n": last + 10}),
    )
