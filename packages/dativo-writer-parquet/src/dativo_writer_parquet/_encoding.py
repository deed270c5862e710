"""How each column is laid out, chosen by a look at its first records.

A dictionary that overflows costs time and space in every row group, the more so the smaller the
row groups are that a memory budget allows. So only columns that repeat themselves get one; the
others get the delta encodings of Parquet 2, which all readers of today know. For a handful of
records either takes longer than the plain values, and more room.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pyarrow as pa
from pyarrow import types

from dativo_writer_parquet import _compute as pc
from dativo_writer_parquet._types import children, is_bytes, is_list, is_text

__all__ = ["Encoding", "choose"]

_SAMPLE_ROWS = 16_384
_LEAST_ROWS = 1_024
_TINY_ROWS = 64
_MOST_DISTINCT = 0.2
_DIGITS_OF_INT64 = 18


@attrs.frozen
class Encoding:
    """The columns with a dictionary, and the encoding of others, by their paths in the file."""

    dictionary: list[str]
    others: dict[str, str]


def choose(schema: pa.Schema, sample: pa.Table) -> Encoding:
    """Return the encodings for files of *schema* whose records look like *sample*."""
    encoding = Encoding([], {})
    if sample.num_rows < _TINY_ROWS:
        return encoding
    are_few = sample.num_rows < _LEAST_ROWS
    for index, field in enumerate(schema):
        if are_few or _repeats(field.type, sample.column(index)):
            encoding.dictionary.extend(_paths(field.type, field.name))
        elif other := _other(_storage(field.type)):
            encoding.others[field.name] = other
    return encoding


def _repeats(arrow: pa.DataType, column: pa.ChunkedArray) -> bool:
    sample = column.slice(0, _SAMPLE_ROWS)
    if children(arrow) or types.is_dictionary(arrow):
        return True
    try:
        if is_text(arrow) or is_bytes(arrow):
            sample = sample.cast(pa.large_binary())
        elif isinstance(arrow, pa.BaseExtensionType):
            sample = sample.cast(arrow.storage_type)
        distinct = pc.count_distinct(sample, mode="only_valid").as_py()
    except pa.ArrowNotImplementedError:
        return True
    return bool(distinct <= _MOST_DISTINCT * len(sample))


def _storage(arrow: pa.DataType) -> pa.DataType:
    return arrow.storage_type if isinstance(arrow, pa.BaseExtensionType) else arrow


def _other(arrow: pa.DataType) -> str | None:
    if is_text(arrow) or is_bytes(arrow):
        return "DELTA_LENGTH_BYTE_ARRAY"
    is_number = (
        types.is_integer(arrow)
        or types.is_temporal(arrow)
        or (types.is_decimal(arrow) and arrow.precision <= _DIGITS_OF_INT64)
    )
    return "DELTA_BINARY_PACKED" if is_number else None


def _paths(arrow: pa.DataType, path: str) -> Iterator[str]:
    """Yield the paths of the leaves of a column as Parquet names them."""
    if not arrow.num_fields:
        yield path
    elif types.is_map(arrow):
        yield from _paths(arrow.key_type, f"{path}.key_value.key")
        yield from _paths(arrow.item_type, f"{path}.key_value.value")
    elif is_list(arrow):
        yield from _paths(arrow.value_type, f"{path}.list.element")
    else:
        for child in children(arrow):
            yield from _paths(child.type, f"{path}.{child.name}")
