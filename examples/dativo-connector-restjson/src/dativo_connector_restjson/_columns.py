"""From records to columns, with one more column for what has none; nothing gets lost."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import arro3.core as arro3
import attrs
import msgspec

from dativo.errors import DataFormatError, DataValidationError, SchemaValidationError
from dativo_connector_restjson._config import EXTRA, StreamConfig
from dativo_connector_restjson._paths import look_up, parse_path
from dativo_connector_restjson._types import FieldType, Kind
from dativo_connector_restjson._values import (
    NULL,
    arrow_field,
    make_array,
    read_value,
    shortened,
)

__all__ = ["Columns", "Record", "inferred_types", "records_of"]

Record: TypeAlias = Mapping[str, msgspec.Raw]
"""One record, each field as the server wrote it."""

_JSON = FieldType(Kind.JSON)
_INT64 = FieldType(Kind.INT64)
_STRING = FieldType(Kind.STRING)
_INTEGER = re.compile(rb"-?[0-9]+")

# Which type holds everything that the first page has; the first that fits.
_CANDIDATES = tuple(
    FieldType(kind) for kind in (Kind.BOOLEAN, Kind.FLOAT64, Kind.STRING, Kind.JSON)
)

_decode_records = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode


def records_of(body: bytes, stream: StreamConfig, *, name: str) -> Sequence[Record]:
    """Return the records of an answer.

    Raises:
        DataFormatError: There is no list of objects where the job file says so.
    """
    path = parse_path(stream.records)
    # Without white space between values, so that what is kept as JSON is on one line.
    found = look_up(msgspec.json.format(body, indent=-1), path)
    try:
        return _decode_records(NULL if found is None else found)
    except msgspec.MsgspecError as error:
        there = "nothing" if found is None else shortened(found)
        raise DataFormatError(
            f"the answer for {name} has no list of objects at {stream.records}, but {there}",
            fix="Mend `records` of the stream: the path of the list in an answer.",
            stream=name,
        ) from error


def inferred_types(records: Sequence[Record], stream: StreamConfig) -> Mapping[str, FieldType]:
    """Return the types of the fields that *records* have; of fields without a value none.

    A text stays a text: whether one is a date is for the job file to say.
    """
    values: dict[str, list[msgspec.Raw]] = {name: [] for name in stream.needed}
    for record in records:
        for name, raw in record.items():
            if bytes(raw) != b"null" and name != EXTRA:
                values.setdefault(name, []).append(raw)
    types = {name: _type_of(raws) for name, raws in values.items() if raws}
    return types | {name: _STRING for name in stream.needed if name not in types}


def _type_of(raws: Sequence[msgspec.Raw]) -> FieldType:
    quoted = {bytes(raw)[:1] == b'"' for raw in raws}
    if quoted == {True}:
        return _STRING
    if quoted == {True, False}:
        return _JSON
    if all(_INTEGER.fullmatch(raw) is not None for raw in raws):
        # What needs more than 64 bits is text, not a float that can hold this one by chance.
        return _INT64 if all(_fits(raw, _INT64) for raw in raws) else _STRING
    return next(kind for kind in _CANDIDATES if all(_fits(raw, kind) for raw in raws))


def _fits(raw: msgspec.Raw, kind: FieldType) -> bool:
    try:
        read_value(raw, kind)
    except ValueError:
        return False
    return True


@attrs.frozen(kw_only=True)
class Columns:
    """Makes record batches of the records of one stream.

    Attributes:
        name: The stream's name, for messages.
        stream: What the job file says about it.
        types: The types of all fields that have a column of their own.
        wanted: The columns to make, in this order; all of them and then ``_extra`` if empty.
    """

    name: str
    stream: StreamConfig
    types: Mapping[str, FieldType]
    wanted: tuple[str, ...] = ()
    schema: arro3.Schema = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        absent = [name for name in self.wanted if name not in self._kinds()]
        if absent:
            raise SchemaValidationError(
                f"{self.name} has no column {absent[0]!r}",
                stream=self.name,
                details={"columns": absent},
                fix="Declare it in `fields` of the stream, or take it out of `columns`.",
            )
        fields = [
            arrow_field(name, kind, nullable=name not in self.stream.needed)
            for name, kind in self._chosen().items()
        ]
        object.__setattr__(self, "schema", arro3.Schema(fields))

    def batch(self, records: Sequence[Record]) -> arro3.RecordBatch:
        """Return the columns of *records*; a field that is missing is null.

        Raises:
            DataValidationError: A value is not exactly of its type, or a needed one is missing.
        """
        arrays = []
        for name, kind in self._chosen().items():
            if name == EXTRA:
                values: Sequence[object] = [self._extra(record) for record in records]
            else:
                values = [self.value(record, name) for record in records]
            arrays.append(make_array(values, kind))
        return arro3.RecordBatch.from_arrays(arrays, schema=self.schema)

    def value(self, record: Record, name: str) -> object:
        """Return the value of one field.

        Raises:
            DataValidationError: It is not exactly of its type, or needed and missing.
        """
        raw = record.get(name, NULL)
        try:
            value = read_value(raw, self.types[name])
        except ValueError as error:
            raise self._wrong(record, name, f"is no {self.types[name]}: {error}") from error
        if value is None and name in self.stream.needed:
            raise self._wrong(record, name, "identifies or orders records, and is missing")
        return value

    def _kinds(self) -> dict[str, FieldType]:
        return {**self.types, EXTRA: _JSON}

    def _chosen(self) -> dict[str, FieldType]:
        kinds = self._kinds()
        return {name: kinds[name] for name in self.wanted} if self.wanted else kinds

    def _extra(self, record: Record) -> str | None:
        rest = {name: raw for name, raw in record.items() if name not in self.types}
        return msgspec.json.encode(rest).decode() if rest else None

    def _wrong(self, record: Record, name: str, what: str) -> DataValidationError:
        which = ", ".join(
            f"{key} {shortened(record.get(key, NULL))}" for key in self.stream.primary_key
        )
        shown = shortened(record[name]) if name in record else "missing"
        return DataValidationError(
            f"the field {name} of {self.name} ({which or 'a record without a key'}) {what}; "
            f"it is {shown}",
            stream=self.name,
            details={"field": name, "value": shown},
            fix=f"Give {name} another type in `fields` of the stream; `json` takes everything.",
        )
