"""Every Arrow type: through the files and back, and as the common readers see it."""

from __future__ import annotations

import ctypes
import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquet_lake import Lake, by

from dativo.errors import DataValidationError
from dativo_writer_parquet import Compression
from dativo_writer_parquet._convert import convert

INTERVAL = pa.month_day_nano_interval()
_FIELD_WORDS = 9
UUID = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")


def _extension(arrow: pa.DataType, values: list[Any]) -> pa.Array:
    return pa.ExtensionArray.from_storage(arrow, pa.array(values, arrow.storage_type))


def _interval(letters: bytes, like: pa.DataType) -> pa.DataType:
    """An interval that pyarrow passes on, but neither makes nor looks into."""
    text, struct = ctypes.create_string_buffer(letters), (ctypes.c_int64 * _FIELD_WORDS)()
    pa.field("i", like)._export_to_c(ctypes.addressof(struct))
    struct[0] = ctypes.addressof(text)
    return pa.Field._import_from_c(ctypes.addressof(struct)).type


def _raw(arrow: pa.DataType, values: list[int | None]) -> pa.Array:
    """Values by their numbers, also those that Python's own types cannot hold."""
    width = pa.int32() if arrow.bit_width == 32 else pa.int64()
    return pa.array(values, width).view(arrow)


INT64 = [-(2**63), None, 2**63 - 1]
INT32 = [-(2**31), None, 2**31 - 1]
_list_uuid = pa.ListArray.from_arrays(
    pa.array([0, 1, 1, 3], pa.int32()),
    _extension(pa.uuid(), [UUID.bytes, None, UUID.bytes]),
    mask=pa.array([False, True, False]),
)
_struct = pa.StructArray.from_arrays(
    [
        pa.array([1, 0, 3], pa.int32()),
        _extension(pa.uuid(), [UUID.bytes, None, None]),
        pa.array([(1, 2, 3), None, (0, 0, -1)], INTERVAL),
    ],
    fields=[
        pa.field("n", pa.int32(), nullable=False, metadata={"unit": "piece"}),
        pa.field("u", pa.uuid()),
        pa.field("i", INTERVAL),
    ],
    mask=pa.array([False, True, False]),
)

