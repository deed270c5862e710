from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from dativo.errors import DataValidationError
from dativo.plugins._class_style import _rows
from dativo.plugins._class_style._rows import fields_in, records_in

NOON = dt.datetime(2024, 1, 31, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))


def values(array: pa.Array) -> list[Any]:
    (found,) = records_in(pa.table({"x": array}))
    return [record["x"] for record in found]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([True, None]),
        pa.array([2**64 - 1], pa.uint64()),
        pa.array([1.5, float("inf")]),
        pa.array([1.5], pa.float16()),
        pa.array([Decimal("1.50"), None]),
        pa.array([Decimal("9" * 60)], pa.decimal256(76, 0)),
        pa.array(["ä", None]),
        pa.array(["ä"], pa.string_view()),
        pa.array(["ä"], pa.large_string()),
        pa.array([b"\0"]),
        pa.array([b"ab"], pa.binary(2)),
        pa.array([dt.date(2024, 1, 31)]),
        pa.array([dt.time(1, 2, 3, 4)]),
        pa.array([dt.datetime(2024, 1, 31)]),  # noqa: DTZ001 - no zone
        pa.array([NOON], pa.timestamp("us", tz="+02:00")),
        pa.array([dt.timedelta(microseconds=1)]),
        pa.array([[1, None], None, []]),
        pa.array([{"a": 1, "b": ["x"]}, None]),
        pa.array(["a", "b", "a", None]).dictionary_encode(),
        pa.nulls(2),
    ],
)
def test_values_are_pythons_own(array: pa.Array) -> None:
    assert values(array) == array.to_pylist()


def test_a_zone_stays() -> None:
    (found,) = values(pa.array([NOON], pa.timestamp("us", tz="+02:00")))

    assert found.utcoffset() == dt.timedelta(hours=2)


def test_a_uuid_is_a_text_and_json_stays_one() -> None:
    one = uuid.UUID(int=7)

    assert values(pa.array([one.bytes, None], pa.uuid())) == [str(one), None]
    assert values(pa.array(['{"a":1}'], pa.json_())) == ['{"a":1}']


def test_nanoseconds_pass_only_if_they_are_microseconds() -> None:
    assert values(pa.array([1000, None], pa.timestamp("ns")))[0].microsecond == 1
    with pytest.raises(DataValidationError, match="'x' holds nanoseconds"):
        values(pa.array([1], pa.timestamp("ns", tz="UTC")))
    with pytest.raises(DataValidationError, match="nanoseconds"):
        values(pa.array([1], pa.time64("ns")))


def test_a_year_that_python_does_not_know_is_refused() -> None:
    with pytest.raises(DataValidationError, match="beyond what Python"):
        values(pa.array([10**18], pa.timestamp("us")))


@pytest.mark.parametrize(
    "array",
    [
        pa.array([[1]], pa.list_(pa.timestamp("ns"))),
        pa.array([{"a": 1}], pa.struct([("a", pa.duration("ns"))])),
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([[1]], pa.list_view(pa.int64())),
        pa.array([b"x"], pa.opaque(pa.binary(), "inet", "postgres")),
        pa.StructArray.from_arrays([pa.array([b"x" * 16], pa.uuid())], ["a"]),
    ],
)
def test_what_cannot_be_told_exactly_is_refused_before_any_record(array: pa.Array) -> None:
    with pytest.raises(DataValidationError, match=r"the field 'x'.*exactly"):
        values(array)


def test_lists_have_some_thousands_of_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rows, "_ROWS", 2)
    table = pa.concat_tables([pa.table({"x": [1, 2, 3]}), pa.table({"x": [4]})])

    assert [[r["x"] for r in part] for part in records_in(table)] == [[1, 2], [3], [4]]


def test_fields_are_told_in_the_words_of_the_style() -> None:
    schema = pa.schema(
        [
            pa.field("id", pa.int8(), nullable=False),
            pa.field("at", pa.timestamp("us")),
            pa.field("tags", pa.list_(pa.string())),
        ]
    )

    assert fields_in(schema) == [
        {"name": "id", "type": "integer", "required": True},
        {"name": "at", "type": "timestamp", "required": False},
        {"name": "tags", "type": "string", "required": False},
    ]
