"""Where in settings there are secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from dativo.contract import Secret

__all__ = ["secrets_in"]


def secrets_in(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and text of each secret in *value*: settings, or a part of some."""
    if isinstance(value, Secret):
        yield path, value.reveal()
        return
    items: Iterator[tuple[object, object]] = iter(())
    if attrs.has(type(value)):
        items = ((field.name, getattr(value, field.name)) for field in attrs.fields(type(value)))
    elif isinstance(value, Mapping):
        items = iter(value.items())
    elif isinstance(value, tuple | list):
        items = iter(enumerate(value))
    for name, item in items:
        yield from secrets_in(item, f"{path}.{name}" if path else str(name))
