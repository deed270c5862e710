"""Values of every Arrow type: extremes, NULL, what is empty, and what is easily mistaken."""

from __future__ import annotations

import ctypes
import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from typing import Any

import attrs
import pyarrow as pa

__all__ = ["Sample", "numbers_of", "samples"]

_NAN, _INF = float("nan"), float("inf")
_UNITS = ("s", "ms", "us", "ns")
_ZONES = {"": None, " UTC": "UTC", " Berlin": "Europe/Berlin", " +05:30": "+05:30"}
_LEAP = int(dt.datetime(2024, 2, 29, 23, 59, 59, tzinfo=dt.UTC).timestamp())
_IDENTITY = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0").bytes


@attrs.frozen(kw_only=True)
class Sample:
    """One field with values, beside an ``id``.

    Attributes:
        name: What it is of.
        table: The fields ``id`` and ``value``.
    """

    name: str
    table: pa.Table

    @classmethod
    def of(cls, name: str, values: pa.Array, **field: Any) -> Sample:
        """Put *values* beside numbers; *field* is what makes a field besides its type."""
        ids = pa.array(range(len(values)), pa.int64())
        fields = [pa.field("id", pa.int64(), nullable=False), pa.field("value", values.type)]
        if field:
            fields[1] = pa.field("value", values.type, **field)
        return cls(name=name, table=pa.table([ids, values], schema=pa.schema(fields)))


def samples() -> Iterator[Sample]:
    """Yield all samples."""
    for area in (_numbers, _decimals, _texts, _times, _nested, _encoded):
        for name, values in area().items():
            yield Sample.of(name, values)
    yield from _intervals()
    yield Sample.of("int64 that is never NULL", pa.array([1, 2, 3]), nullable=False)
    yield Sample.of("string with metadata", pa.array(["a", None]), metadata={"origin": "t.é"})
    unknown = {"ARROW:extension:name": "kit.point", "ARROW:extension:metadata": '{"srid": 4326}'}
    yield Sample.of("an unknown extension type", pa.array(["1 2", None, ""]), metadata=unknown)


def numbers_of(table: pa.Table) -> pa.Table:
    """Return *table* with the intervals that pyarrow cannot look into as the numbers they are."""
    plain = [_NUMBERS.get(str(field.type), field.type) for field in table.schema]
    if plain == table.schema.types:
        return table
    fields = [field.with_type(kind) for field, kind in zip(table.schema, plain, strict=True)]
    return _relabelled(table, pa.schema(fields, metadata=table.schema.metadata))


