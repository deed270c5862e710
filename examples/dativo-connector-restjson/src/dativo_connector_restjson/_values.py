"""Values of JSON as Arrow, exactly or not at all."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any

import arro3.core as arro3
import attrs
import msgspec

from dativo_connector_restjson._types import FieldType, Kind

__all__ = ["NULL", "arrow_field", "make_array", "read_value", "shortened"]

NULL = msgspec.Raw(b"null")

_SHOWN = 100
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,9})?")
_FIRST_INT64, _LAST_INT64 = -(2**63), 2**63 - 1
_LONGEST_NUMBER = 400
_LARGEST_EXPONENT = 400
_MICRO = 6
_WIDE = Context(prec=2 * (_LONGEST_NUMBER + _LARGEST_EXPONENT))

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH_DAY = dt.date(1970, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)

_TIMESTAMP = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)"
    r"(?:[.,](?P<fraction>[0-9]+))?(?P<zone>[Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)

_decode_text = msgspec.json.Decoder(str).decode
_decode_bool = msgspec.json.Decoder(bool).decode


def arrow_field(name: str, kind: FieldType, *, nullable: bool) -> arro3.Field:
    """Return the column of a field."""
    metadata = _JSON_METADATA if kind.kind is Kind.JSON else None
    return arro3.Field(name, _KINDS[kind.kind].arrow(kind), nullable=nullable, metadata=metadata)


def read_value(raw: msgspec.Raw, kind: FieldType) -> Any:
    """Return the value of *raw* as :func:`make_array` takes it; ``None`` for null.

    Raises:
        ValueError: It is not exactly of its type; the text says why.
    """
    written = bytes(raw)
    if written == b"null" and kind.kind is not Kind.JSON:
        return None
    return _KINDS[kind.kind].read(written, kind)


def make_array(values: Sequence[Any], kind: FieldType) -> arro3.Array:
    """Return the column of *values*, which :func:`read_value` has read."""
    about = _KINDS[kind.kind]
    made = arro3.Array(values, about.carrier)
    wanted = about.arrow(kind)
    return made if wanted == about.carrier else made.cast(wanted)


def shortened(raw: msgspec.Raw | bytes) -> str:
    """Return *raw* for a message."""
    text = bytes(raw).decode("utf-8", "replace")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _number(written: bytes) -> Decimal:
    if written[:1] == b'"':
        written = _decode_text(written).encode()
    if len(written) > _LONGEST_NUMBER:
        raise ValueError("the number has too many digits")
    if _NUMBER.fullmatch(written) is None:
        raise ValueError("it is no number")
    number = Decimal(written.decode())
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError("the number is out of range")
    return number


def _read_integer(written: bytes, _: FieldType) -> int:
    number = _number(written)
    value = int(number)
    if value != number:
        raise ValueError("it has a fraction")
    if not _FIRST_INT64 <= value <= _LAST_INT64:
        raise ValueError("it needs more than 64 bits")
    return value


def _read_float(written: bytes, _: FieldType) -> float:
    exact = _number(written)
    value = float(exact)
    # What a float prints itself as, or its whole expansion: all else would be rounded.
    if Decimal(repr(value)) != exact and Decimal(value) != exact:
        raise ValueError("a float64 cannot hold all its digits")
    return value


def _read_decimal(written: bytes, kind: FieldType) -> str:
    scaled = _number(written).scaleb(kind.scale, _WIDE)
    if scaled != scaled.to_integral_value():
        msg = f"it has more than {kind.scale} digits behind the point"
        raise ValueError(msg)
    if abs(scaled) >= 10**kind.precision:
        msg = f"it has more than {kind.precision} digits"
        raise ValueError(msg)
    return format(Decimal(int(scaled)).scaleb(-kind.scale, _WIDE), "f")


def _read_string(written: bytes, _: FieldType) -> str:
    if written[:1] == b'"':
        return _decode_text(written)
    if _NUMBER.fullmatch(written) is not None:
        return written.decode()
    raise ValueError("it is neither a text nor a number")


def _read_boolean(written: bytes, _: FieldType) -> bool:
    return _decode_bool(written)


def _read_timestamp(written: bytes, _: FieldType) -> int:
    """Return microseconds since 1970, from ISO 8601 text; UTC if it has no offset."""
    found = _TIMESTAMP.fullmatch(_decode_text(written))
    if found is None:
        raise ValueError("it is no time as in ISO 8601")
    fraction = (found["fraction"] or "").rstrip("0")
    if len(fraction) > _MICRO:
        raise ValueError("it is more exact than a microsecond")
    zone = (found["zone"] or "Z").upper()
    moment = dt.datetime.fromisoformat(f"{found['day']}T{found['time']}{zone}")
    return (moment - _EPOCH) // _MICROSECOND + int(fraction.ljust(_MICRO, "0"))


def _read_date(written: bytes, _: FieldType) -> int:
    text = _decode_text(written)
    return (dt.datetime.strptime(text, "%Y-%m-%d").date() - _EPOCH_DAY).days  # noqa: DTZ007


def _read_json(written: bytes, _: FieldType) -> str | None:
    return None if written == b"null" else written.decode()


@attrs.frozen
class _Kind:
    read: Callable[[bytes, FieldType], Any]
    carrier: arro3.DataType
    arrow: Callable[[FieldType], arro3.DataType]


def _plain(read: Callable[[bytes, FieldType], Any], arrow: arro3.DataType) -> _Kind:
    return _Kind(read, arrow, lambda _: arrow)


_JSON_METADATA = {"ARROW:extension:name": "arrow.json", "ARROW:extension:metadata": ""}

_UTF8 = arro3.DataType.utf8()
_KINDS: Mapping[Kind, _Kind] = {
    Kind.INT64: _plain(_read_integer, arro3.DataType.int64()),
    Kind.FLOAT64: _plain(_read_float, arro3.DataType.float64()),
    Kind.DECIMAL: _Kind(
        _read_decimal, _UTF8, lambda kind: arro3.DataType.decimal128(kind.precision, kind.scale)
    ),
    Kind.STRING: _plain(_read_string, _UTF8),
    Kind.BOOLEAN: _plain(_read_boolean, arro3.DataType.bool()),
    Kind.TIMESTAMP: _Kind(
        _read_timestamp,
        arro3.DataType.int64(),
        lambda _: arro3.DataType.timestamp("us", tz="UTC"),
    ),
    Kind.DATE: _Kind(_read_date, arro3.DataType.int32(), lambda _: arro3.DataType.date32()),
    Kind.JSON: _plain(_read_json, _UTF8),
}
