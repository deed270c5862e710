"""Arrow batches as lists of records: exactly, or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import arro3.core as arro3

from dativo.contract import ArrowSchema, ArrowStream
from dativo.errors import DataValidationError

__all__ = ["fields_in", "records_in"]

_TYPE = arro3.DataType
_ROWS = 10_000
_EXTENSION = "ARROW:extension:name"
_KNOWN_EXTENSIONS = ("arrow.json", "arrow.uuid")
_FINER = 1_000  # nanoseconds in a microsecond, below which Python cannot tell

_Is = Callable[[arro3.DataType], bool]
_PLAIN: tuple[_Is, ...] = (
    _TYPE.is_null,
    _TYPE.is_boolean,
    _TYPE.is_integer,
    _TYPE.is_floating,
    _TYPE.is_decimal,
    _TYPE.is_string,
    _TYPE.is_large_string,
    _TYPE.is_string_view,
    _TYPE.is_binary,
    _TYPE.is_large_binary,
    _TYPE.is_binary_view,
    _TYPE.is_fixed_size_binary,
    _TYPE.is_date,
)
_TIMES: tuple[_Is, ...] = (_TYPE.is_timestamp, _TYPE.is_time, _TYPE.is_duration)
_LISTS: tuple[_Is, ...] = (_TYPE.is_list, _TYPE.is_large_list, _TYPE.is_fixed_size_list)
_STRUCTS: tuple[_Is, ...] = (_TYPE.is_struct,)
_DICTIONARIES: tuple[_Is, ...] = (_TYPE.is_dictionary,)
_WORDS: tuple[tuple[_Is, str], ...] = (
    (_TYPE.is_boolean, "boolean"),
    (_TYPE.is_integer, "integer"),
    (_TYPE.is_floating, "float"),
    (_TYPE.is_decimal, "decimal"),
    (_TYPE.is_date, "date"),
    (_TYPE.is_timestamp, "timestamp"),
)


def records_in(data: ArrowStream) -> Iterator[list[dict[str, Any]]]:
    """Yield the records of *data* in lists of some thousands.

    Values are Python's own: ``Decimal``, ``datetime`` with its zone, ``bytes``, dictionaries of
    structs; a UUID is a text.

    Raises:
        DataValidationError: A field has values that Python's own types cannot tell exactly.
    """
    reader = arro3.RecordBatchReader.from_arrow(data)
    fields = _fields(reader.schema)
    for field in fields:
        _require_exact(field)
    for found in reader:
        batch = arro3.RecordBatch.from_arrow(found)
        for at in range(0, batch.num_rows, _ROWS):
            part = batch.slice(at, min(_ROWS, batch.num_rows - at))
            columns = [_values(field, part.column(i)) for i, field in enumerate(fields)]
            names = [field.name for field in fields]
            yield [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def fields_in(schema: ArrowSchema) -> list[dict[str, Any]]:
    """Return of each field its name, its type in the style's words, and whether it is required."""
    return [
        {"name": field.name, "type": _word(field.type), "required": not field.nullable}
        for field in _fields(arro3.Schema.from_arrow(schema))
    ]


def _fields(schema: arro3.Schema) -> list[arro3.Field]:
    return [schema.field(at) for at in range(len(schema.names))]


def _require_exact(field: arro3.Field) -> None:
    if _is_exact(field, is_nested=False):
        return
    what = field.metadata_str.get(_EXTENSION) or repr(field.type).strip()
    msg = f"the field {field.name!r} of type {what} cannot be told exactly to the class"
    fix = "Leave it out with `columns`, or use a writer with hooks."
    raise DataValidationError(msg, fix=fix, details={"field": field.name})


def _is_exact(field: arro3.Field, *, is_nested: bool = True) -> bool:
    """Whether Python's types hold what is in *field*; nanoseconds at the top are looked at."""
    kind, extension = field.type, field.metadata_str.get(_EXTENSION)
    if extension is not None and (is_nested or extension not in _KNOWN_EXTENSIONS):
        return False
    if any(test(kind) for test in _TIMES):
        return not is_nested or kind.time_unit != "ns"
    if any(test(kind) for test in _STRUCTS):
        return all(map(_is_exact, kind.fields or ()))
    if any(test(kind) for test in _LISTS):
        item = kind.value_field
        return item is not None and _is_exact(item)
    inner = kind.value_type if any(test(kind) for test in _DICTIONARIES) else kind
    return inner is not None and any(test(inner) for test in _PLAIN)


def _values(field: arro3.Field, column: arro3.Array) -> list[Any]:
    if any(test(field.type) for test in _TIMES) and field.type.time_unit == "ns":
        counts = column.cast(_TYPE.int64()).to_pylist()
        if any(count is not None and count % _FINER for count in counts):
            raise _beyond(field, "holds nanoseconds")
    try:
        values = column.to_pylist()
    except Exception as error:
        raise _beyond(field, "holds a value beyond what Python can tell") from error
    if field.metadata_str.get(_EXTENSION) == "arrow.uuid":
        return [None if value is None else str(uuid.UUID(bytes=value)) for value in values]
    return list(values)


def _beyond(field: arro3.Field, what: str) -> DataValidationError:
    msg = f"the field {field.name!r} {what}, which the class cannot be told exactly"
    fix = "Leave it out with `columns`, or use a writer with hooks."
    return DataValidationError(msg, fix=fix, details={"field": field.name})


def _word(kind: arro3.DataType) -> str:
    return next((word for test, word in _WORDS if test(kind)), "string")
