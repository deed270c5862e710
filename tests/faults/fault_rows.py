"""Published rows, and what is lost or doubled in comparison with the source."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
from fault_frame import Damage

from dativo.contract import WriteMode, WriteRequest
from dativo.errors import ResourceNotFoundError
from dativo_test_support.context import FakeContext
from dativo_writer_parquet import ParquetConfig, read_back

__all__ = ["COLUMNS", "Row", "compare", "published"]

COLUMNS = ("id", "at", "label", "amount")
"""The columns that count; others come and go."""

Row = tuple[Any, ...]


def published(lake: Path, stream: str, mode: WriteMode = WriteMode.APPEND) -> list[Row]:
    """Return the rows that a reader of *stream* sees now; none if nothing is published."""
    request = WriteRequest(stream=stream, mode=mode, primary_key=("id",))
    with FakeContext() as context:
        try:
            found = read_back(ParquetConfig(path=lake), request, context)
        except ResourceNotFoundError:
            return []
        table = pa.RecordBatchReader.from_stream(found).read_all()
    table = table.select([name for name in table.column_names if name in COLUMNS])
    return [tuple(row.values()) for row in table.to_pylist()]


def compare(what: str, expected: list[Row], found: list[Row]) -> None:
    """Compare two lists of rows, each row as often as it occurs.

    Raises:
        Damage: Rows are lost, doubled or foreign.
    """
    wanted, there = Counter(expected), Counter(found)
    lost = sum((wanted - there).values())
    doubled = sum(count - wanted[row] for row, count in there.items() if count > wanted[row] > 0)
    foreign = sum(count for row, count in there.items() if row not in wanted)
    if lost or doubled or foreign:
        raise Damage(
            f"{what}: {len(found)} rows in place of {len(expected)}",
            lost=lost,
            doubled=doubled,
            partial=foreign,
        )
