"""What the fake holds: records by id, and in the order of lists."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence

from dativo_test_support.stripe.kinds import KINDS, Kind
from dativo_test_support.stripe.records import Record
from dativo_test_support.stripe.templates import Raw, encode

__all__ = ["Store"]

_EMBEDDED = 10


class Store:
    """Records of all kinds; oldest first in its own lists. Hold `lock` while using them."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.now = 0
        self._by_id: dict[str, Record] = {}
        self._gone: dict[str, Record] = {}
        self._lists: defaultdict[str, list[Record]] = defaultdict(list)
        self._children: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
        self._late: set[str] = set()

    def add(self, records: Iterable[Record]) -> None:
        """Take new records."""
        with self.lock:
            touched: dict[int, list[Record]] = {}
            for record in records:
                self._by_id[record.id] = record
                for held in self._lists_of(record):
                    held.append(record)
                    touched[id(held)] = held
            for held in touched.values():
                held.sort(key=_place)

    def replace(self, record: Record) -> None:
        """Put *record* in the place of the one with its id."""
        with self.lock:
            self.remove(record.id)
            del self._gone[record.id]
            self._by_id[record.id] = record
            for held in self._lists_of(record):
                insort(held, record, key=_place)
            if record.visible_from:
                self._late.add(record.kind.name)

    def remove(self, key: str) -> Record:
        with self.lock:
            record = self._by_id.pop(key)
            self._gone[key] = record
            for held in self._lists_of(record):
                del held[bisect_left(held, record.place, key=_place)]
            return record

    def get(self, key: str) -> Record:
        """Return a record that is there, visible or not."""
        return self._by_id[key]

    def find(self, key: str, kind: Kind | None = None) -> Record | None:
        """Return a visible record, of *kind* if that is given."""
        record = self._by_id.get(key)
        if record is None or kind not in (None, record.kind) or record.visible_from > self.now:
            return None
        return record

    def gone(self, key: str, kind: Kind) -> Record | None:
        """Return a record that was removed."""
        record = self._gone.get(key)
        return record if record is not None and record.kind is kind else None

    def records(self, kind: Kind, parent: str | None = None) -> Sequence[Record]:
        """Return all of a kind, or those of one parent; also those that are not visible yet."""
        if parent is None:
            return self._lists[kind.name]
        return self._children.get((kind.name, parent), [])

    def has_late(self, kind: Kind) -> bool:
        """Say whether there may be some that are not visible yet."""
        return kind.name in self._late

    def embedded(self, record: Record) -> Raw:
        """Return the first children of *record* as a list object."""
        child = KINDS[record.kind.child]
        children = [
            one for one in reversed(self.records(child, record.id)) if one.visible_from <= self.now
        ]
        data = [Raw(one.text(self.embedded)) for one in children[:_EMBEDDED]]
        path = child.path.format(record.id)
        url = path if "{}" in child.path else f"{path}?{child.parent}={record.id}"
        body = ",\n".join("    " + encode(one, "    ") for one in data)
        return Raw(
            '{\n  "object": "list",\n  "data": ['
            + (f"\n{body}\n  " if data else "")
            + f'],\n  "has_more": {encode(len(children) > _EMBEDDED)},\n  "url": "{url}"\n}}'
        )

    def _lists_of(self, record: Record) -> list[list[Record]]:
        parent = record.given.get(record.kind.parent) if record.kind.parent else None
        lists = [self._lists[record.kind.name]]
        if isinstance(parent, str):
            lists.append(self._children[record.kind.name, parent])
        return lists


def _place(record: Record) -> tuple[int, int]:
    return record.place
