"""The types that a field may have, as a job file writes them."""

from __future__ import annotations

import re
from enum import StrEnum

import attrs

__all__ = ["FieldType", "Kind", "parse_type"]

_DECIMAL = re.compile(r"decimal\(\s*([0-9]{1,2})\s*,\s*([0-9]{1,2})\s*\)")
_MAX_PRECISION = 38


class Kind(StrEnum):
    """What a value is."""

    INT64 = "int64"
    FLOAT64 = "float64"
    DECIMAL = "decimal"
    STRING = "string"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    DATE = "date"
    JSON = "json"


@attrs.frozen
class FieldType:
    """The type of one field; decimals have a precision and a scale."""

    kind: Kind
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        if self.kind is Kind.DECIMAL:
            return f"decimal({self.precision}, {self.scale})"
        return self.kind.value


_PLAIN = {kind.value: FieldType(kind) for kind in Kind if kind is not Kind.DECIMAL}


def parse_type(text: str) -> FieldType:
    """Read a type such as ``int64`` or ``decimal(18, 2)``.

    Raises:
        ValueError: It is none.
    """
    found = _DECIMAL.fullmatch(text)
    if found is None:
        if text in _PLAIN:
            return _PLAIN[text]
        msg = f"no type: {text!r}; one of {', '.join(_PLAIN)}, decimal(precision, scale)"
        raise ValueError(msg)
    precision, scale = int(found[1]), int(found[2])
    if not (0 < precision <= _MAX_PRECISION and scale <= precision):
        msg = f"{text}: the precision is 1 to {_MAX_PRECISION}, the scale at most the precision"
        raise ValueError(msg)
    return FieldType(Kind.DECIMAL, precision, scale)
