"""Values of JSON as Arrow: many of one type at once, else one by one, in whatever form it is."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

import arro3.core as arro3
import attrs
import msgspec

from dativo_connector_stripe._streams import FieldType

__all__ = [
    "NULL",
    "READERS",
    "UTF8",
    "Reader",
    "is_object",
    "read_integer",
    "read_text",
    "shortened",
]

NULL = msgspec.Raw(b"null")

UTF8 = arro3.DataType.utf8()

_BOOL = arro3.DataType.bool()
_FLOAT = arro3.DataType.float64()
_INT64 = arro3.DataType.int64()
_TIME = arro3.DataType.timestamp("us", tz="UTC")

_MICROSECONDS = 1_000_000
_SHOWN = 100

# Years that every reader of timestamps can show: 1 to 9999.
_FIRST_SECOND = -62_135_596_800
_LAST_SECOND = 253_402_300_799

_INTEGER = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_SECOND = Annotated[int, msgspec.Meta(ge=_FIRST_SECOND, le=_LAST_SECOND)]
_INTEGER_DIGITS = 19
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class _Reference(msgspec.Struct):
    id: str


_read_reference = msgspec.json.Decoder(_Reference).decode
_read_text = msgspec.json.Decoder(str | None).decode
_read_boolean = msgspec.json.Decoder(bool | None).decode
_read_plain_integer: Callable[[msgspec.Raw], int | None]
_read_plain_integer = msgspec.json.Decoder(_INTEGER | None).decode
_check_integer = msgspec.json.Decoder(_INTEGER).decode


@attrs.frozen(kw_only=True)
class Reader:
    """How values of one type are read.

    Attributes:
        arrow: The type of the column.
        many: Reads the usual form, much faster; it raises `ValueError` for anything else.
        one: Reads all forms; it raises `ValueError` for what is not exactly of the type.
        array: Makes the column of what either has read.
    """

    arrow: arro3.DataType
    many: Callable[[Sequence[msgspec.Raw]], Sequence[Any]]
    one: Callable[[msgspec.Raw], object]
    array: Callable[[Sequence[Any]], arro3.Array]


def read_text(raw: msgspec.Raw) -> str | None:
    """Read a text; of an expanded object its id.

    Raises:
        ValueError: It is neither.
    """
    return _read_reference(raw).id if is_object(raw) else _read_text(raw)


def read_integer(raw: msgspec.Raw) -> int | None:
    """Read what is exactly an integer of 64 bits: ``1``, ``1.0``, ``1e3``, ``"1"``.

    Raises:
        ValueError: It is none.
    """
    try:
        return _read_plain_integer(raw)
    except ValueError:
        written = _written_number(raw)
    if written is None:
        return None
    try:
        value = Decimal(written)
    except ArithmeticError as error:
        raise ValueError(written) from error
    # Without the first condition 1e999999 would be written out with all its zeros.
    if value.adjusted() >= _INTEGER_DIGITS or value != value.to_integral_value():
        raise ValueError(written)
    return _check_integer(str(int(value)))


def is_object(raw: msgspec.Raw) -> bool:
    """Say whether a value is a JSON object."""
    return _first(raw) == "{"


def shortened(raw: bytes) -> str:
    """Return the beginning of a value, for people."""
    text = str(raw, "utf-8", "replace")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _read_second(raw: msgspec.Raw) -> int | None:
    value = read_integer(raw)
    if value is not None and not _FIRST_SECOND <= value <= _LAST_SECOND:
        raise ValueError(value)
    return value


def _read_number(raw: msgspec.Raw) -> float | None:
    written = _written_number(raw)
    if written is None:
        return None
    value = float(written)
    if math.isinf(value):
        raise ValueError(written)
    return value


def _read_json(raw: msgspec.Raw) -> str | None:
    text = str(raw, "utf-8")
    return None if text == "null" else text


def _written_number(raw: msgspec.Raw) -> str | None:
    """Return a number as it is written, also one that is written as a text."""
    text = str(raw, "utf-8")
    if text == "null":
        return None
    if _first(raw) == '"':
        text = _read_text(raw) or ""
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return text


def _first(raw: msgspec.Raw) -> str:
    return chr(memoryview(raw)[0])


def _list_reader(item: object) -> Callable[[Sequence[msgspec.Raw]], Sequence[Any]]:
    """Return a function that decodes raw values of the type *item* as if they were one list."""
    decode = msgspec.json.Decoder(list[item]).decode  # type: ignore[valid-type] # a type, made here
    return lambda raws: decode(b"[" + b",".join(raws) + b"]")


def _array_maker(arrow: arro3.DataType) -> Callable[[Sequence[Any]], arro3.Array]:
    return lambda values: arro3.Array(values, arrow)


def _read_jsons(raws: Sequence[msgspec.Raw]) -> list[str | None]:
    return [_read_json(raw) for raw in raws]


def _make_times(seconds: Sequence[Any]) -> arro3.Array:
    # Both bounds are far within what 64 bits hold as microseconds.
    microseconds = [None if one is None else one * _MICROSECONDS for one in seconds]
    return arro3.Array(microseconds, _INT64).cast(_TIME)


READERS: Mapping[FieldType, Reader] = {
    FieldType.TEXT: Reader(
        arrow=UTF8, many=_list_reader(str | None), one=read_text, array=_array_maker(UTF8)
    ),
    FieldType.INTEGER: Reader(
        arrow=_INT64,
        many=_list_reader(_INTEGER | None),
        one=read_integer,
        array=_array_maker(_INT64),
    ),
    FieldType.BOOLEAN: Reader(
        arrow=_BOOL, many=_list_reader(bool | None), one=_read_boolean, array=_array_maker(_BOOL)
    ),
    FieldType.NUMBER: Reader(
        arrow=_FLOAT, many=_list_reader(float | None), one=_read_number, array=_array_maker(_FLOAT)
    ),
    FieldType.TIME: Reader(
        arrow=_TIME, many=_list_reader(_SECOND | None), one=_read_second, array=_make_times
    ),
    FieldType.JSON: Reader(arrow=UTF8, many=_read_jsons, one=_read_json, array=_array_maker(UTF8)),
}