def _numbers() -> dict[str, pa.Array]:
    found = {"null": pa.nulls(3), "bool": pa.array([True, None, False])}
    for bits in (8, 16, 32, 64):
        high = 2**bits
        signed, unsigned = getattr(pa, f"int{bits}")(), getattr(pa, f"uint{bits}")()
        found[f"int{bits}"] = pa.array([-high // 2, None, 0, high // 2 - 1], signed)
        found[f"uint{bits}"] = pa.array([0, None, high - 1], unsigned)
    for kind, least, most in (
        (pa.float16(), 6e-8, 65504.0),
        (pa.float32(), 1e-45, 3.4028234663852886e38),
        (pa.float64(), 5e-324, 1.7976931348623157e308),
    ):
        odd = [_NAN, _INF, -_INF, 0.0, -0.0, None, least, -least, most, -most, 0.1]
        found[str(kind)] = pa.array(odd, pa.float64()).cast(kind, safe=False)
    return found


def _decimals() -> dict[str, pa.Array]:
    found = {}
    for kind in (
        pa.decimal32(9, 2),
        pa.decimal64(18, 4),
        pa.decimal128(38, 0),
        pa.decimal128(38, 38),
        pa.decimal128(5, -2),
        pa.decimal256(76, 0),
        pa.decimal256(76, 38),
    ):
        with localcontext() as context:
            context.prec = 100
            most = Decimal(10**kind.precision - 1).scaleb(-kind.scale)
            least = Decimal(1).scaleb(-kind.scale)
            found[str(kind)] = pa.array([most, -most, None, least, -least, Decimal(0)], kind)
    return found


def _texts() -> dict[str, pa.Array]:
    texts = [
        "",
        " ",
        "é😀",
        "e\u0301",
        "quotes \" and ' and \\",
        "\r\n\t",
        "NULL",
        "x" * 9000,
        None,
    ]
    data = [b"", b"\0\xff\xfe", b"\\x00", "é".encode(), b"\0" * 9000, None]
    found = {str(t): pa.array(texts, t) for t in (pa.string(), pa.large_string(), pa.string_view())}
    found["string with the character NUL"] = pa.array(["a\0b", "\0", None])
    kinds = (pa.binary(), pa.large_binary(), pa.binary_view())
    found |= {str(kind): pa.array(data, kind) for kind in kinds}
    found["fixed_size_binary[3]"] = pa.array([b"abc", None, b"\0\0\0"], pa.binary(3))
    return found


def _times() -> dict[str, pa.Array]:
    found = {}
    days = [dt.date(1, 1, 1), None, dt.date(1969, 12, 31), dt.date(2024, 2, 29)]
    days.append(dt.date(9999, 12, 31))
    for kind in (pa.date32(), pa.date64()):
        found[str(kind)] = pa.array(days, kind)
    found["date32, extreme"] = _raw(pa.date32(), [-(2**31), None, 2**31 - 1])
    last = 2**63 // 86_400_000 * 86_400_000  # milliseconds, and whole days only
    found["date64, extreme"] = _raw(pa.date64(), [-last, None, last])
    for place, unit in enumerate(_UNITS):
        second = 1000**place
        clock = pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit)
        found[str(clock)] = _raw(clock, [0, None, 86_400 * second - 1])
        for about, zone in _ZONES.items():
            kind = pa.timestamp(unit, zone)
            usual = [0, None, -1, _LEAP * second + second - 1, -(10**9) * second]
            found[f"timestamp[{unit}]{about}"] = _raw(kind, usual)
        extreme = [-(2**63), None, 2**63 - 1]
        found[f"timestamp[{unit}], extreme"] = _raw(pa.timestamp(unit), extreme)
        found[f"timestamp[{unit}] UTC, extreme"] = _raw(pa.timestamp(unit, "UTC"), extreme)
        found[f"duration[{unit}]"] = _raw(pa.duration(unit), [0, None, -1, -(2**63), 2**63 - 1])
    return found


def _nested() -> dict[str, pa.Array]:
    lists: list[list[int | None] | None] = [[1, None, -1], None, [], [None]]
    child = pa.field("item", pa.int32(), nullable=False, metadata={"unit": "piece"})
    inner = pa.struct([pa.field("n", pa.int32()), pa.field("t", pa.string())])
    required = pa.struct([pa.field("n", pa.int32(), nullable=False), pa.field("t", pa.string())])
    pairs = [[("a", 1), ("", None)], None, []]
    rows = [{"n": 1, "t": None}, None, {"n": None, "t": ""}]
    return {
        "list": pa.array(lists, pa.list_(pa.int32())),
        "list of what is never NULL": pa.array([[1], None, []], pa.list_(child)),
        "large_list": pa.array(lists, pa.large_list(pa.int64())),
        "fixed_size_list": pa.array([[1, 2], None, [None, 4]], pa.list_(pa.int32(), 2)),
        "list_view": pa.array(lists, pa.list_view(pa.int64())),
        "large_list_view": pa.array(lists, pa.large_list_view(pa.int64())),
        "list of lists": pa.array([[[1], None, []], None, []], pa.list_(pa.list_(pa.int8()))),
        "list of structs": pa.array([rows, None, []], pa.list_(inner)),
        "struct": pa.array(rows, inner),
        "struct with a field that is never NULL": pa.array([{"n": 1, "t": "a"}, None], required),
        "map": pa.array(pairs, pa.map_(pa.string(), pa.int32())),
        "map of lists": pa.array([[("a", [1])], None], pa.map_(pa.string(), pa.list_(pa.int32()))),
    }


def _encoded() -> dict[str, pa.Array]:
    texts = pa.array(["a", None, "", "a"])
    json = pa.array(['{"a": [1, null]}', None, "{}", '{"b":1e2}'])
    return {
        "dictionary of strings": texts.dictionary_encode(),
        "dictionary, ordered": pa.DictionaryArray.from_arrays(
            pa.array([1, None, 0], pa.int8()), pa.array(["low", "high"]), ordered=True
        ),
        "dictionary of numbers": pa.array([7, None, 7]).dictionary_encode(),
        "run_end_encoded": pa.RunEndEncodedArray.from_arrays(
            pa.array([2, 3, 5], pa.int16()), pa.array(["a", None, "b"])
        ),
        "uuid": _extension(pa.uuid(), pa.array([_IDENTITY, None, b"\0" * 16], pa.binary(16))),
        "json": _extension(pa.json_(), json),
    }


def _intervals() -> Iterator[Sample]:
    kind = pa.month_day_nano_interval()
    most = (2**31 - 1, -(2**31), 2**63 - 1)
    yield Sample.of("month_day_nano_interval", pa.array([(1, -2, 3), None, most], kind))
    for name, number in _NUMBERS.items():
        high = 2 ** (number.bit_width - 1)
        plain = Sample.of(name, pa.array([1, None, -1, high - 1, -high], number)).table
        schema = pa.schema([plain.schema.field("id"), _interval_field(name)])
        yield Sample(name=name, table=_relabelled(plain, schema))


def _extension(kind: pa.DataType, storage: pa.Array) -> pa.Array:
    return pa.ExtensionArray.from_storage(kind, storage)


def _raw(kind: pa.DataType, values: Sequence[int | None]) -> pa.Array:
    """Values by their numbers, also those that Python's own types cannot hold."""
    return pa.array(values, pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)  # noqa: PLR2004


# --- intervals that pyarrow passes on but cannot make: their C format is put in by hand ----------

_NUMBERS = {"month_interval": pa.int32(), "day_time_interval": pa.int64()}
_FORMATS = {
    "month_interval": ctypes.create_string_buffer(b"tiM"),
    "day_time_interval": ctypes.create_string_buffer(b"tiD"),
}
_SCHEMA_WORDS, _ARRAY_WORDS = 9, 10


def _interval_field(name: str) -> pa.Field:
    struct = (ctypes.c_int64 * _SCHEMA_WORDS)()
    pa.field("value", _NUMBERS[name])._export_to_c(ctypes.addressof(struct))  # noqa: SLF001
    struct[0] = ctypes.addressof(_FORMATS[name])  # `format` is the first pointer
    return pa.Field._import_from_c(ctypes.addressof(struct))  # noqa: SLF001


def _relabelled(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the same buffers under types of the same widths."""
    batches = []
    for batch in table.to_batches():
        struct = (ctypes.c_int64 * _ARRAY_WORDS)()
        batch._export_to_c(ctypes.addressof(struct))  # noqa: SLF001
        batches.append(pa.RecordBatch._import_from_c(ctypes.addressof(struct), schema))  # noqa: SLF001
    return pa.Table.from_batches(batches, schema=schema)
