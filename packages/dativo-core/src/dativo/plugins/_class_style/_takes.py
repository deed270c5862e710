"""Which Python values each type of a field takes, and what they are stored as.

Each function returns the stored value, or raises ``ValueError`` that says what was found instead.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import uuid
from collections.abc import Callable, Mapping

__all__ = [
    "INT64",
    "refuse",
    "take_binary",
    "take_boolean",
    "take_date",
    "take_integer",
    "take_json",
    "take_number",
    "take_text",
    "take_time",
    "take_timestamp",
    "take_timestamptz",
]

INT64 = range(-(2**63), 2**63)

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - for moments without a zone
_EPOCH_UTC = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_FRACTION = re.compile(r"\.\d{7,}")
_EXACT_IN_A_NUMBER = 2**53


def refuse(value: object) -> ValueError:
    return ValueError(f"a value of type {type(value).__name__}")


def take_boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise refuse(value)
    return value


def take_integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise refuse(value)
    if value not in INT64:
        raise ValueError("a whole number beyond 64 bits")
    return int(value)


def take_number(value: object) -> float:
    if isinstance(value, float):
        return float(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise refuse(value)
    if abs(value) > _EXACT_IN_A_NUMBER:
        raise ValueError("a whole number that a binary number cannot hold")
    return float(value)


def take_text(value: object) -> str:
    if isinstance(value, uuid.UUID):
        return str(value)
    if not isinstance(value, str):
        raise refuse(value)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("a text that is no Unicode") from None
    return str(value)


def take_binary(value: object) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise refuse(value)
    return bytes(value)


def take_date(value: object) -> int:
    if isinstance(value, str) and len(value) == len("2000-01-31"):
        value = _read_iso(dt.date.fromisoformat, value)
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise refuse(value)
    return (value - _EPOCH.date()).days


def take_time(value: object) -> int:
    if isinstance(value, str):
        value = _read_iso(dt.time.fromisoformat, value)
    if not isinstance(value, dt.time) or value.tzinfo is not None:
        raise refuse(value)
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 10**6 + value.microsecond


def take_timestamp(value: object) -> int:
    moment = _moment(value)
    if moment.tzinfo is not None:
        raise ValueError("a time with a zone")
    return (moment - _EPOCH) // _MICROSECOND


def take_timestamptz(value: object) -> int:
    moment = _moment(value)
    if moment.utcoffset() is None:
        raise ValueError("a time without a zone")
    return (moment - _EPOCH_UTC) // _MICROSECOND


def _moment(value: object) -> dt.datetime:
    if isinstance(value, str) and len(value) > len("2000-01-31"):
        value = _read_iso(dt.datetime.fromisoformat, value)
    if not isinstance(value, dt.datetime):
        raise refuse(value)
    if getattr(value, "nanosecond", 0):  # classes of others that derive from datetime
        raise ValueError("a time finer than microseconds")
    return value


def _read_iso(reader: Callable[[str], object], text: str) -> object:
    """Read a time in ISO 8601; Python would cut off what is finer than microseconds."""
    if _FRACTION.search(text):
        raise ValueError("a time finer than microseconds")
    try:
        return reader(text)
    except ValueError:
        raise ValueError("a text that is no such time in ISO 8601") from None


def take_json(value: object) -> str:
    _require_json(value)
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=list)
    return take_text(text)


def _require_json(value: object) -> None:
    """See that nothing becomes something else in JSON."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"a nested key of type {type(key).__name__}")  # noqa: TRY004
            _require_json(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _require_json(item)
    elif not isinstance(value, float | bool | int | str | None):
        raise ValueError(f"a nested value of type {type(value).__name__}")  # noqa: TRY004
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a nested number that JSON has not")
