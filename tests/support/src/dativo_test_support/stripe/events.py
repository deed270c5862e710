"""Events: what the account tells of changes, with the object as it was then."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import attrs

from dativo_test_support.stripe.clock import Clock
from dativo_test_support.stripe.records import Record
from dativo_test_support.stripe.store import Store
from dativo_test_support.stripe.templates import Raw, encode

__all__ = ["Events"]


@attrs.define
class Events:
    """Writes events into a store.

    Attributes:
        store: Where they go.
        clock: When they are.
        make: Makes a record of an event from its fields and its second.
        api_version: The version of the account, in which payloads are said to be written.
    """

    store: Store
    clock: Clock
    make: Callable[[Mapping[str, object], int], Record]
    api_version: str

    def tell(
        self,
        record: Record,
        event_type: str,
        *,
        previous: Mapping[str, object] | None = None,
        moment: int | None = None,
    ) -> None:
        """Write an event of *event_type* about *record* as it is now."""
        parts = [f'  "object": {encode(Raw(record.text(self.store.embedded)), "  ")}']
        if previous is not None:
            parts.append(f'  "previous_attributes": {encode(previous, "  ")}')
        fields = {
            "api_version": self.api_version,
            "data": Raw("{\n" + ",\n".join(parts) + "\n}"),
            "type": event_type,
        }
        self.store.add([self.make(fields, self.clock.now if moment is None else moment)])

    def before(self, record: Record, names: Mapping[str, object]) -> dict[str, object]:
        """Return the values that *record* has of the fields in *names*, before they change."""
        fields = json.loads(record.text(self.store.embedded))
        return {name: fields.get(name) for name in names}

    def siblings(self, child: Record) -> dict[str, object]:
        """Return what the parent of *child* embeds, before that changes."""
        parent = self._parent(child)
        if parent is None or parent.kind.child != child.kind.name:
            return {}
        data = json.loads(self.store.embedded(parent))["data"]
        return {parent.kind.embeds: {"data": data}}

    def tell_of_parent(self, child: Record, previous: Mapping[str, object]) -> None:
        """Write that the parent of *child* has changed, as children have no events."""
        parent = self._parent(child)
        if parent is not None and parent.kind.child == child.kind.name:
            self.tell(parent, parent.kind.updated_event, previous=previous)

    def _parent(self, child: Record) -> Record | None:
        key = child.given.get(child.kind.parent)
        return self.store.find(key) if isinstance(key, str) else None
