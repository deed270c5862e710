"""From the JSON of Stripe to Arrow: raw fields first, of which none is lost, then the columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import arro3.core as arro3
import attrs
import msgspec

from dativo.errors import DataValidationError, SchemaValidationError, ServiceUnavailableError
from dativo_connector_stripe._streams import FieldType, StreamRow
from dativo_connector_stripe._values import (
    NULL,
    READERS,
    UTF8,
    is_object,
    read_integer,
    read_text,
    shortened,
)

__all__ = [
    "UNKNOWN",
    "Columns",
    "Page",
    "RawObject",
    "decode_object",
    "decode_page",
    "integer_of",
    "list_of",
    "require_json",
    "text_of",
]

RawObject = Mapping[str, msgspec.Raw]

UNKNOWN = "_unknown"

_KEY = "id"

_EXTENSIONS: Mapping[FieldType, dict[str, str]] = {
    FieldType.JSON: {"ARROW:extension:name": "arrow.json", "ARROW:extension:metadata": ""}
}


@attrs.frozen
class Page:
    """A part of a list, with its objects in their order; *url* is its path, if it says so."""

    objects: tuple[RawObject, ...]
    has_more: bool
    url: str = ""


class _List(msgspec.Struct):
    data: tuple[dict[str, msgspec.Raw], ...]
    has_more: bool
    url: str = ""


_ANY = msgspec.json.Decoder(msgspec.Raw)
_LIST = msgspec.json.Decoder(_List)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def require_json(body: bytes, place: str) -> None:
    """Look through *body*, which came from *place*, quickly and without decoding it.

    Raises:
        ServiceUnavailableError: It is no JSON: a page of a proxy, or cut off.
    """
    try:
        _ANY.decode(body)
    except (ValueError, RecursionError) as error:
        raise ServiceUnavailableError(
            f"{place} answered with something that is no JSON: {error}", details=_shown(body)
        ) from error


def decode_page(body: bytes) -> Page:
    """Return the page that *body* is, each value as Stripe wrote it but for the white space.

    Raises:
        ServiceUnavailableError: It is none: a page of a proxy, or cut off.
    """
    try:
        page = _LIST.decode(_minified(body))
    except (ValueError, RecursionError) as error:
        raise _unreadable(body, "list", error) from error
    return Page(page.data, page.has_more, page.url)


def decode_object(body: bytes) -> RawObject:
    """Return the fields of the object that *body* is, as :func:`decode_page` does.

    Raises:
        ServiceUnavailableError: It is none.
    """
    try:
        return _OBJECT.decode(_minified(body))
    except (ValueError, RecursionError) as error:
        raise _unreadable(body, "object", error) from error


def list_of(raw: msgspec.Raw) -> Page:
    """Return the list that is embedded in an object.

    Raises:
        DataValidationError: It is no list.
    """
    try:
        page = _LIST.decode(raw)
    except ValueError as error:
        shown = shortened(raw)
        msg = f"an embedded list is none: {shown}"
        raise DataValidationError(msg, details={"value": shown}) from error
    return Page(page.data, page.has_more, page.url)


def text_of(obj: RawObject, field: str) -> str | None:
    """Return a text of *obj*, of an expanded object its id; ``None`` where it is missing or null.

    Raises:
        DataValidationError: It is no text.
    """
    try:
        return read_text(obj.get(field, NULL))
    except ValueError as error:
        raise _wrong(obj, field, FieldType.TEXT) from error


def integer_of(obj: RawObject, field: str) -> int | None:
    """Return an integer of *obj*, ``None`` where it is missing or null.

    Raises:
        DataValidationError: It is no integer of 64 bits.
    """
    try:
        return read_integer(obj.get(field, NULL))
    except ValueError as error:
        raise _wrong(obj, field, FieldType.INTEGER) from error


class Columns:
    """Makes record batches of the objects of one stream.

    The columns are *wanted*, in that order, or all fields of the table and then ``_unknown``: a
    JSON object of what the table lacks, so that a new field of Stripe's is not lost, and of the
    objects that stand in a column of texts, expanded, in the place of their ids.
    """

    def __init__(self, row: StreamRow, wanted: tuple[str, ...] = ()) -> None:
        """Choose the columns.

        Raises:
            SchemaValidationError: A wanted column is none of the table.
        """
        kinds = {**row.fields, UNKNOWN: FieldType.JSON}
        absent = [name for name in wanted if name not in kinds]
        if absent:
            raise SchemaValidationError(
                f"{row.name} has no column {absent[0]!r}",
                stream=row.name,
                details={"columns": absent},
            )
        self._row = row
        self._kinds = {name: kinds[name] for name in wanted or kinds}
        self.schema = arro3.Schema([_field(name, kind) for name, kind in self._kinds.items()])

    def batch(self, objects: Iterable[RawObject]) -> arro3.RecordBatch:
        """Return the columns of *objects*; a field that is missing is null.

        Raises:
            DataValidationError: A value is not exactly of its field's type, or an id is missing.
        """
        objects = tuple(objects)
        expanded: set[str] = set()
        arrays: dict[str, arro3.Array] = {}
        for name, kind in self._kinds.items():
            if name != UNKNOWN:
                arrays[name] = self._array(objects, name, kind, expanded)
        if UNKNOWN in self._kinds:
            arrays[UNKNOWN] = arro3.Array(self._unknown(objects, expanded), UTF8)
        ordered = [arrays[name] for name in self._kinds]
        return arro3.RecordBatch.from_arrays(ordered, schema=self.schema)

    def keys(self, ids: Sequence[str]) -> arro3.RecordBatch:
        """Return the ids alone, for deletions."""
        schema = arro3.Schema([_field(_KEY, FieldType.TEXT)])
        return arro3.RecordBatch.from_arrays([arro3.Array(ids, UTF8)], schema=schema)

    def _array(
        self, objects: Sequence[RawObject], name: str, kind: FieldType, expanded: set[str]
    ) -> arro3.Array:
        raws = [obj.get(name, NULL) for obj in objects]
        reader = READERS[kind]
        try:
            values = reader.many(raws)
        except ValueError:
            values = [self._one(obj, name, kind) for obj in objects]
            expanded.add(name)
        if name == _KEY and None in values:
            raise _wrong(objects[values.index(None)], name, kind, stream=self._row.name)
        return reader.array(values)

    def _one(self, obj: RawObject, name: str, kind: FieldType) -> object:
        try:
            return READERS[kind].one(obj.get(name, NULL))
        except ValueError as error:
            raise _wrong(obj, name, kind, stream=self._row.name) from error

    def _unknown(self, objects: Sequence[RawObject], expanded: set[str]) -> list[str | None]:
        known = self._row.fields.keys() - expanded
        return [None if obj.keys() <= known else self._rest(obj, expanded) for obj in objects]

    def _rest(self, obj: RawObject, expanded: set[str]) -> str | None:
        fields = self._row.fields
        rest = {
            name: raw
            for name, raw in obj.items()
            if name not in fields
            or (name in expanded and fields[name] is FieldType.TEXT and is_object(raw))
        }
        return msgspec.json.encode(rest).decode() if rest else None


def _field(name: str, kind: FieldType) -> arro3.Field:
    return arro3.Field(
        name, READERS[kind].arrow, nullable=name != _KEY, metadata=_EXTENSIONS.get(kind)
    )


def _minified(body: bytes) -> bytes:
    if not body.isascii():
        # msgspec passes over the bytes of texts; Arrow must not get any that are no UTF-8.
        body.decode()
    return msgspec.json.format(body, indent=-1)


def _unreadable(body: bytes, what: str, error: Exception) -> ServiceUnavailableError:
    return ServiceUnavailableError(
        f"Stripe's answer is no JSON {what}: {error}", details=_shown(body)
    )


def _shown(body: bytes) -> dict[str, object]:
    return {"size_bytes": len(body), "body": shortened(body)}


def _wrong(
    obj: RawObject, field: str, kind: FieldType, *, stream: str | None = None
) -> DataValidationError:
    name = shortened(obj.get(_KEY, NULL)).strip('"')
    shown = shortened(obj[field]) if field in obj else "missing"
    return DataValidationError(
        f"the field {field} of {name} is no {kind.value}: {shown}",
        stream=stream,
        details={"id": name, "field": field, "value": shown},
        fix="Take back a change of `api_version`, or leave the field out with `columns`.",
    )
