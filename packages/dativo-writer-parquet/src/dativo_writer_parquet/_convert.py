"""Arrays from one type to an equal one: into the file, and back to what the source gave."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
from pyarrow import types

from dativo_writer_parquet import _compute as pc
from dativo_writer_parquet._types import INTERVAL_STORAGE, children, is_list, is_list_view

__all__ = ["convert"]

_INTERVAL = pa.month_day_nano_interval()
_BYTES_PER_INTERVAL = 16


def convert(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    """Return *array* with the type *arrow*, with the same values.

    Raises:
        pa.ArrowInvalid: A value has no place in *arrow*.
    """
    if array.type.equals(arrow, check_metadata=True):
        return array
    for applies, step in _STEPS:
        if applies(array.type, arrow):
            return step(array, arrow)
    return array.cast(arrow)


# --- encodings ----------------------------------------------------------------------------------


def _from_dictionary(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    values = array.dictionary
    plain = _PLAIN.get(values.type)
    if plain is not None:  # Arrow cannot pick from views
        values = values.cast(plain)
    return convert(values.take(array.indices), arrow)


def _to_dictionary(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    plain = _PLAIN.get(arrow.value_type, arrow.value_type)
    encoded = convert(array, plain).dictionary_encode()
    values = convert(encoded.dictionary, arrow.value_type)
    indices = encoded.indices.cast(arrow.index_type)
    return pa.DictionaryArray.from_arrays(indices, values, ordered=arrow.ordered)


def _from_runs(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    return convert(pc.run_end_decode(array), arrow)


def _to_runs(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    return pc.run_end_encode(convert(array, arrow.value_type), run_end_type=arrow.run_end_type)


def _extension(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    return pa.ExtensionArray.from_storage(arrow, convert(array.storage, arrow.storage_type))


def _to_storage(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    return convert(array.storage, arrow)


def _from_storage(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    return pa.ExtensionArray.from_storage(arrow, convert(array, arrow.storage_type))


def _nulls(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    if not types.is_struct(arrow):
        return pa.nulls(len(array), arrow)
    # Arrow's own has NULLs in the fields as well, also in those that must not be NULL.
    one = pa.array([None], _without_extensions(arrow))
    return convert(one.take(pa.repeat(0, len(array))), arrow)


def _without_extensions(arrow: pa.DataType) -> pa.DataType:
    if isinstance(arrow, pa.BaseExtensionType):
        return _without_extensions(arrow.storage_type)
    if types.is_struct(arrow):
        return pa.struct([f.with_type(_without_extensions(f.type)) for f in children(arrow)])
    return arrow


# --- intervals: 16 bytes in memory, a struct in the file ----------------------------------------


def _from_interval(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    _, data = array.buffers()
    width, length = _BYTES_PER_INTERVAL, len(array)
    part = data.slice(array.offset * width, length * width) if length else pa.py_buffer(b"")
    raw = pa.Array.from_buffers(pa.binary(width), length, [None, part])
    fields = [
        pc.binary_slice(raw, start, end).view(field.type)
        for field, (start, end) in zip(
            children(INTERVAL_STORAGE), ((0, 4), (4, 8), (8, 16)), strict=True
        )
    ]
    mask = array.is_null()
    filled = [_zeroed(field, mask) for field in fields]
    struct = pa.StructArray.from_arrays(filled, fields=children(INTERVAL_STORAGE), mask=mask)
    return convert(struct, arrow)


def _zeroed(array: pa.Array, mask: pa.Array) -> pa.Array:
    return pc.if_else(mask, pa.scalar(0, array.type), array)


def _to_interval(array: pa.Array, _arrow: pa.DataType) -> pa.Array:
    parts = [pc.fill_null(pc.struct_field(array, [index]), 0) for index in range(3)]
    widths = (4, 4, 8)
    raw = [
        part.view(pa.binary(width)).cast(pa.binary())
        for part, width in zip(parts, widths, strict=True)
    ]
    joined = pc.binary_join_element_wise(*raw, b"")
    valid = pc.fill_null(array.is_valid(), fill_value=False)
    length = len(array)
    data = joined.buffers()[2] or pa.py_buffer(b"")
    start = joined.offset * _BYTES_PER_INTERVAL
    made = pa.Array.from_buffers(
        _INTERVAL, length, [None, data.slice(start, length * _BYTES_PER_INTERVAL)]
    )
    return pc.if_else(valid, made, pa.scalar(None, _INTERVAL))


# --- nested types -------------------------------------------------------------------------------


def _struct(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    fields = children(arrow)
    columns = [convert(array.field(index), field.type) for index, field in enumerate(fields)]
    return pa.StructArray.from_arrays(columns, fields=fields, mask=array.is_null())


def _map(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    offsets, start, end = _offsets(array)
    keys = convert(array.keys.slice(start, end - start), arrow.key_type)
    items = convert(array.items.slice(start, end - start), arrow.item_type)
    return pa.MapArray.from_arrays(offsets, keys, items, type=arrow, mask=array.is_null())


def _list(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    if types.is_fixed_size_list(arrow):
        return _fixed_size_list(array, arrow)
    if is_list_view(array.type):
        offsets, values = _compacted(array)
    else:
        offsets, start, end = _offsets(array)
        values = array.values.slice(start, end - start)
    values = convert(values, arrow.value_type)
    mask = array.is_null()
    if is_list_view(arrow):
        kind = pa.LargeListViewArray if types.is_large_list_view(arrow) else pa.ListViewArray
        sizes = pc.subtract(offsets.slice(1), offsets.slice(0, len(array)))
        index = pa.int64() if kind is pa.LargeListViewArray else pa.int32()
        starts = pc.add(offsets.slice(0, len(array)), 0).cast(index)
        return kind.from_arrays(starts, sizes.cast(index), values, type=arrow, mask=mask)
    kind = pa.LargeListArray if types.is_large_list(arrow) else pa.ListArray
    index = pa.int64() if kind is pa.LargeListArray else pa.int32()
    return kind.from_arrays(offsets.cast(index), values, type=arrow, mask=mask)


def _fixed_size_list(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    size = arrow.list_size
    values = array.values.slice(array.offset * size, len(array) * size)
    child = convert(values, arrow.value_type)
    return pa.FixedSizeListArray.from_arrays(child, type=arrow, mask=array.is_null())


def _offsets(array: pa.Array) -> tuple[pa.Array, int, int]:
    """Return offsets from zero, in memory of their own, and the range of values they cover."""
    offsets = array.offsets
    start, end = offsets[0].as_py(), offsets[len(array)].as_py()
    return pc.subtract(offsets, pa.scalar(start, offsets.type)), start, end


def _compacted(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the offsets and values of a list whose elements lie in order."""
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64())
    zero = pa.array([0], pa.int64())
    return pa.concat_arrays([zero, pc.cumulative_sum(lengths)]), array.flatten()


