"""From Arrow to lines of JSON; each rule keeps every value exactly, or refuses it."""

from __future__ import annotations

import base64
import json
import math
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from dativo.errors import DataValidationError
from dativo_writer_jsonl._config import Decimals, JsonlConfig, NonFinite
from dativo_writer_jsonl._times import date_text, moment_text, time_text
from dativo_writer_jsonl._types import DIGITS, is_json, is_list, is_uuid, retyped

__all__ = ["Rules", "lines_of"]

_compute: Any = pc  # its functions are made when it is imported

_NULL = "null"
_MS_PER_DAY = 86_400_000

# What some programs take for the end of a line although JSON does not; and all but ASCII.
_BREAKS = re.compile("[\u0085\u2028\u2029]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")
_require_json = msgspec.json.Decoder(msgspec.Raw).decode


@attrs.frozen(kw_only=True)
class Rules:
    """The choices that a job has."""

    decimals: Decimals = Decimals.STRING
    non_finite: NonFinite = NonFinite.STRING
    ascii: bool = False

    @classmethod
    def of(cls, config: JsonlConfig) -> Rules:
        """Return those of *config*."""
        return cls(decimals=config.decimals, non_finite=config.non_finite, ascii=config.ascii)

    def escaped(self, text: str) -> str:
        """Return JSON text on one line for every program."""
        if text.isascii():
            return text
        return (_BEYOND_ASCII if self.ascii else _BREAKS).sub(_escape, text)


def lines_of(batch: pa.RecordBatch, rules: Rules, *, stream: str) -> list[str]:
    """Return one line of JSON for each record, with the fields in the order of the schema.

    A JSON column that is null is left out, as JSON has a null of its own.

    Raises:
        DataValidationError: A value has no exact form.
    """
    if not batch.num_columns:
        return ["{}"] * batch.num_rows
    columns = [
        list(_column(field.name, batch.column(at), rules, stream))
        for at, field in enumerate(batch.schema)
    ]
    if any(is_json(field.type) for field in batch.schema):
        return [f"{{{','.join(filter(None, row))}}}" for row in zip(*columns, strict=True)]
    return [f"{{{','.join(row)}}}" for row in zip(*columns, strict=True)]


def _column(name: str, array: pa.Array, rules: Rules, stream: str) -> Iterator[str]:
    key = f"{rules.escaped(json.dumps(name, ensure_ascii=False))}:"
    try:
        if is_json(array.type):
            texts: Sequence[str] = _embedded(array, rules)
            return iter([key + text if text else "" for text in texts])
        return iter([key + text for text in _texts(array, rules)])
    except (ValueError, OverflowError, pa.ArrowException) as error:
        raise DataValidationError(
            f"the column {name} of {stream} has a value that cannot be written exactly: {error}",
            fix="Mend the value in the source, or leave the column out of the job.",
            stream=stream,
            details={"column": name},
        ) from error


def _embedded(array: pa.Array, rules: Rules) -> list[str]:
    """Return JSON as it is, but on one line; empty for a null."""
    texts = []
    for text in array.storage.to_pylist():
        if text is not None:
            _require_json(text.encode())
            # Outside of strings JSON has no other line breaks, and in them none at all.
            text = rules.escaped(text.replace("\r", " ").replace("\n", " "))  # noqa: PLW2901
        texts.append(text or "")
    return texts


def _texts(array: pa.Array, rules: Rules) -> list[str]:
    kind = array.type
    if is_uuid(kind):
        return _each(array.storage, lambda value: f'"{uuid.UUID(bytes=value)}"')
    if isinstance(kind, pa.BaseExtensionType):
        return _texts(array.storage, rules)
    if is_list(kind):
        return _lists(array, _texts(array.flatten(), rules))
    encoder = _BY_ID.get(kind.id)
    return _each(array, str) if encoder is None else encoder(array, rules)


def _each(array: pa.Array, text_of: Callable[..., str]) -> list[str]:
    return [_NULL if value is None else text_of(value) for value in array.to_pylist()]


def _booleans(array: pa.Array, _: Rules) -> list[str]:
    return _each(array, lambda value: "true" if value else "false")


def _nulls(array: pa.Array, _: Rules) -> list[str]:
    return [_NULL] * len(array)


def _floats(array: pa.Array, rules: Rules) -> list[str]:
    return _each(array, lambda value: _float(value, rules))


def _float(value: float, rules: Rules) -> str:
    if math.isfinite(value):
        return repr(value)
    if rules.non_finite is NonFinite.REFUSE:
        msg = f"{value} is no number of JSON, and non_finite is refuse"
        raise ValueError(msg)
    return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'


def _decimals(array: pa.Array, rules: Rules) -> list[str]:
    form = '"{:f}"' if rules.decimals is Decimals.STRING else "{:f}"
    return _each(array, form.format)


def _strings(array: pa.Array, rules: Rules) -> list[str]:
    return _each(array, lambda text: rules.escaped(json.dumps(text, ensure_ascii=False)))


def _binaries(array: pa.Array, _: Rules) -> list[str]:
    return _each(array, lambda value: f'"{base64.b64encode(value).decode()}"')


