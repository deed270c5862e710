"""The rules from Arrow types to Parquet types.

A *logical* type is what the source gave; it is recorded in the footer. A *stored* type is what the
files have. They differ only where Parquet has no such type; ``_convert`` goes both ways.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
from pyarrow import types

__all__ = [
    "INTERVAL_STORAGE",
    "canonical",
    "children",
    "is_list",
    "is_list_view",
    "is_text",
    "stored_field",
    "stored_type",
]

TYPE_KEY = b"dativo.type"

INTERVAL_STORAGE = pa.struct(
    [
        pa.field("months", pa.int32(), nullable=False),
        pa.field("days", pa.int32(), nullable=False),
        pa.field("nanoseconds", pa.int64(), nullable=False),
    ]
)
"""Parquet's own interval counts milliseconds and cannot hold negative parts; this one is exact."""


def stored_field(field: pa.Field, *, plain: bool = False, nested: bool = False) -> pa.Field:
    """Return *field* with the type that its file has."""
    stored = field.with_type(stored_type(field.type, plain=plain, nested=nested))
    if types.is_interval(field.type):
        metadata = {**(field.metadata or {}), TYPE_KEY: str(field.type).encode()}
        return stored.with_metadata(metadata)
    return stored


def stored_type(arrow: pa.DataType, *, plain: bool = False, nested: bool = False) -> pa.DataType:
    """Return the type that *arrow* has in a file; itself wherever Parquet keeps it.

    Args:
        arrow: A type that :func:`checked` has let pass.
        plain: Whether views are stored as plain texts: Arrow cannot sort views into partitions.
        nested: Whether it lies inside a list, a struct or a map.
    """
    rule = _RULES.get(arrow.id)
    return arrow if rule is None else rule(arrow, plain, nested)


def canonical(arrow: pa.DataType) -> str:
    """Return a text that two types share if one can follow the other in published data.

    Encodings (dictionaries, views, large offsets, widths of decimals) do not count.
    """
    for applies, name in _NAMES:
        if applies(arrow):
            return name(arrow)
    return str(arrow)


def children(arrow: pa.DataType) -> list[pa.Field]:
    """Return the fields inside *arrow*."""
    if not arrow.num_fields:
        return []
    if types.is_map(arrow):
        return [arrow.key_field, arrow.item_field]
    if types.is_struct(arrow):
        return [arrow.field(index) for index in range(arrow.num_fields)]
    return [arrow.value_field] if is_list(arrow) else []


def is_list(arrow: pa.DataType) -> bool:
    """Whether *arrow* is a list of any kind; a map is none."""
    return bool(
        types.is_list(arrow)
        or types.is_large_list(arrow)
        or types.is_fixed_size_list(arrow)
        or is_list_view(arrow)
    )


def is_list_view(arrow: pa.DataType) -> bool:
    """Whether *arrow* is a list whose elements may lie anywhere in its values."""
    return bool(types.is_list_view(arrow) or types.is_large_list_view(arrow))


def is_text(arrow: pa.DataType) -> bool:
    """Whether *arrow* is a text in any layout."""
    return bool(
        types.is_string(arrow) or types.is_large_string(arrow) or types.is_string_view(arrow)
    )


def is_bytes(arrow: pa.DataType) -> bool:
    """Whether *arrow* is a byte string of any length in any layout."""
    return bool(
        types.is_binary(arrow) or types.is_large_binary(arrow) or types.is_binary_view(arrow)
    )


# --- how a type is stored -----------------------------------------------------------------------

_Rule = Callable[[pa.DataType, bool, bool], pa.DataType]


def _store_dictionary(arrow: pa.DataType, plain: bool, nested: bool) -> pa.DataType:  # noqa: FBT001
    # pyarrow reads back only dictionaries of texts, and cannot read small indices that overflow
    # where the dictionaries of several batches meet.
    if is_text(arrow.value_type) and not nested and not plain:
        return pa.dictionary(pa.int32(), pa.string(), ordered=arrow.ordered)
    return stored_type(arrow.value_type, plain=plain, nested=nested)


def _store_decimal(arrow: pa.DataType, _plain: bool, _nested: bool) -> pa.DataType:  # noqa: FBT001
    if arrow.scale >= 0:
        return arrow
    digits = arrow.precision - arrow.scale
    return pa.decimal128(digits, 0) if digits <= 38 else pa.decimal256(digits, 0)  # noqa: PLR2004


