"""Paths into JSON: ``$``, ``data.items``, ``a["x.y"]``, ``pages[0]``."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs
import msgspec

__all__ = ["Path", "look_up", "parse_path"]

_STEP = re.compile(
    r"""(?:^|\.)(?P<name>[^.\[\]"'$]+)|\[(?P<index>[0-9]+)\]|\[(?P<q>["'])(?P<key>.+?)(?P=q)\]"""
)

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


@attrs.frozen
class Path:
    """The steps from the root to a value: keys of objects and places in lists, from 0."""

    text: str
    steps: tuple[str | int, ...]


def parse_path(text: str) -> Path:
    """Read a path; ``$`` and the empty text are the root.

    Raises:
        ValueError: It is none.
    """
    rest = text.removeprefix("$").removeprefix(".")
    steps: list[str | int] = []
    position = 0
    while position < len(rest):
        step = _STEP.match(rest, position)
        if step is None or step.end() == position:
            msg = f"no path: {text!r}; write it as data.items, pages[0] or a['x.y']"
            raise ValueError(msg)
        index = step["index"]
        steps.append(int(index) if index is not None else step["name"] or step["key"])
        position = step.end()
    return Path(text or "$", tuple(steps))


def look_up(document: bytes | msgspec.Raw, path: Path) -> msgspec.Raw | None:
    """Return the value at *path* as it is written, ``None`` if there is none."""
    value = document if isinstance(document, msgspec.Raw) else msgspec.Raw(document)
    for step in path.steps:
        found = _item(value, step) if isinstance(step, int) else _member(value, step)
        if found is None:
            return None
        value = found
    return value


def _member(value: msgspec.Raw, name: str) -> msgspec.Raw | None:
    try:
        return _decode_object(value).get(name)
    except msgspec.ValidationError:
        return None


def _item(value: msgspec.Raw, index: int) -> msgspec.Raw | None:
    try:
        items: Sequence[msgspec.Raw] = _decode_list(value)
    except msgspec.ValidationError:
        return None
    return items[index] if index < len(items) else None
