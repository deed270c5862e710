"""Which types have an exact form in JSON, and arrays under another type of the same layout."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pyarrow as pa

from dativo.errors import DataValidationError

__all__ = ["DIGITS", "is_json", "is_list", "is_uuid", "require_types", "retyped", "storage_of"]

DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
"""Decimal places of a second, by the unit."""

_PLAIN = (
    *(pa.null(), pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64()),
    *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.float16(), pa.float32(), pa.float64()),
    *(pa.decimal32(1), pa.decimal64(1), pa.decimal128(1), pa.decimal256(1)),
    *(pa.string(), pa.large_string(), pa.string_view()),
    *(pa.binary(), pa.large_binary(), pa.binary(1), pa.binary_view()),
    *(pa.date32(), pa.date64(), pa.timestamp("s"), pa.time32("s"), pa.time64("us")),
    *(pa.duration("s"), pa.month_day_nano_interval()),
)
_PLAIN_IDS = frozenset(kind.id for kind in _PLAIN)


def require_types(schema: pa.Schema, *, stream: str) -> None:
    """Make sure that all values of *schema* can be written and read back exactly.

    Raises:
        DataValidationError: A type has no exact form, or a name is there twice.
    """
    for path, why in _problems(schema, ""):
        raise DataValidationError(
            f"{path or 'the stream'} of {stream} {why}",
            fix="Leave the column out of the job, or give it another type in the source.",
            stream=stream,
            details={"column": path},
        )


def is_json(kind: pa.DataType) -> bool:
    """Whether it is text that is JSON."""
    return isinstance(kind, pa.JsonType)


def is_uuid(kind: pa.DataType) -> bool:
    """Whether it is a UUID."""
    return isinstance(kind, pa.UuidType)


def is_list(kind: pa.DataType) -> bool:
    """Whether its values are lists, however they are laid out."""
    return any(test(kind) for test in _LISTS)


_LISTS = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)


def storage_of(kind: pa.DataType) -> pa.DataType:
    """Return the type without extensions at any depth."""
    if isinstance(kind, pa.BaseExtensionType):
        return storage_of(kind.storage_type)
    if pa.types.is_struct(kind):
        return pa.struct([_storage_field(kind.field(at)) for at in range(kind.num_fields)])
    if pa.types.is_map(kind):
        return pa.map_(
            _storage_field(kind.key_field), _storage_field(kind.item_field), kind.keys_sorted
        )
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_storage_field(kind.value_field), kind.list_size)
    for test, make in zip(_LISTS, _MAKERS, strict=True):
        if test(kind):
            return make(_storage_field(kind.value_field))
    return kind


_MAKERS = (pa.list_, pa.large_list, pa.list_, pa.list_view, pa.large_list_view)


def retyped(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return the same memory under a type of the same layout, without a copy."""
    return array if array.type == kind else pa.array(_Retyped(array, kind))


@attrs.frozen
class _Retyped:
    array: pa.Array
    kind: pa.DataType

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        del requested_schema
        return self.kind.__arrow_c_schema__(), self.array.__arrow_c_array__()[1]


def _storage_field(field: pa.Field) -> pa.Field:
    return field.with_type(storage_of(field.type))


def _problems(fields: pa.Schema | pa.StructType, path: str) -> Iterator[tuple[str, str]]:
    names = [field.name for field in fields]
    for name in names:
        if names.count(name) > 1:
            yield path, f"has more than one field {name!r}"
    for field in fields:
        yield from _of_type(field.type, f"{path}.{field.name}" if path else field.name)


def _of_type(kind: pa.DataType, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(kind, pa.BaseExtensionType):
        yield from _of_type(kind.storage_type, path)
    elif pa.types.is_struct(kind):
        yield from _problems(kind, path)
    elif pa.types.is_map(kind):
        yield from _of_type(kind.key_type, f"{path}.key")
        yield from _of_type(kind.item_type, f"{path}.value")
    elif is_list(kind) or pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        yield from _of_type(kind.value_type, path)
    elif kind.id not in _PLAIN_IDS:  # unions, other intervals, and what comes with a new Arrow
        yield path, f"has the type {kind}, which has no exact form in JSON"
