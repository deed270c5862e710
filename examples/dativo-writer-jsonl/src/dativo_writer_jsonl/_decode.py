"""From lines of JSON back to Arrow, with the types that were written."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from dativo_writer_jsonl._times import days_of, ticks_of, ticks_of_time
from dativo_writer_jsonl._types import DIGITS, is_json, is_list, is_uuid, retyped, storage_of

__all__ = ["batch_of"]

_compute: Any = pc  # its functions are made when it is imported

_MS_PER_DAY = 86_400_000
_NULL = msgspec.Raw(b"null")

_decode_line = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def batch_of(lines: Sequence[bytes], schema: pa.Schema) -> pa.RecordBatch:
    """Return the records of *lines*.

    Raises:
        ValueError: A line is not what was written with this schema.
    """
    records = [_decode_line(line) for line in lines]
    arrays = [_column(records, field) for field in schema]
    if not arrays:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * len(lines), pa.struct([])))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _column(records: Sequence[Mapping[str, msgspec.Raw]], field: pa.Field) -> pa.Array:
    if is_json(field.type):
        texts = [
            bytes(record[field.name]).decode() if field.name in record else None
            for record in records
        ]
        return retyped(pa.array(texts, storage_of(field.type)), field.type)
    raws = b",".join(bytes(record.get(field.name, _NULL)) for record in records)
    values = json.loads(b"[" + raws + b"]", parse_float=Decimal)
    convert = _converter(field.type)
    made = _made([_of(value, convert) for value in values], storage_of(field.type))
    return retyped(made, field.type)


def _made(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_run_end_encoded(kind):
        return _compute.run_end_encode(
            pa.array(values, kind.value_type), run_end_type=kind.run_end_type
        )
    return pa.array(values, kind)


def _of(value: Any, convert: Callable[[Any], Any]) -> Any:
    return None if value is None else convert(value)


def _converter(kind: pa.DataType) -> Callable[[Any], Any]:
    """Return what makes of a value of JSON that which pyarrow takes for the storage of *kind*."""
    if is_uuid(kind):
        return lambda text: uuid.UUID(text).bytes
    if isinstance(kind, pa.BaseExtensionType):
        return _converter(kind.storage_type)
    if is_list(kind):
        item = _converter(kind.value_type)
        return lambda values: [_of(value, item) for value in values]
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _converter(kind.value_type)
    make = _NESTED.get(kind.id)
    return _PLAIN.get(kind.id, _same) if make is None else make(kind)


def _struct(kind: pa.DataType) -> Callable[[Any], Any]:
    fields = {field.name: _converter(field.type) for field in kind}
    return lambda found: {name: _of(found[name], convert) for name, convert in fields.items()}


def _map(kind: pa.DataType) -> Callable[[Any], Any]:
    key, item = _converter(kind.key_type), _converter(kind.item_type)

    def convert(found: Any) -> list[tuple[Any, Any]]:
        pairs = found.items() if isinstance(found, dict) else found
        return [(_of(name, key), _of(value, item)) for name, value in pairs]

    return convert


def _moment(kind: pa.DataType) -> Callable[[Any], Any]:
    digits = DIGITS[kind.unit]
    return lambda text: ticks_of(text, digits)


def _time(kind: pa.DataType) -> Callable[[Any], Any]:
    digits = DIGITS[kind.unit]
    return lambda text: ticks_of_time(text, digits)


def _same(value: Any) -> Any:
    return value


def _interval(found: Any) -> pa.MonthDayNano:
    return pa.MonthDayNano([found["months"], found["days"], found["nanoseconds"]])


_NESTED: Mapping[int, Callable[[pa.DataType], Callable[[Any], Any]]] = {
    pa.struct([]).id: _struct,
    pa.map_(pa.string(), pa.null()).id: _map,
    pa.timestamp("s").id: _moment,
    pa.time32("s").id: _time,
    pa.time64("us").id: _time,
}

_FLOATS = (pa.float16(), pa.float32(), pa.float64())
_DECIMALS = (pa.decimal32(1), pa.decimal64(1), pa.decimal128(1), pa.decimal256(1))
_BINARIES = (pa.binary(), pa.large_binary(), pa.binary(1), pa.binary_view())

_PLAIN: Mapping[int, Callable[[Any], Any]] = {
    **{kind.id: float for kind in _FLOATS},
    **{kind.id: Decimal for kind in _DECIMALS},
    **{kind.id: base64.b64decode for kind in _BINARIES},
    pa.date32().id: days_of,
    pa.date64().id: lambda text: days_of(text) * _MS_PER_DAY,
    pa.month_day_nano_interval().id: _interval,
}