ARRAYS: dict[str, pa.Array] = {
    "null": pa.nulls(3),
    "bool": pa.array([True, None, False]),
    "int8": pa.array([-128, None, 127], pa.int8()),
    "uint64": pa.array([0, None, 2**64 - 1], pa.uint64()),
    "int64": pa.array(INT64),
    "float16": pa.array([1.5, None, float("-inf")], pa.float16()),
    "float64": pa.array([5e-324, None, float("inf")]),
    "decimal32": pa.array([Decimal("-9.99"), None, Decimal("0.01")], pa.decimal32(3, 2)),
    "decimal64": pa.array([Decimal("1.50"), None, Decimal(0)], pa.decimal64(12, 2)),
    "decimal128_18": pa.array([Decimal(10**17), None, Decimal(-1)], pa.decimal128(18, 0)),
    "decimal128": pa.array([Decimal(10**37), None, Decimal("-1e-0")], pa.decimal128(38, 0)),
    "decimal256": pa.array([Decimal(10**59), None, Decimal("1e-16")], pa.decimal256(76, 16)),
    "decimal_negative": pa.array([Decimal(12300), None, Decimal(-100)], pa.decimal128(5, -2)),
    "string": pa.array(["é😀", None, ""]),
    "large_string": pa.array(["a", None, ""], pa.large_string()),
    "string_view": pa.array(["a text longer than twelve", None, ""], pa.string_view()),
    "binary": pa.array([b"\0\xff", None, b""]),
    "large_binary": pa.array([b"\0", None, b""], pa.large_binary()),
    "binary_view": pa.array([b"\0", None, b""], pa.binary_view()),
    "fixed_size_binary": pa.array([b"abc", None, b"\0\0\0"], pa.binary(3)),
    "date32": _raw(pa.date32(), INT32),
    "date64": pa.array([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)], pa.date64()),
    "time32_s": pa.array([dt.time(0), None, dt.time(23, 59, 59)], pa.time32("s")),
    "time32_ms": pa.array([dt.time(0), None, dt.time(23, 59, 59)], pa.time32("ms")),
    "time64_us": pa.array([dt.time(0), None, dt.time(23, 59, 59, 999999)], pa.time64("us")),
    "time64_ns": _raw(pa.time64("ns"), [0, None, 86_400 * 10**9 - 1]),
    "timestamp_s": _raw(pa.timestamp("s"), [-(10**11), None, 10**11]),
    "timestamp_ms": _raw(pa.timestamp("ms"), [-(2**52), None, 2**52]),  # DuckDB's limit
    **{f"timestamp_{unit}": _raw(pa.timestamp(unit), INT64) for unit in ("us", "ns")},
    "timestamp_s_utc": _raw(pa.timestamp("s", "UTC"), [0, None, 1]),
    "timestamp_ms_utc": _raw(pa.timestamp("ms", "UTC"), [-(2**52), None, 2**52]),
    **{f"timestamp_{unit}_utc": _raw(pa.timestamp(unit, "UTC"), INT64) for unit in ("us", "ns")},
    "timestamp_us_berlin": _raw(pa.timestamp("us", "Europe/Berlin"), INT64),
    **{f"duration_{unit}": _raw(pa.duration(unit), INT64) for unit in ("s", "ms", "us", "ns")},
    "interval": pa.array([(2**31 - 1, -(2**31), -(2**63)), None, (1, -2, 3)], INTERVAL),
    "uuid": _extension(pa.uuid(), [UUID.bytes, None, b"\0" * 16]),
    "json": _extension(pa.json_(), ['{"a": [1, null]}', None, "null"]),
    "json_view": _extension(pa.json_(pa.string_view()), ["{}", None, "[]"]),
    "bool8": _extension(pa.bool8(), [1, None, 0]),
    "opaque": _extension(pa.opaque(pa.string(), "t", "v"), ["a", None, "b"]),
    "dictionary": pa.array(["a", None, "b"]).dictionary_encode(),
    "dictionary_small": convert(
        pa.array(["a", None, "b"]), pa.dictionary(pa.uint8(), pa.large_string(), ordered=True)
    ),
    "dictionary_view": convert(
        pa.array(["a", None, "b"]), pa.dictionary(pa.int8(), pa.string_view())
    ),
    "dictionary_int": pa.array([1, None, 1]).dictionary_encode(),
    "dictionary_decimal": pa.array([Decimal("1.5"), None, Decimal("1.5")]).dictionary_encode(),
    "list": pa.array([[1, None], None, []], pa.list_(pa.int32())),
    "list_required": pa.array(
        [[1], None, []], pa.list_(pa.field("x", pa.int32(), nullable=False, metadata={"a": "b"}))
    ),
    "large_list": pa.array([["a"], None, []], pa.large_list(pa.string_view())),
    "fixed_size_list": pa.array([[1, 2], None, [None, 4]], pa.list_(pa.int32(), 2)),
    "list_view": pa.array([[1, None], None, []], pa.list_view(pa.int64())),
    "large_list_view": pa.array([["a"], None, []], pa.large_list_view(pa.string())),
    "list_date64": pa.array([[dt.date(2024, 2, 29)], None, []], pa.list_(pa.date64())),
    "list_interval": pa.array([[(1, 2, 3), None], None, []], pa.list_(INTERVAL)),
    "list_view_interval": pa.array([[(1, 2, 3), None], None, []], pa.list_view(INTERVAL)),
    "large_list_view_interval": pa.array([[(1, 2, 3)], None, []], pa.large_list_view(INTERVAL)),
    "fixed_size_list_interval": pa.array([[(1, 2, 3)], None, [None]], pa.list_(INTERVAL, 1)),
    "list_dictionary": pa.array([["a"], None, []], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
    "list_uuid": _list_uuid,
    "list_list": pa.array([[[1], None], None, []], pa.list_(pa.list_(pa.int8()))),
    "struct": _struct,
    "map": pa.array([[("a", 1), ("b", None)], None, []], pa.map_(pa.string(), pa.int32())),
    "map_interval": pa.array([[("a", (1, 2, 3))], None, []], pa.map_(pa.string(), INTERVAL)),
    "run_end_encoded": convert(
        pa.array(["a", "a", None]), pa.run_end_encoded(pa.int16(), pa.string())
    ),
}
POLARS_REFUSES = {"decimal256": "precision must be between 1 and 38"}
_STRUCT = "struct<months: int32 not null, days: int32 not null, nanoseconds: int64 not null>"
STORED_AS = {
    "decimal_negative": "decimal128(7, 0)",
    "date64": "date32[day]",
    "time32_s": "time32[ms]",
    "timestamp_s": "timestamp[ms]",
    "timestamp_s_utc": "timestamp[ms, tz=UTC]",
    "interval": _STRUCT,
    "dictionary_small": "dictionary<values=string, indices=int32, ordered=1>",
    "dictionary_view": "dictionary<values=string, indices=int32, ordered=0>",
    "dictionary_int": "int64",
    "dictionary_decimal": "decimal128(2, 1)",
    "list_required": "list<element: int32 not null>",
    "list_view": "list<element: int64>",
    "large_list_view": "large_list<element: string>",
    "list_date64": "list<element: date32[day]>",
    "list_interval": f"list<element: {_STRUCT}>",
    "list_view_interval": f"list<element: {_STRUCT}>",
    "large_list_view_interval": f"large_list<element: {_STRUCT}>",
    "fixed_size_list_interval": f"fixed_size_list<element: {_STRUCT}>[1]",
    "list_dictionary": "list<element: string>",
    "struct": f"struct<n: int32 not null, u: extension<arrow.uuid>, i: {_STRUCT}>",
    "map": "map<string, int32 ('value')>",
    "map_interval": f"map<string, {_STRUCT} ('value')>",
    "run_end_encoded": "string",
}
"""What pyarrow, polars and DuckDB see where the type is not the one that was written."""


