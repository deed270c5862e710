"""Objects of the fake of Stripe that all cases of a process share, and the rows they must become.

To make the texts of 5,000 objects and the rows takes longer than to read them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs
import pyarrow as pa

from dativo_connector_stripe._streams import FieldType, StreamRow, streams
from dativo_test_support.stripe import KINDS, Clock, FakeStripe
from dativo_test_support.stripe.records import Embedded, Record

__all__ = ["OBJECTS", "Account", "account", "rows_of"]

OBJECTS = 5_000

_DAY = 86_400
_TYPES: Mapping[FieldType, pa.DataType] = {
    FieldType.TEXT: pa.string(),
    FieldType.INTEGER: pa.int64(),
    FieldType.BOOLEAN: pa.bool_(),
    FieldType.NUMBER: pa.float64(),
    FieldType.TIME: pa.timestamp("us", "UTC"),
    FieldType.JSON: pa.string(),
}
_MAKING = threading.Lock()
_MADE: dict[tuple[str, int, int], Account] = {}


@attrs.define(eq=False)
class _Kept(Record):
    """A record that keeps its texts."""

    _texts: dict[bool, str] = attrs.field(factory=dict, init=False)

    def text(self, embedded: Embedded, *, listed: bool = False) -> str:
        if listed not in self._texts:
            self._texts[listed] = Record.text(self, embedded, listed=listed)
        return self._texts[listed]


@attrs.frozen
class Account:
    """What an account begins with.

    Attributes:
        stream: The stream of its objects.
        records: These objects.
        rows: What they must become, a row for each, in the order of the records.
    """

    stream: str
    records: Sequence[Record]
    rows: pa.Table

    @property
    def row(self) -> StreamRow:
        return streams()[self.stream]

    @property
    def path(self) -> str:
        """A pattern for the requests of its list, but not of one object."""
        return rf"^{self.row.path}\?"


def account(kind: str, layout: int, now: int) -> Account:
    """Return 5,000 objects of *kind* made until *now*; *layout* from 0 to 3 is how they lie."""
    with _MAKING:
        if (kind, layout, now) not in _MADE:
            _MADE[kind, layout, now] = _made(kind, layout, now)
        return _MADE[kind, layout, now]


def _made(kind: str, layout: int, now: int) -> Account:
    fake = FakeStripe(seed=layout, clock=Clock(now))
    fake.add_many(kind, 50, start=now - 299, end=now - 1)
    count, spans = _LAYOUTS[layout]
    for place in range(spans):
        start = now - 300 * _DAY + place * 7 * _DAY
        fake.add_many(kind, count, start=start, end=start + place)
    fake.add_many(kind, OBJECTS - 50 - spans * count)
    found = fake.store.records(KINDS[kind])
    kept = [_Kept(**attrs.asdict(one, recurse=False, filter=_is_given)) for one in found]
    stream = next(name for name, row in streams().items() if row.object == kind and not row.parent)
    documents = [json.loads(one.text(fake.store.embedded)) for one in found]
    return Account(stream, kept, rows_of(streams()[stream], documents))


# How many objects, each in so many spans of a few seconds; the others lie anywhere in a year.
_LAYOUTS = ((0, 0), (120, 30), (1, 40), (700, 5))


def _is_given(attribute: attrs.Attribute[Any], value: object) -> bool:
    return attribute.name != "_text"


def rows_of(row: StreamRow, documents: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return what objects must become: each field exactly, and unknown ones in `_unknown`."""
    schema = pa.schema(
        [pa.field(name, _TYPES[kind]) for name, kind in row.fields.items()]
        + [pa.field("_unknown", pa.string())]
    )
    return pa.Table.from_pylist([_row_of(row, one) for one in documents], schema)


def _row_of(row: StreamRow, one: Mapping[str, Any]) -> dict[str, object]:
    unknown = {name: value for name, value in one.items() if name not in row.fields}
    known = {name: _value(kind, one.get(name)) for name, kind in row.fields.items()}
    return {**known, "_unknown": _compact(unknown) if unknown else None}


def _value(kind: FieldType, value: Any) -> object:
    if value is None or kind in (FieldType.TEXT, FieldType.BOOLEAN):
        return value
    if kind is FieldType.JSON:
        return _compact(value)
    if kind is FieldType.NUMBER:
        return float(value)
    whole = int(Decimal(str(value)))
    return whole * 1_000_000 if kind is FieldType.TIME else whole


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
