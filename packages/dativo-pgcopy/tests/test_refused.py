"""What cannot be represented is an error with its place, or NULL."""

from __future__ import annotations

from typing import Any

import dativo_pgcopy
import pyarrow as pa
import pytest

# type, format, what it becomes, a value that is refused, one that is not, a word of the reason
REFUSED = [
    ("numeric", "numeric", pa.decimal128(9, 2), "NaN", "1.5", "NaN"),
    ("numeric", "numeric", pa.decimal256(50, 2), "NaN", "1.5", "NaN"),
    ("numeric", "numeric", pa.decimal128(9, 2), "Infinity", "1.5", "infinity"),
    ("numeric", "numeric", pa.decimal128(9, 2), "-Infinity", "1.5", "infinity"),
    ("numeric", "numeric", pa.decimal128(9, 2), "10000000", "9999999.99", "more digits than"),
    ("numeric", "numeric", pa.decimal128(9, 2), "-10000000", "-9999999.99", "more digits than"),
    ("numeric", "numeric", pa.decimal128(9, 2), "0.001", "0.010", "after the point"),
    ("numeric", "numeric", pa.decimal128(38, 0), "1e38", "9" * 38, "more digits than"),
    ("numeric", "numeric", pa.decimal256(76, 0), "1e76", "9" * 76, "more digits than"),
    ("numeric", "numeric", pa.decimal256(76, 0), "1e131071", "0", "more digits than"),
    ("numeric", "numeric", pa.decimal256(76, 0), "1e-16383", "0", "after the point"),
    ("date", "date", pa.date32(), "infinity", "2024-01-01", "infinity"),
    ("date", "date", pa.date32(), "-infinity", "2024-01-01", "infinity"),
    ("timestamp", "timestamp", pa.timestamp("us"), "infinity", "2024-01-01", "infinity"),
    ("timestamp", "timestamp", pa.timestamp("us"), "-infinity", "2024-01-01", "infinity"),
    ("timestamp", "timestamp", pa.timestamp("us"), "294276-12-31", "294247-01-10", "out of range"),
    (
        "timestamptz",
        "timestamptz",
        pa.timestamp("us", "UTC"),
        "294247-01-10 04:00:54.775808+00",
        "294247-01-10 04:00:54.775807+00",
        "out of range",
    ),
    ("time", "time", pa.time64("us"), "24:00", "23:59:59.999999", "24:00"),
    ("interval", "interval", pa.month_day_nano_interval(), "infinity", "1 day", "infinite"),
    ("interval", "interval", pa.month_day_nano_interval(), "-infinity", "1 day", "infinite"),
    (
        "interval",
        "interval",
        pa.month_day_nano_interval(),
        "-2562047:47:16.854776",
        "-2562047:47:16.854775",
        "too long",
    ),
    ("int[]", "list<int4>", pa.list_(pa.int32()), "{{1},{2}}", "{1,2}", "dimensions"),
    ("int[]", "list<int4>", pa.list_(pa.int32()), "[0:1]={1,2}", "{1,2}", "begin at 1"),
    ("date[]", "list<date>", pa.list_(pa.date32()), "{2024-01-01,infinity}", "{}", "infinity"),
]


@pytest.fixture(params=REFUSED, ids=lambda case: f"{case[0]} {case[3]:.20}")
def case(request: pytest.FixtureRequest) -> Any:
    return request.param


def query(case: Any) -> str:
    kind, _, _, bad, good, _ = case
    values = [good] * 200 + [bad, good]
    rows = ", ".join(f"({row}, {row}, '{value}'::{kind})" for row, value in enumerate(values))
    return f"SELECT j, v FROM (VALUES {rows}) AS t(i, j, v) ORDER BY i"


def schema(arrow: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field("i", pa.int32(), nullable=False), ("v", arrow)])


def test_refused_value_is_located(server: Any, case: Any) -> None:
    _, form, arrow, _, _, reason = case

    reader = server.reader(query(case), schema(arrow), ["int4", form], batch_rows=150)
    assert reader.read_next_batch().num_rows == 150
    with pytest.raises(
        dativo_pgcopy.ValueRefusedError, match=f"column 1, row 200: .*{reason}"
    ) as error:
        reader.read_next_batch()

    assert (error.value.column, error.value.row) == (1, 200)
    assert reason in error.value.reason
    with pytest.raises(dativo_pgcopy.CopyError, match="the reader has failed: column 1, row 200"):
        reader.read_next_batch()


def test_refused_value_may_be_null(server: Any, case: Any) -> None:
    _, form, arrow, _, _, _ = case

    table = server.read(query(case), schema(arrow), ["int4", form], nullify=[1])

    column = table["v"].combine_chunks()
    nulls = column.flatten() if form == "list<date>" else column
    assert table.num_rows == 202
    assert nulls.null_count == 1
    if form != "list<date>":
        assert nulls.is_null().to_pylist().index(True) == 200


def test_the_good_neighbours_of_a_refused_value_are_kept(server: Any, case: Any) -> None:
    kind, form, arrow, _, good, _ = case

    table = server.read(query(case), schema(arrow), ["int4", form], nullify=[1])
    same = server.read(f"SELECT '{good}'::{kind} AS v", pa.schema([("v", arrow)]), [form])

    column, good_one = table["v"].combine_chunks(), same["v"].combine_chunks()
    assert column[:1].equals(good_one)
    assert column[201:].equals(good_one)


def test_nullify_is_for_fields_that_may_be_null() -> None:
    field = pa.field("v", pa.date32(), nullable=False)

    with pytest.raises(ValueError, match="not nullable"):
        dativo_pgcopy.decode([], schema=pa.schema([field]), formats=["date"], nullify=[0])


def test_null_in_a_field_that_has_none_is_malformed(server: Any) -> None:
    field = pa.field("v", pa.int32(), nullable=False)
    reader = server.reader("SELECT NULL::int AS v", pa.schema([field]), ["int4"])

    with pytest.raises(dativo_pgcopy.MalformedError, match="non-nullable"):
        reader.read_next_batch()
