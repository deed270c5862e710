"""`expand`: the objects themselves in place of their ids."""

from __future__ import annotations

import json
from collections.abc import Callable

import attrs

from dativo_test_support.stripe.errors import Refusal, bad_request
from dativo_test_support.stripe.kinds import KINDS, Kind
from dativo_test_support.stripe.store import Store

__all__ = ["Expander"]

_DEEPEST = 4


@attrs.frozen
class Expander:
    """Puts objects in the place of ids; `allow` refuses kinds that the key may not read."""

    store: Store
    allow: Callable[[Kind], None]

    def expand(self, value: object, path: str) -> None:
        """Expand what is at *path* of *value*, such as `data.customer`.

        Raises:
            Refusal: There is nothing to expand, or the key may not read it.
        """
        names = path.split(".")
        if len(names) - (names[0] == "data") > _DEEPEST:
            message = f"You cannot expand more than {_DEEPEST} levels of a property."
            raise bad_request(message, "expand")
        self._walk(value, names, path)

    def _walk(self, value: object, names: list[str], path: str) -> None:
        if isinstance(value, list):
            for one in value:
                self._walk(one, names, path)
        if not isinstance(value, dict) or not names:
            return
        name, rest = names[0], names[1:]
        kind = KINDS.get(str(value.get("object")))
        if kind is not None and name in kind.expands and name in value:
            value[name] = self._object(value[name])
        elif kind is KINDS["charge"] and name == "refunds":
            value[name] = self._refunds(value["id"])
        elif not rest or name not in value:
            raise _cannot(path)
        self._walk(value[name], rest, path)

    def _object(self, key: object) -> object:
        """Return the object; the id itself if there is none in the fake."""
        record = self.store.find(key) if isinstance(key, str) else None
        if record is None:
            return key
        self.allow(record.kind)
        return json.loads(record.text(self.store.embedded))

    def _refunds(self, charge: str) -> object:
        self.allow(KINDS["refund"])
        data = [
            json.loads(record.text(self.store.embedded))
            for record in reversed(self.store.records(KINDS["refund"]))
            if record.value("charge", self.store.embedded) == charge
        ]
        url = f"/v1/charges/{charge}/refunds"
        return {"object": "list", "data": data, "has_more": False, "url": url}


def _cannot(path: str) -> Refusal:
    return bad_request(f"This property cannot be expanded ({path}).", "expand")
