"""Whether two fields hold the same: type, flags, metadata and each value, NaN and -0.0 too."""

from __future__ import annotations

import math
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from dativo.testing._matrix import numbers_of

__all__ = ["changes", "layout", "logical", "values_by"]


def changes(expected: pa.Table, found: pa.Table, *, key: str = "id") -> list[str]:
    """Return what *found* has otherwise than *expected*, one sentence each; none if equal.

    How a type is laid out in memory (a large or a view of a text, a dictionary) does not count; the
    order of records does not count either, *key* tells them apart.
    """
    problems = []
    for field in expected.schema:
        if field.name not in found.schema.names:
            return [f"the field {field.name!r} is gone"]
        problems += _field_changes(field, found.schema.field(field.name))
    if problems:
        return problems
    for name in expected.schema.names:
        before, now = values_by(expected, key, name), values_by(found, key, name)
        for one in sorted({*before, *now}, key=repr):
            if before.get(one) != now.get(one):
                was, gives = before.get(one, "nothing"), now.get(one, "nothing")
                problems.append(f"{name!r} of the record {one} is {gives} in place of {was}")
    return problems[:3]


def layout(expected: pa.Field, found: pa.Field) -> str:
    """Return how *found* lays out what *expected* holds, if it is another layout."""
    return "" if found.type == expected.type else f"as {found.type}"


def values_by(table: pa.Table, key: str, name: str) -> dict[object, str]:
    """Return the values of a field as texts that differ if they do, by the record's key."""
    plain = numbers_of(table)
    keys = plain.column(key).to_pylist()
    values = [value for chunk in plain.column(name).chunks for value in _texts(chunk)]
    return dict(zip(keys, values, strict=True))


def logical(arrow: pa.DataType) -> str:
    """Return a text that two types share if they hold the same values, however laid out."""
    for applies, name in _NAMES:
        if applies(arrow):
            return name(arrow)
    return str(arrow)


def _field_changes(before: pa.Field, now: pa.Field) -> list[str]:
    problems = []
    if logical(before.type) != logical(now.type):
        problems.append(f"the type of {before.name!r} is {now.type} in place of {before.type}")
    if before.nullable != now.nullable:
        words = {True: "may be NULL", False: "is never NULL"}
        problems.append(
            f"{before.name!r} {words[now.nullable]}, but was written as one that "
            f"{words[before.nullable]}"
        )
    kept = now.metadata or {}
    lost = [key for key, value in (before.metadata or {}).items() if kept.get(key) != value]
    if lost and not _is_extension(now.type):
        problems.append(f"{before.name!r} has lost the metadata {lost[0].decode()!r}")
    return problems


# --- values as texts ----------------------------------------------------------------------------


def _texts(array: pa.Array) -> list[str]:
    for applies, read in _READERS:
        if applies(array.type):
            return read(array)
    return [repr(value) for value in array.to_pylist()]


def _floats(array: pa.Array) -> list[str]:
    values = [None if value is None else float(value) for value in array.to_pylist()]
    return ["nan" if value is not None and math.isnan(value) else repr(value) for value in values]


def _ticks(array: pa.Array) -> list[str]:
    width = pa.int32() if array.type.bit_width == 32 else pa.int64()  # noqa: PLR2004
    return [repr(value) for value in array.view(width).to_pylist()]


def _dictionary(array: pa.Array) -> list[str]:
    known = _texts(array.dictionary)
    return [repr(None) if i is None else known[i] for i in array.indices.to_pylist()]


def _lists(array: pa.Array) -> list[str]:
    return [f"[{', '.join(_texts(one.values))}]" if one.is_valid else "None" for one in array]


def _structs(array: pa.Array) -> list[str]:
    names = [field.name for field in array.type]
    columns = [_texts(child) for child in array.flatten()]
    rows: list[tuple[str, ...]] = list(zip(*columns, strict=True)) if columns else [()] * len(array)
    texts = [
        "{" + ", ".join(f"{n}: {value}" for n, value in zip(names, row, strict=True)) + "}"
        for row in rows
    ]
    valid = array.is_valid().to_pylist()
    return [text if is_valid else "None" for text, is_valid in zip(texts, valid, strict=True)]


def _is_extension(arrow: pa.DataType) -> bool:
    return isinstance(arrow, pa.BaseExtensionType)


def _is_list(arrow: pa.DataType) -> bool:
    return bool(
        types.is_list(arrow)
        or types.is_large_list(arrow)
        or types.is_fixed_size_list(arrow)
        or types.is_list_view(arrow)
        or types.is_large_list_view(arrow)
        or types.is_map(arrow)
    )


_READERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], list[str]]], ...] = (
    (_is_extension, lambda array: _texts(array.storage)),
    (types.is_dictionary, _dictionary),
    (types.is_run_end_encoded, lambda array: _texts(pc.call_function("run_end_decode", [array]))),
    (types.is_floating, _floats),
    (types.is_interval, lambda array: [repr(value) for value in array.to_pylist()]),
    (lambda t: types.is_temporal(t), _ticks),  # noqa: PLW0108 - a date is one, an interval no more
    (_is_list, _lists),
    (types.is_struct, _structs),
)

# --- types by what they hold --------------------------------------------------------------------


def _field_name(field: pa.Field) -> str:
    return logical(field.type) + ("" if field.nullable else " not null")


def _list_name(arrow: pa.DataType) -> str:
    if types.is_map(arrow):
        return f"map<{logical(arrow.key_type)}, {_field_name(arrow.item_field)}>"
    return f"list<{_field_name(arrow.value_field)}>"


def _struct_name(arrow: pa.DataType) -> str:
    return f"struct<{', '.join(f'{f.name!r}: {_field_name(f)}' for f in arrow)}>"


def _is_text(arrow: pa.DataType) -> bool:
    return bool(
        types.is_string(arrow) or types.is_large_string(arrow) or types.is_string_view(arrow)
    )


def _is_bytes(arrow: pa.DataType) -> bool:
    return bool(
        types.is_binary(arrow) or types.is_large_binary(arrow) or types.is_binary_view(arrow)
    )


_NAMES: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType], str]], ...] = (
    (_is_extension, lambda arrow: f"{arrow.extension_name}<{logical(arrow.storage_type)}>"),
    (_is_text, lambda _: "text"),
    (_is_bytes, lambda _: "bytes"),
    (types.is_dictionary, lambda arrow: logical(arrow.value_type)),
    (types.is_run_end_encoded, lambda arrow: logical(arrow.value_type)),
    (types.is_decimal, lambda arrow: f"decimal({arrow.precision}, {arrow.scale})"),
    (_is_list, _list_name),
    (types.is_struct, _struct_name),
)
