from __future__ import annotations

import datetime as dt

import arro3.core as arro3
import pyarrow as pa
import pytest

from dativo.engine._text import column_texts


def texts(values: list[object], kind: pa.DataType) -> list[str | None]:
    batch = pa.RecordBatch.from_arrays([pa.array(values, kind)], names=["c"])
    return column_texts(arro3.RecordBatch.from_arrow(batch).column(0))


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, None], pa.int64(), ["1", None]),
        ([True, False], pa.bool_(), ["true", "false"]),
        (["a", ""], pa.string(), ["a", ""]),
        ([b"\x00\xff"], pa.binary(), ["\\x00ff"]),
        ([dt.datetime(2024, 1, 2, 3, tzinfo=dt.UTC)], pa.timestamp("us"), ["2024-01-02 03:00:00"]),
        ([dt.date(2024, 1, 2)], pa.date32(), ["2024-01-02"]),
        ([[1, None]], pa.list_(pa.int32()), ["[1, null]"]),
        (
            [{"x": 1, "y": b"\x01"}],
            pa.struct({"x": pa.int8(), "y": pa.binary()}),
            ['{"x": 1, "y": "\\\\x01"}'],
        ),
        ([(1, 2, 3), None], pa.month_day_nano_interval(), ["1 mons 2 days 0.000000003 secs", None]),
        ([2**55], pa.timestamp("us"), ["3111-09-16 23:10:18.963968"]),
        ([float("nan")], pa.float64(), ["nan"]),
    ],
)
def test_values_as_people_read_them(
    values: list[object], kind: pa.DataType, expected: list[str | None]
) -> None:
    assert texts(values, kind) == expected


def test_uuid_is_shown_as_one() -> None:
    assert texts([bytes(16)], pa.uuid()) == ["00000000-0000-0000-0000-000000000000"]


def test_year_that_python_lacks_is_shown_by_arrow() -> None:
    assert texts([2**61], pa.timestamp("us", "UTC")) != [None]
