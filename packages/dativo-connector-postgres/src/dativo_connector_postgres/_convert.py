"""From the driver's arrays to the delivered ones: whole columns at a time, exact or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

__all__ = [
    "Finish",
    "UnrepresentableValueError",
    "as_wire",
    "dates",
    "decimals",
    "keep",
    "lists",
    "times",
    "timestamps",
    "units",
]

Finish = Callable[[pa.Array, pa.DataType], pa.Array]

# The driver shifts the epoch by plain addition: what was infinite or too late wraps around to
# before the first day that Postgres knows, 4714-11-24 BC.
_FIRST_DAY = -2_440_588
_FIRST_MICROSECOND = _FIRST_DAY * 86_400_000_000
_MIDNIGHT = 86_400_000_000


class UnrepresentableValueError(ValueError):
    """The array holds a value that the delivered type has no place for."""


def as_wire(array: pa.Array, wire: pa.DataType) -> pa.Array:
    """Take the storage of *wire*, in which older drivers give uuid and json, for *wire* itself.

    What is something else altogether comes back as it is.
    """
    if array.type == wire:
        return array
    if isinstance(array.type, pa.OpaqueType):
        array = array.storage
    if isinstance(wire, pa.BaseExtensionType):
        storage = wire.storage_type
        is_bytes = pa.types.is_binary(array.type) and pa.types.is_fixed_size_binary(storage)
        if is_bytes or array.type == storage:
            return pa.ExtensionArray.from_storage(wire, array.cast(storage))
    elif pa.types.is_list(wire) and pa.types.is_list(array.type):
        items = as_wire(array.values, wire.value_type)
        if items.type == wire.value_type:
            mask = array.is_null()
            return pa.ListArray.from_arrays(array.offsets, items, type=wire, mask=mask)
    return array


def keep(array: pa.Array, _arrow: pa.DataType) -> pa.Array:
    """Deliver what the driver gave."""
    return array


def decimals(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    """Read texts as decimals; nothing is rounded."""
    try:
        return array.cast(arrow)
    except pa.ArrowInvalid as error:
        raise UnrepresentableValueError(str(error)) from error


def units(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    """Take integers as the digits of decimals."""
    wide = array.cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(arrow, len(wide), wide.buffers(), offset=wide.offset)


def dates(array: pa.Array, _arrow: pa.DataType) -> pa.Array:
    """Refuse infinite dates."""
    return _not_below(array, pa.int32(), _FIRST_DAY)


def timestamps(array: pa.Array, _arrow: pa.DataType) -> pa.Array:
    """Refuse infinite timestamps and those after 294247."""
    return _not_below(array, pa.int64(), _FIRST_MICROSECOND)


def times(array: pa.Array, _arrow: pa.DataType) -> pa.Array:
    """Refuse 24:00, which Arrow cannot tell from 00:00."""
    latest = _found("max", array.view(pa.int64()))
    if latest is not None and latest >= _MIDNIGHT:
        raise UnrepresentableValueError("24:00")
    return array


def lists(finish: Finish, item: pa.DataType) -> Finish:
    """Make a function that does to the items of lists what *finish* does to a column."""
    if finish is keep:
        return keep

    def finish_items(array: pa.Array, arrow: pa.DataType) -> pa.Array:
        items = finish(array.values, item)
        return pa.ListArray.from_arrays(array.offsets, items, type=arrow, mask=array.is_null())

    return finish_items


def _not_below(array: pa.Array, integers: pa.DataType, first: int) -> pa.Array:
    least = _found("min", array.view(integers))
    if least is not None and least < first:
        raise UnrepresentableValueError("infinite or out of range")
    return array


def _found(function: str, array: pa.Array) -> Any:
    """Return what the compute *function* finds in the values of *array*; ``None`` in none."""
    import pyarrow.compute as pc  # noqa: PLC0415 - slow; a run that finds nothing new needs none

    return pc.call_function(function, [array]).as_py()
