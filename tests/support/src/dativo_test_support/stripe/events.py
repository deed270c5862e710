"""Events: what the account tells of changes, with the object as it was then."""

from __future__ import annotations

import json
from collections.abc import Mapping

from dativo_test_support.stripe.records import Record
from dativo_test_support.stripe.store import Store
from dativo_test_support.stripe.templates import Raw

__all__ = ["changes", "event_fields"]


def event_fields(
    store: Store,
    record: Record,
    event_type: str,
    *,
    api_version: str,
    previous: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Return the fields of an event of *event_type* about *record* as it is now."""
    body = record.text(store.embedded).replace("\n", "\n  ")
    parts = [f'  "object": {body}']
    if previous is not None:
        text = json.dumps(previous, indent=2, ensure_ascii=False).replace("\n", "\n  ")
        parts.append(f'  "previous_attributes": {text}')
    return {
        "api_version": api_version,
        "data": Raw("{\n" + ",\n".join(parts) + "\n}"),
        "type": event_type,
    }


def changes(store: Store, old: Record, names: Mapping[str, object]) -> dict[str, object]:
    """Return the values that *old* had of the fields in *names*; a list object as its ids."""
    before = json.loads(old.text(store.embedded))
    return {name: before.get(name) for name in names}
