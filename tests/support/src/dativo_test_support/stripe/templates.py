"""Objects as JSON text, from one template for each kind and a few values for each object.

A hundred thousand objects are then a hundred thousand numbers: their text is made when it is asked
for, in a few microseconds, and looks as Stripe writes it (two spaces, a line for each value).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from json.encoder import encode_basestring
from operator import itemgetter
from typing import TypeVar

__all__ = ["Draw", "Raw", "Template", "encode", "token"]

_T = TypeVar("_T")
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SLOT = re.compile(r'"\{(\w+)\}"|\{(\w+)\}')
_LIST_INDENT = "    "
_CONSTANTS = {None: "null", True: "true", False: "false"}


class Raw(str):
    """A value that is JSON text already."""

    __slots__ = ()


class Draw:
    """A large random number that is used up by choices."""

    __slots__ = ("_left",)

    def __init__(self, number: int) -> None:
        self._left = number

    def number(self, low: int, high: int) -> int:
        """Return a whole number from *low* to *high*, both included."""
        self._left, rest = divmod(self._left, high - low + 1)
        return low + rest

    def pick(self, choices: Sequence[_T]) -> _T:
        self._left, rest = divmod(self._left, len(choices))
        return choices[rest]

    def happens(self, percent: int) -> bool:
        return self.number(1, 100) <= percent


def token(number: int, length: int) -> str:
    """Return the lowest *length* digits of *number*, as letters."""
    digits = []
    for _ in range(length):
        number, rest = divmod(number, 62)
        digits.append(_LETTERS[rest])
    return "".join(digits)


def encode(value: object, indent: str = "") -> str:
    """Return *value* as JSON as it stands behind *indent*."""
    kind = type(value)
    if kind is str:
        return encode_basestring(str(value))
    if kind is int:
        return str(value)
    if value is None or kind is bool:
        return _CONSTANTS[value]  # type: ignore[index]  # it is one of the three
    text = value if isinstance(value, Raw) else json.dumps(value, indent=2, ensure_ascii=False)
    return text.replace("\n", "\n" + indent) if indent and "\n" in text else str(text)


class Template:
    """A shape whose strings may hold `{slot}`; alone in its string, the slot takes any value."""

    def __init__(self, shape: Mapping[str, object]) -> None:
        text = json.dumps(shape, indent=2, ensure_ascii=False)
        self._plain = _Format(text)
        self._listed = _Format(text.replace("\n", "\n" + _LIST_INDENT))
        self.direct = frozenset(field for field, value in shape.items() if value == f"{{{field}}}")
        """The fields whose value is the slot of their name."""

    def render(self, values: Mapping[str, object], *, listed: bool = False) -> str:
        """Return the object as text; *listed* as it stands in the data of a list."""
        return (self._listed if listed else self._plain).fill(values)


class _Format:
    """Text with slots; each slot is filled in as JSON, or as it is within a string."""

    def __init__(self, text: str) -> None:
        parts, end, order = [], 0, []
        slots: dict[tuple[str, str | None], int] = {}
        for found in _SLOT.finditer(text):
            line = text[text.rfind("\n", 0, found.start()) + 1 :]
            indent = line[: len(line) - len(line.lstrip(" "))]
            slot = (found[1], indent) if found[1] else (found[2], None)
            order.append(slots.setdefault(slot, len(slots)))
            parts += [text[end : found.start()].replace("%", "%%"), "%s"]
            end = found.end()
        self._slots = tuple(slots)
        self._ordered: Callable[[list[object]], tuple[object, ...]] = itemgetter(*order)
        self._text = "".join([*parts, text[end:].replace("%", "%%")])

    def fill(self, values: Mapping[str, object]) -> str:
        filled: list[object] = []
        for name, indent in self._slots:
            value = values[name]
            if type(value) is int or indent is None:
                filled.append(value)
            elif type(value) is str:
                filled.append(encode_basestring(value))
            else:
                filled.append(encode(value, indent))
        return self._text % self._ordered(filled)
