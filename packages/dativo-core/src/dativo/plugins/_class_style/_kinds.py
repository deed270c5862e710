"""The types of fields: which Python values each takes, exactly, and how Arrow holds them."""

from __future__ import annotations

import datetime as dt
import decimal
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import arro3.core as arro3
import attrs

from dativo.plugins._class_style import _takes as takes

__all__ = ["Kind", "kind_of", "kind_of_value"]

_TYPE = arro3.DataType
_DIGITS = 38
_MOST_DIGITS = 76
_SCALE = 9
_EXACT = decimal.Context(prec=_MOST_DIGITS * 3)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_DECIMAL = re.compile(r"(?:decimal|numeric)\s?\(\s*([0-9]{1,2})\s*(?:,\s*([0-9]{1,2})\s*)?\)")
_LENGTH = re.compile(r"(varchar|char|character varying|character)\s?\(\s*[0-9]+\s*\)")


@attrs.frozen
class Kind:
    """One type of a field.

    Attributes:
        name: How a job file writes it.
        arrow: How Arrow holds it.
        storage: What Arrow is given, to be cast.
        take: Returns what a value is stored as; raises ``ValueError`` if it is none of this type.
    """

    name: str
    arrow: arro3.DataType
    storage: arro3.DataType
    take: Callable[[Any], object]


def kind_of(name: str) -> Kind:
    """Return the type that is called *name*, in the words of SQL, JSON or this contract.

    Raises:
        ValueError: It is not known.
    """
    word = _LENGTH.sub(r"\1", " ".join(name.lower().split()))
    match = _DECIMAL.fullmatch(word)
    if match is not None:
        return _decimal(int(match[1]), int(match[2] or 0))
    if word in ("decimal", "numeric"):
        return _decimal(_DIGITS, _SCALE)
    found = _BY_WORD.get(word)
    if found is None:
        known = ", ".join((*_BY_NAME, "decimal(p,s)"))
        msg = f"unknown type {name!r}; known: {known}"
        raise ValueError(msg)
    return found


def kind_of_value(values: list[Any]) -> Kind | None:
    """Return the type that all *values* have, none of which is ``None``; ``None`` if they differ.

    Whole numbers among others become what the others are, if that is exact.
    """
    names = {_name_of(value) for value in values}
    if names == {"integer"}:
        return _whole(values)
    if names == {"integer", "number"}:
        names = {"number"} if all(map(_is_number, values)) else names
    if names <= {"integer", "decimal"}:
        return _fitting(values)
    return _BY_NAME.get(names.pop()) if len(names) == 1 else None


def _name_of(value: object) -> str:
    if isinstance(value, dt.datetime):
        return "timestamp" if value.tzinfo is None else "timestamptz"
    return next((name for kinds, name in _NAMES if isinstance(value, kinds)), "")


def _whole(values: list[int]) -> Kind | None:
    if all(value in takes.INT64 for value in values):
        return _BY_NAME["integer"]
    return _fitting(values)


def _fitting(values: list[Any]) -> Kind | None:
    """Return the decimal type that holds *values*, with room for more digits after the point."""
    has_points = any(isinstance(value, decimal.Decimal) for value in values)
    scales = [-_exponent(value) for value in values] if has_points else [0]
    scale = max(*scales, _SCALE) if has_points else 0
    wholes = [len(str(abs(int(value)))) for value in values if _is_finite(value)]
    if not wholes:
        return None
    whole = max(wholes)
    digits = _DIGITS if whole + scale <= _DIGITS else _MOST_DIGITS
    return _decimal(digits, scale) if whole + scale <= digits else None


def _exponent(value: int | decimal.Decimal) -> int:
    exponent = decimal.Decimal(value).as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _is_finite(value: int | decimal.Decimal) -> bool:
    return isinstance(value, int) or value.is_finite()


def _is_number(value: object) -> bool:
    try:
        takes.take_number(value)
    except ValueError:
        return False
    return True


def _decimal(precision: int, scale: int) -> Kind:
    if not 1 <= precision <= _MOST_DIGITS or scale > precision:
        msg = f"a decimal has 1 to {_MOST_DIGITS} digits and no more of them after the point"
        raise ValueError(msg)

    def take(value: object) -> str:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = decimal.Decimal(value)
        if isinstance(value, bool) or not isinstance(value, int | decimal.Decimal):
            raise takes.refuse(value)
        number = decimal.Decimal(value)
        digits = number.as_tuple()
        if not isinstance(digits.exponent, int):
            raise ValueError("a number that is not finite")  # noqa: TRY004
        whole = len(digits.digits) + digits.exponent
        rounded = None
        if whole <= _MOST_DIGITS:
            rounded = _EXACT.quantize(number, decimal.Decimal(1).scaleb(-scale))
        if rounded is None or whole > precision - scale or rounded != number:
            msg = f"a number that needs more than {precision} digits, {scale} after the point"
            raise ValueError(msg)
        return f"{rounded:f}"

    wide = precision > _DIGITS
    arrow = _TYPE.decimal256(precision, scale) if wide else _TYPE.decimal128(precision, scale)
    return Kind(f"decimal({precision},{scale})", arrow, _TYPE.string(), take)


def _kind(
    name: str,
    arrow: arro3.DataType,
    take: Callable[[Any], object],
    storage: arro3.DataType | None = None,
) -> Kind:
    return Kind(name, arrow, storage or arrow, take)


_KINDS = (
    _kind("boolean", _TYPE.bool(), takes.take_boolean),
    _kind("integer", _TYPE.int64(), takes.take_integer),
    _kind("number", _TYPE.float64(), takes.take_number),
    _kind("text", _TYPE.string(), takes.take_text),
    _kind("binary", _TYPE.binary(), takes.take_binary),
    _kind("date", _TYPE.date32(), takes.take_date, _TYPE.int32()),
    _kind("time", _TYPE.time64("us"), takes.take_time, _TYPE.int64()),
    _kind("timestamp", _TYPE.timestamp("us"), takes.take_timestamp, _TYPE.int64()),
    _kind("timestamptz", _TYPE.timestamp("us", tz="UTC"), takes.take_timestamptz, _TYPE.int64()),
    _kind("json", _TYPE.string(), takes.take_json),
)
_BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in _KINDS}

_WORDS: Mapping[str, tuple[str, ...]] = {
    "boolean": ("bool",),
    "integer": ("int", "int8", "int16", "int32", "int64", "bigint", "smallint", "long"),
    "number": ("float", "float64", "double", "double precision", "real"),
    "text": ("string", "str", "varchar", "char", "character", "character varying", "uuid"),
    "binary": ("bytes", "bytea", "blob"),
    "timestamp": ("timestamp without time zone",),
    "timestamptz": ("timestamp with time zone",),
    "json": ("jsonb", "object", "array", "struct", "list", "map", "dict"),
}
_BY_WORD: Mapping[str, Kind] = {
    **_BY_NAME,
    **{word: _BY_NAME[name] for name, words in _WORDS.items() for word in words},
}


_NAMES: tuple[tuple[Any, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    ((str, uuid.UUID), "text"),
    (decimal.Decimal, "decimal"),
    (dt.date, "date"),
    (dt.time, "time"),
    ((bytes, bytearray, memoryview), "binary"),
    ((Mapping, list, tuple), "json"),
)