def _store_list(arrow: pa.DataType, plain: bool, _nested: bool) -> pa.DataType:  # noqa: FBT001
    child = stored_field(arrow.value_field, plain=plain, nested=True)
    if types.is_fixed_size_list(arrow):
        return pa.list_(child, arrow.list_size)
    # Views become lists: polars panics when a file's Arrow schema has a list view.
    is_large = types.is_large_list(arrow) or types.is_large_list_view(arrow)
    return pa.large_list(child) if is_large else pa.list_(child)


def _store_extension(arrow: pa.DataType, plain: bool, nested: bool) -> pa.DataType:  # noqa: FBT001
    storage = stored_type(arrow.storage_type, plain=plain, nested=nested)
    if storage == arrow.storage_type:
        return arrow
    remake = _EXTENSIONS.get(type(arrow))
    return storage if remake is None else remake(arrow, storage)


_EXTENSIONS: dict[type[pa.DataType], Callable[[pa.DataType, pa.DataType], pa.DataType]] = {
    pa.JsonType: lambda _, storage: pa.json_(storage),
    pa.OpaqueType: lambda arrow, storage: pa.opaque(storage, arrow.type_name, arrow.vendor_name),
}


def _store_struct(arrow: pa.DataType, plain: bool, _nested: bool) -> pa.DataType:  # noqa: FBT001
    return pa.struct([stored_field(child, plain=plain, nested=True) for child in children(arrow)])


def _store_map(arrow: pa.DataType, plain: bool, _nested: bool) -> pa.DataType:  # noqa: FBT001
    key = stored_field(arrow.key_field, plain=plain, nested=True)
    item = stored_field(arrow.item_field, plain=plain, nested=True)
    return pa.map_(key, item, keys_sorted=arrow.keys_sorted)


def _store_as(stored: Callable[[pa.DataType], pa.DataType]) -> _Rule:
    return lambda arrow, _plain, _nested: stored(arrow)


def _store_seconds(arrow: pa.DataType, _plain: bool, _nested: bool) -> pa.DataType:  # noqa: FBT001
    if arrow.unit != "s":
        return arrow
    return pa.timestamp("ms", arrow.tz) if types.is_timestamp(arrow) else pa.time32("ms")


def _store_view(large: pa.DataType) -> _Rule:
    return lambda arrow, plain, _nested: large if plain else arrow


_ANY = pa.int8()
_RULES: dict[int, _Rule] = {
    example.id: rule
    for rule, examples in (
        (_store_dictionary, [pa.dictionary(_ANY, _ANY)]),
        (
            lambda t, p, n: stored_type(t.value_type, plain=p, nested=n),
            [pa.run_end_encoded(pa.int16(), _ANY)],
        ),
        (_store_as(lambda _: INTERVAL_STORAGE), [pa.month_day_nano_interval()]),
        (
            _store_decimal,
            [pa.decimal32(1), pa.decimal64(1), pa.decimal128(1), pa.decimal256(1)],
        ),
        (_store_as(lambda _: pa.date32()), [pa.date64()]),
        (_store_seconds, [pa.time32("s"), pa.timestamp("s")]),
        (_store_view(pa.large_string()), [pa.string_view()]),
        (_store_view(pa.large_binary()), [pa.binary_view()]),
        (_store_map, [pa.map_(_ANY, _ANY)]),
        (_store_struct, [pa.struct([])]),
        (
            _store_list,
            [
                pa.list_(_ANY),
                pa.large_list(_ANY),
                pa.list_(_ANY, 1),
                pa.list_view(_ANY),
                pa.large_list_view(_ANY),
            ],
        ),
        (_store_extension, [pa.uuid()]),
    )
    for example in examples
}
"""By the number of the type; one without a rule is stored as it is."""

# --- what a type is called when encodings do not count ------------------------------------------


def _field_name(field: pa.Field) -> str:
    return canonical(field.type) + ("" if field.nullable else " not null")


def _list_name(arrow: pa.DataType) -> str:
    size = f"[{arrow.list_size}]" if types.is_fixed_size_list(arrow) else ""
    return f"list{size}<{_field_name(arrow.value_field)}>"


def _struct_name(arrow: pa.DataType) -> str:
    return f"struct<{', '.join(f'{f.name!r}: {_field_name(f)}' for f in children(arrow))}>"


_NAMES: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType], str]], ...] = (
    (is_text, lambda _: "text"),
    (is_bytes, lambda _: "bytes"),
    (types.is_dictionary, lambda arrow: canonical(arrow.value_type)),
    (types.is_run_end_encoded, lambda arrow: canonical(arrow.value_type)),
    (types.is_decimal, lambda arrow: f"decimal({arrow.precision}, {arrow.scale})"),
    (types.is_map, lambda a: f"map<{canonical(a.key_type)}, {_field_name(a.item_field)}>"),
    (types.is_struct, _struct_name),
    (is_list, _list_name),
)
