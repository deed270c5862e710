"""A source for the page about reading: streams that grow by a day, and by a column.

``customers`` is the one that is merged: the second day changes one, adds one and deletes one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import attrs
import pyarrow as pa

from dativo.contract import (
    Batch,
    CheckItem,
    Checkpoint,
    ConnectionTestResult,
    ConnectorInfo,
    Operation,
    ReadMode,
    SourceInfo,
    Stream,
    StreamRequest,
    hookimpl,
    setting,
)


@attrs.frozen
class Config:
    """How many days there are."""

    days: int = setting("The last day.", default=1)


@hookimpl
def describe() -> ConnectorInfo:
    modes = (ReadMode.FULL, ReadMode.INCREMENTAL)
    return ConnectorInfo(title="Frames", source=SourceInfo(config=Config, read_modes=modes))


@hookimpl
def check_connection() -> ConnectionTestResult:
    return ConnectionTestResult((CheckItem.ok("frames"),))


@hookimpl
def discover() -> Iterator[Stream]:
    yield Stream(name="orders")


@hookimpl
def extract(config: Config, request: StreamRequest, state: Checkpoint | None) -> Iterator[Batch]:
    seen = int(str(state.value["day"])) if state else 0
    first = config.days if request.mode is ReadMode.FULL else seen + 1
    for day in range(first, config.days + 1):
        checkpoint = Checkpoint({"day": day})
        if request.stream == "customers":
            yield from _customers(day, checkpoint)
        else:
            yield Batch(_day(day), checkpoint)


def _customers(day: int, checkpoint: Checkpoint) -> Iterator[Batch]:
    ids, cities = ([1, 2, 3], ["Bonn", "Lyon", "Oslo"]) if day == 1 else ([2, 4], ["Nice", "Rome"])
    if day > 1:
        gone = pa.table({"id": [3], "city": pa.array([None], pa.string())})
        yield Batch(gone, op=Operation.DELETE)
    yield Batch(pa.table({"id": ids, "city": cities}), checkpoint)


def _day(day: int) -> pa.Table:
    columns = {
        "id": pa.array([day * 10 + number for number in range(3)], pa.int64()),
        "total": pa.array([None, f"{day}.10", f"{day}.20"]).cast(pa.decimal128(10, 2)),
        "country": pa.array(["DE", "FR", None]),
        "ordered_at": pa.array(
            [dt.datetime(2026, day, 1 + number, 12, tzinfo=dt.UTC) for number in range(3)],
            pa.timestamp("us", "UTC"),
        ),
    }
    if day > 1:
        columns["coupon"] = pa.array(["A", None, "B"])
    return pa.table(columns)