# --- which step applies: the first one ----------------------------------------------------------

_PLAIN = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}

_Applies = Callable[[pa.DataType, pa.DataType], bool]

_STEPS: tuple[tuple[_Applies, Callable[[pa.Array, pa.DataType], pa.Array]], ...] = (
    (lambda source, _: types.is_null(source), _nulls),
    (lambda source, _: types.is_dictionary(source), _from_dictionary),
    (lambda source, _: types.is_run_end_encoded(source), _from_runs),
    (lambda _, target: types.is_dictionary(target), _to_dictionary),
    (lambda _, target: types.is_run_end_encoded(target), _to_runs),
    (
        lambda source, target: types.is_interval(source) and types.is_struct(target),
        _from_interval,
    ),
    (lambda source, target: types.is_struct(source) and types.is_interval(target), _to_interval),
    (
        lambda source, target: (
            isinstance(source, pa.BaseExtensionType) and isinstance(target, pa.BaseExtensionType)
        ),
        _extension,
    ),
    (lambda source, _: isinstance(source, pa.BaseExtensionType), _to_storage),
    (lambda _, target: isinstance(target, pa.BaseExtensionType), _from_storage),
    (lambda source, target: types.is_struct(source) and types.is_struct(target), _struct),
    (lambda source, target: types.is_map(source) and types.is_map(target), _map),
    (lambda source, target: is_list(source) and is_list(target), _list),
)