def _table(name: str) -> pa.Table:
    fields = [
        pa.field("n", pa.int8(), nullable=False),
        pa.field("value", ARRAYS[name].type, metadata={"origin": "t.value"}),
    ]
    schema = pa.schema(fields, metadata={"table": "public.t"})
    return pa.Table.from_arrays([pa.array([0, 1, 2], pa.int8()), ARRAYS[name]], schema=schema)


def _require_same_rows(found: pa.Table, expected: pa.Table, *, rows: int) -> None:
    found.validate(full=True)
    assert found.num_rows == rows
    for row, n in enumerate(found["n"].to_pylist()):
        one, other = found["value"].slice(row, 1), expected["value"].slice(n, 1)
        if pa.types.is_dictionary(one.type):  # equal only with equal dictionaries
            assert one.to_pylist() == other.to_pylist()
        else:
            assert one.equals(other)


@pytest.mark.parametrize("name", ARRAYS)
def test_every_type_comes_back_exactly(lake: Lake, name: str) -> None:
    table = _table(name)
    lake.publish(1, table)
    lake.publish(2, table.slice(1))
    found = lake.read()

    assert found.schema.equals(table.schema, check_metadata=True)
    _require_same_rows(found.slice(0, 3), table, rows=3)
    _require_same_rows(found.slice(3), table, rows=2)


@pytest.mark.parametrize("name", ARRAYS)
def test_every_type_comes_back_from_partitions(lake: Lake, name: str) -> None:
    table = _table(name).append_column("part", pa.array(["a", "b", "a"]))
    lake.having(options=by("part")).publish(1, table)
    found = lake.read()

    assert found.schema.equals(table.schema, check_metadata=True)
    assert found["part"].to_pylist() == ["a", "a", "b"]
    _require_same_rows(found, table, rows=3)


@pytest.mark.parametrize("name", ARRAYS)
def test_pyarrow_polars_and_duckdb_read_every_type(lake: Lake, name: str) -> None:
    lake.publish(1, _table(name))
    glob = str(lake.data / "**/*.parquet")
    nulls = ARRAYS[name].null_count if name != "run_end_encoded" else 1

    assert pq.read_table(lake.data)["value"].null_count == nulls
    query = "select count(*) - count(value) from read_parquet(?)"
    assert duckdb.execute(query, [glob]).fetchall() == [(nulls,)]
    if name in POLARS_REFUSES:
        with pytest.raises(BaseException, match=POLARS_REFUSES[name]):
            pl.read_parquet(lake.data)
    else:
        assert pl.read_parquet(lake.data)["value"].null_count() == nulls


