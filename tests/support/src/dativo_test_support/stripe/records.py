"""One object of the fake: a number from which its values follow, and what it was given besides."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import attrs

from dativo_test_support.stripe.kinds import Kind
from dativo_test_support.stripe.templates import Raw, encode

__all__ = ["ABSENT", "Embedded", "Record", "follow"]

ABSENT = Raw("")
"""The value of a field that the object lacks."""

Embedded = Callable[["Record"], Raw]
_METADATA = tuple(
    Raw(encode(value)) for value in ({}, {}, {"order_id": "6735"}, {"größe": "M, 50 %"})
)


@attrs.define(eq=False)
class Record:
    """Values that never change; an update makes another one in its place.

    Attributes:
        kind: Its kind.
        id: Its id.
        created: When it was made, in seconds since 1970.
        sequence: Counts all records, so that two of the same second have an order.
        number: What its values follow from.
        given: Fields that have a value of their own.
        visible_from: It is in no answer before this second.
        livemode: Whether it is a live one.
    """

    kind: Kind
    id: str
    created: int
    sequence: int
    number: int
    given: Mapping[str, object]
    livemode: bool
    visible_from: int = 0
    _text: str | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in a list: the newest has the largest."""
        return self.created, self.sequence

    def text(self, embedded: Embedded, *, listed: bool = False) -> str:
        """Return it as JSON; *listed* as it stands in the data of a list."""
        template = self.kind.template
        if self.given.keys() <= template.direct and not self._lacks_fields:
            return template.render(self._values(embedded), listed=listed)
        if self._text is None:
            fields = json.loads(template.render(self._values(embedded)))
            more = {name: self.given[name] for name in self.given.keys() - template.direct}
            fields.update(more)
            kept = {name: fields[name] for name in fields if self.given.get(name) is not ABSENT}
            if self.kind.embeds and self.kind.embeds not in self.given:
                kept[self.kind.embeds] = "{embedded}"
            self._text = encode(kept)
        text = self._text
        if self.kind.embeds:
            children = encode(embedded(self), "  ")
            text = text.replace('"{embedded}"', children, 1)
        return text.replace("\n", "\n    ") if listed else text

    def value(self, path: str, embedded: Embedded) -> object:
        """Return the value at *path*, such as `recurring.interval`; ``None`` if there is none."""
        top = path.split(".", 1)[0]
        if top in self.given:
            fields: object = self.given
        elif top in self.kind.template.direct and top != self.kind.embeds:
            fields = self._values(None)
        else:
            fields = json.loads(self.text(embedded))
        return follow(fields, path)

    @property
    def _lacks_fields(self) -> bool:
        return any(value is ABSENT for value in self.given.values())

    def _values(self, embedded: Embedded | None) -> dict[str, object]:
        suffix = self.id.removeprefix(self.kind.prefix)
        values: dict[str, object] = {
            "metadata": _METADATA[self.number % len(_METADATA)],
            **self.kind.draw(self.number, suffix, self.created),
            "id": self.id,
            "created": self.created,
            "livemode": self.livemode,
        }
        direct = self.kind.template.direct
        values.update(
            (name, value)
            for name, value in self.given.items()
            if name in direct and value is not ABSENT
        )
        if embedded is not None and self.kind.embeds and self.kind.embeds not in self.given:
            values[self.kind.embeds] = embedded(self)
        return values


def follow(value: object, path: str) -> object:
    """Return what is found in *value* at *path*; ``None`` if it is not there."""
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value