def _dates(array: pa.Array, _: Rules) -> list[str]:
    return _each(array.view(pa.int32()), lambda days: f'"{date_text(days)}"')


def _long_dates(array: pa.Array, _: Rules) -> list[str]:
    return _each(array.view(pa.int64()), _long_date)


def _long_date(milliseconds: int) -> str:
    days, rest = divmod(milliseconds, _MS_PER_DAY)
    if rest:
        msg = f"{milliseconds} ms is no whole day"
        raise ValueError(msg)
    return f'"{date_text(days)}"'


def _moments(array: pa.Array, _: Rules) -> list[str]:
    digits, is_utc = DIGITS[array.type.unit], array.type.tz is not None
    ticks = array.view(pa.int64())
    return _each(ticks, lambda value: f'"{moment_text(value, digits, is_utc=is_utc)}"')


def _times(array: pa.Array, _: Rules) -> list[str]:
    digits = DIGITS[array.type.unit]
    ticks = array.view(pa.int32() if array.type.bit_width == 32 else pa.int64())  # noqa: PLR2004
    return _each(ticks, lambda value: f'"{time_text(value, digits)}"')


def _durations(array: pa.Array, _: Rules) -> list[str]:
    return _each(array.view(pa.int64()), str)


def _intervals(array: pa.Array, _: Rules) -> list[str]:
    names = ("months", "days", "nanoseconds")
    return _each(array, lambda value: json.dumps(dict(zip(names, value, strict=True))))


def _lists(array: pa.Array, items: Sequence[str]) -> list[str]:
    texts = []
    start = 0
    for length in _compute.list_value_length(array).to_pylist():
        if length is None:
            texts.append(_NULL)
        else:
            texts.append(f"[{','.join(items[start : start + length])}]")
            start += length
    return texts


def _structs(array: pa.Array, rules: Rules) -> list[str]:
    keys = [json.dumps(field.name, ensure_ascii=False) for field in array.type]
    keys = [f"{rules.escaped(key)}:" for key in keys]
    children = [_texts(child, rules) for child in array.flatten()]
    rows = zip(*children, strict=True) if children else iter([()] * len(array))
    texts = [f"{{{','.join(map(str.__add__, keys, row))}}}" for row in rows]
    absent = array.is_null().to_pylist()
    return [_NULL if no else text for no, text in zip(absent, texts, strict=True)]


def _maps(array: pa.Array, rules: Rules) -> list[str]:
    kind = array.type
    entries = pa.struct([kind.key_field, kind.item_field])
    as_list = retyped(array, pa.list_(pa.field("entries", entries, nullable=False)))
    keys, values = as_list.flatten().flatten()
    pairs = list(zip(_texts(keys, rules), _texts(values, rules), strict=True))
    is_text = pa.types.is_string(kind.key_type) or pa.types.is_large_string(kind.key_type)
    texts = []
    start = 0
    for length in _compute.list_value_length(as_list).to_pylist():
        if length is None:
            texts.append(_NULL)
            continue
        mine = pairs[start : start + length]
        start += length
        texts.append(_object(mine) if is_text else _pairs(mine))
    return texts


def _object(pairs: Sequence[tuple[str, str]]) -> str:
    if len({key for key, _ in pairs}) < len(pairs):
        msg = "a map has the same key twice, which a JSON object cannot have"
        raise ValueError(msg)
    return f"{{{','.join(f'{key}:{value}' for key, value in pairs)}}}"


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    return f"[{','.join(f'[{key},{value}]' for key, value in pairs)}]"


def _dictionaries(array: pa.Array, rules: Rules) -> list[str]:
    return _texts(array.dictionary_decode(), rules)


def _runs(array: pa.Array, rules: Rules) -> list[str]:
    return _texts(_compute.run_end_decode(array), rules)


def _escape(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]


_BY_ID: Mapping[int, Callable[[pa.Array, Rules], list[str]]] = {
    pa.null().id: _nulls,
    pa.bool_().id: _booleans,
    **dict.fromkeys((pa.float16().id, pa.float32().id, pa.float64().id), _floats),
    **dict.fromkeys((kind.id for kind in (pa.decimal32(1), pa.decimal64(1))), _decimals),
    **dict.fromkeys((kind.id for kind in (pa.decimal128(1), pa.decimal256(1))), _decimals),
    **dict.fromkeys((kind.id for kind in (pa.string(), pa.large_string())), _strings),
    pa.string_view().id: _strings,
    **dict.fromkeys((kind.id for kind in (pa.binary(), pa.large_binary())), _binaries),
    **dict.fromkeys((kind.id for kind in (pa.binary(1), pa.binary_view())), _binaries),
    pa.date32().id: _dates,
    pa.date64().id: _long_dates,
    pa.timestamp("s").id: _moments,
    pa.time32("s").id: _times,
    pa.time64("us").id: _times,
    pa.duration("s").id: _durations,
    pa.month_day_nano_interval().id: _intervals,
    pa.struct([]).id: _structs,
    pa.map_(pa.string(), pa.null()).id: _maps,
    pa.dictionary(pa.int8(), pa.null()).id: _dictionaries,
    pa.run_end_encoded(pa.int16(), pa.null()).id: _runs,
}