@pytest.mark.parametrize("name", ARRAYS)
def test_every_type_is_kept_for_pyarrow(lake: Lake, name: str) -> None:
    lake.publish(1, _table(name))
    field = pq.read_schema(next(lake.data.rglob("*.parquet"))).field("value")

    if name in STORED_AS:
        assert str(field.type) == STORED_AS[name]
    else:
        assert str(field.type) == str(ARRAYS[name].type).replace("item:", "element:")
    assert (field.metadata or {})[b"origin"] == b"t.value"


@pytest.mark.parametrize(
    ("arrow", "message"),
    [
        (pa.sparse_union([pa.field("a", pa.int32())]), "'bad' is a union"),
        (pa.list_(pa.dense_union([pa.field("a", pa.int32())])), "'bad.item' is a union"),
        (pa.struct([]), "'bad' is a struct without fields"),
        (pa.map_(pa.string(), pa.struct([])), "'bad.value' is a struct without fields"),
        (pa.struct([("a", pa.int8()), ("a", pa.int8())]), "the field 'a' of 'bad' occurs twice"),
        (pa.decimal256(76, -1), "'bad' has more than 76 digits"),
        (pa.dictionary(pa.int8(), pa.struct([])), "'bad' is a struct without fields"),
        (_interval(b"tiM", pa.int32()), "'bad' has the type month_interval"),
        (pa.list_(_interval(b"tiD", pa.int64())), "'bad.item' has the type day_time_interval"),
    ],
)
def test_what_parquet_cannot_hold_is_refused_by_name(
    lake: Lake, arrow: pa.DataType, message: str
) -> None:
    reader = pa.RecordBatchReader.from_batches(pa.schema([("bad", arrow)]), iter([]))
    with pytest.raises(DataValidationError, match=message) as caught:
        lake.publish(1, reader)
    assert caught.value.exit_code == 30
    assert not lake.data.exists()


def test_duplicate_names_and_no_columns_are_refused(lake: Lake) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(DataValidationError, match="the column 'a' occurs twice"):
        lake.publish(1, twice)
    with pytest.raises(DataValidationError, match="there is no column"):
        lake.publish(1, pa.table({}))


def test_odd_names_survive(lake: Lake) -> None:
    names = ["a.b", "A", "a", "😀", " ", "ä=1", "q\"'", "x" * 300, "dativo.commit"]
    table = pa.table({name: [1] for name in names})
    lake.publish(1, table)

    assert lake.read() == table
    assert pl.read_parquet(lake.data).columns == names
    assert pq.read_table(lake.data).column_names == names


def test_required_columns_stay_required(lake: Lake) -> None:
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False)])
    lake.publish(1, pa.table({"id": [1]}, schema=schema))

    assert lake.read().schema == schema
    assert pq.read_schema(next(lake.data.rglob("*.parquet"))) == schema


def test_a_null_in_a_required_column_is_refused_by_name(lake: Lake) -> None:
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False)])
    batch = pa.RecordBatch.from_arrays([pa.array([1, None])], schema=schema)
    with pytest.raises(DataValidationError, match="'id' is declared as never NULL, but holds 1"):
        lake.publish(1, pa.RecordBatchReader.from_batches(schema, [batch]))


@pytest.mark.parametrize(
    "array",
    [
        _raw(pa.timestamp("s"), [2**62]),
        pa.Array.from_buffers(pa.date64(), 1, [None, pa.py_buffer((1).to_bytes(8, "little"))]),
    ],
    ids=["timestamp_s", "date64"],
)
def test_a_value_that_would_change_is_refused(lake: Lake, array: pa.Array) -> None:
    with pytest.raises(DataValidationError, match="cannot be stored exactly"):
        lake.publish(1, pa.table({"value": array}))


