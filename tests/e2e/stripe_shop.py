"""An account on the fake of Stripe with objects of every kind, and what its streams must become."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
from dativo_command import WorkFolder

import dativo_writer_parquet
from dativo_connector_stripe._streams import FieldType, StreamRow, streams
from dativo_test_support.stripe import KINDS, FakeStripe

__all__ = ["FAST", "OWN_LISTS", "Shop", "differences", "in_source", "job_of", "published"]

FAST: Mapping[str, Any] = {"requests_per_second": 10_000, "endpoint_requests_per_second": 10_000}

_DAY = 86_400
_CHILDREN = ("line_item", "subscription_item", "payment_method")
OWN_LISTS = tuple(name for name in KINDS if name not in (*_CHILDREN, "event"))
"""The kinds whose objects are made by themselves."""

Row = dict[str, Any]


def job_of(
    fake: FakeStripe, names: Sequence[str], *, mode: str = "merge", **settings: Any
) -> dict[str, Any]:
    """Describe a job that reads streams incrementally; the key is in `STRIPE_KEY`."""
    config = {"api_key": "${env:STRIPE_KEY}", "api_base": fake.url, **FAST, **settings}
    return {
        "name": "stripe_to_lake",
        "source": {"connector": "stripe", "config": config},
        "streams": [{"name": name, "mode": "incremental"} for name in names],
        "writer": {"connector": "parquet", "mode": mode, "config": {"path": "./lake"}},
        "run": {"parallelism": 2},
    }


@attrs.frozen
class Shop:
    """Fills an account, and changes what is in it."""

    fake: FakeStripe

    def fill(self, count: int) -> None:
        """Make *count* objects of each kind in the last year, and some of the last minute."""
        fake = self.fake
        customers = fake.add_many("customer", count)
        for kind in OWN_LISTS:
            has_customer = "customer" in KINDS[kind].template.direct
            links = {"customer": customers} if has_customer else None
            fake.add_many(kind, count, links=links)
        invoices, subscriptions = fake.ids("invoice")[:20], fake.ids("subscription")[:20]
        fake.add_many("line_item", 12 * len(invoices), links={"invoice": invoices})
        fake.add_many("line_item", 120, invoice=invoices[0])
        fake.add_many("subscription_item", 60, links={"subscription": subscriptions})
        fake.add_many("subscription_item", 15, subscription=subscriptions[0])
        fake.add_many("payment_method", 60, links={"customer": customers[:15]})
        fake.clock.advance(60)
        self.add()

    def add(self) -> list[str]:
        """Make one more object of each kind, of which most are told by an event."""
        made = [self.fake.add(kind)["id"] for kind in OWN_LISTS]
        made.append(self.fake.add("charge", news={"of": ["Größe", 2.5, None]}, more="x")["id"])
        made += [self.fake.add("line_item", invoice=one)["id"] for one in self._some("invoice")]
        made += [
            self.fake.add("subscription_item", subscription=one)["id"]
            for one in self._some("subscription")
        ]
        owner = self.fake.ids("customer")[0]
        made.append(self.fake.add("payment_method", customer=owner)["id"])
        self.fake.clock.advance(1)  # what is as young as the read itself is left to the next one
        return made

    def update(self) -> None:
        """Change some objects of each kind of which Stripe tells by an event."""
        for kind, row in KINDS.items():
            if row.updated_event or kind in ("line_item", "subscription_item"):
                for name in self._some(kind):
                    self.fake.clock.advance(1)
                    self.fake.update(name, metadata={"changed": str(self.fake.clock.now)})

    def delete(self) -> None:
        """End some objects of each kind that has an end, and some children."""
        ended = [
            name for kind, row in KINDS.items() if row.deleted_event for name in self._some(kind)
        ]
        # Of a list that does not fit into an event, the event tells the beginning alone.
        lately = [
            name for kind in ("line_item", "subscription_item") for name in self.fake.ids(kind)[:3]
        ]
        for name in (*lately, *ended):
            self.fake.clock.advance(1)
            self.fake.delete(name)

    def _some(self, kind: str) -> list[str]:
        found = self.fake.ids(kind)
        return [found[0], found[len(found) // 2], found[-1]]


def in_source(fake: FakeStripe, stream: str) -> dict[str, Row]:
    """Return what the rows of a stream must be, by id, from the objects as the API gives them."""
    row = streams()[stream]
    parents = set(fake.ids(streams()[row.parent].object)) if row.embedded else set()
    found = [fake.read(name) for name in fake.ids(row.object)]
    return {
        one["id"]: _row_of(row, one)
        for one in found
        if not row.embedded or one[row.parent_field] in parents
    }


def published(work: WorkFolder, stream: str) -> list[Row]:
    """Return the rows of a stream that are in the lake."""
    frame = dativo_writer_parquet.scan(work.lake / stream).collect()
    return list(frame.iter_rows(named=True))


def differences(fake: FakeStripe, work: WorkFolder, names: Sequence[str]) -> list[str]:
    """Return where the lake is not what the account has, a line for each; none is as it should."""
    return [line for name in names for line in _differences(fake, work, name)]


def _differences(fake: FakeStripe, work: WorkFolder, stream: str) -> Iterator[str]:
    expected = in_source(fake, stream)
    rows = published(work, stream)
    found = {row["id"]: row for row in rows}
    if len(found) != len(rows):
        yield f"{stream}: {len(rows) - len(found)} doubled"
    for name in expected.keys() - found.keys():
        yield f"{stream} {name}: lost"
    for name in found.keys() - expected.keys():
        yield f"{stream} {name}: not in the source"
    for name in expected.keys() & found.keys():
        for field, value in expected[name].items():
            if not _is_same(found[name][field], value):
                yield f"{stream} {name} {field}: {found[name][field]!r} is not {value!r}"


def _is_same(found: object, expected: object) -> bool:
    return type(found) is type(expected) and found == expected


def _row_of(row: StreamRow, one: Row) -> Row:
    unknown = {name: value for name, value in one.items() if name not in row.fields}
    known = {name: _value(kind, one.get(name)) for name, kind in row.fields.items()}
    return {**known, "_unknown": _compact(unknown) if unknown else None}


def _value(kind: FieldType, value: Any) -> object:
    if value is None:
        return None
    if kind is FieldType.TIME:
        return dt.datetime.fromtimestamp(value, dt.UTC)
    if kind is FieldType.JSON:
        return _compact(value)
    return float(value) if kind is FieldType.NUMBER else value


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