def test_small_dictionaries_of_many_batches_come_back(lake: Lake) -> None:
    small = pa.dictionary(pa.int8(), pa.string())
    tables = [
        pa.table({"d": convert(pa.array([f"{k}-{i}" for i in range(100)]), small)})
        for k in range(5)
    ]
    lake.publish(1, *tables)
    found = lake.read()

    assert found.schema == tables[0].schema
    assert found["d"].to_pylist() == [text for t in tables for text in t["d"].to_pylist()]
    assert pq.read_table(lake.data).num_rows == 500


def test_metadata_of_the_writer_is_not_taken_from_the_source(lake: Lake) -> None:
    lake.publish(1, pa.table({"id": [1]}))
    table = pq.read_table(next(lake.data.rglob("*.parquet")))  # carries dativo.commit
    other = lake.having(stream="copy")
    other.publish(1, table)
    footer = pq.read_metadata(next(other.data.rglob("*.parquet"))).metadata

    assert b'"stream": "copy"' in footer[b"dativo.commit"]
    assert other.read().schema.metadata is None


@pytest.mark.parametrize("codec", ["zstd", "snappy", "lz4", "none"])
def test_every_codec_is_used(lake: Lake, codec: str) -> None:
    lake = lake.having(settings={"compression": Compression(codec)})
    lake.publish(1, pa.table({"id": list(range(5000)), "text": ["a"] * 5000}))
    metadata = pq.read_metadata(next(lake.data.rglob("*.parquet")))
    used = metadata.row_group(0).column(1).compression

    assert used == {"none": "UNCOMPRESSED"}.get(codec, codec.upper())
    assert pl.read_parquet(lake.data).height == 5000


def test_columns_that_repeat_get_a_dictionary_and_others_do_not(lake: Lake) -> None:
    rows = 5000
    table = pa.table(
        {
            "few": [str(i % 7) for i in range(rows)],
            "many": [f"text {i}" for i in range(rows)],
            "number": list(range(rows)),
            "price": pa.array([Decimal(i) for i in range(rows)], pa.decimal128(18, 2)),
            "wide": pa.array([Decimal(i) for i in range(rows)], pa.decimal128(38, 2)),
            "key": _extension(pa.uuid(), [i.to_bytes(16, "big") for i in range(rows)]),
            "view": pa.array([f"text {i}" for i in range(rows)], pa.string_view()),
            "nested": [[{"a": i}] for i in range(rows)],
            "map": pa.array([[("a", i)] for i in range(rows)], pa.map_(pa.string(), pa.int64())),
        }
    )
    lake.publish(1, table)
    group = pq.read_metadata(next(lake.data.rglob("*.parquet"))).row_group(0)
    columns = [group.column(index) for index in range(group.num_columns)]
    used = {c.path_in_schema: set(c.encodings) - {"RLE", "PLAIN"} for c in columns}

    assert used == {
        "few": {"RLE_DICTIONARY"},
        "many": {"DELTA_LENGTH_BYTE_ARRAY"},
        "number": {"DELTA_BINARY_PACKED"},
        "price": {"DELTA_BINARY_PACKED"},
        "wide": set(),
        "key": set(),
        "view": {"DELTA_LENGTH_BYTE_ARRAY"},
        "nested.list.element.a": {"RLE_DICTIONARY"},
        "map.key_value.key": {"RLE_DICTIONARY"},
        "map.key_value.value": {"RLE_DICTIONARY"},
    }
    assert lake.read() == table
    assert pl.read_parquet(lake.data)["price"].to_list() == table["price"].to_pylist()
    glob = str(lake.data / "**/*.parquet")
    query = "select sum(price), max(many) from read_parquet(?)"
    assert duckdb.execute(query, [glob]).fetchall() == [
        (sum(table["price"].to_pylist()), "text 999"),
    ]


@pytest.mark.parametrize(("rows", "expected"), [(10, set()), (500, {"RLE_DICTIONARY"})])
def test_a_handful_of_records_is_plain_and_too_few_to_judge_get_a_dictionary(
    lake: Lake, rows: int, expected: set[str]
) -> None:
    lake.publish(1, pa.table({"number": list(range(rows)), "text": ["a"] * rows}))
    group = pq.read_metadata(next(lake.data.rglob("*.parquet"))).row_group(0)
    used = [set(group.column(index).encodings) - {"RLE", "PLAIN"} for index in range(2)]

    assert used == [expected, expected]
