"""Hooks made of a class of the class style: those for which it has a method of its own."""

from __future__ import annotations

from types import SimpleNamespace

from dativo.plugins._class_style._reader import Reader
from dativo.plugins._class_style._writer import Writer

__all__ = ["hooks_of"]

_BASES = ("BaseReader", "BaseWriter")
_READER = ("check_connection", "discover", "get_total_records_estimate")


def hooks_of(title: str, style: type) -> object:
    """Return an object with the hooks of *style*, a class that reads or writes.

    A method that only the style's base class has does not count: the style's defaults answer
    "success" and "nothing" without having looked. Which base that is, its name tells; it may come
    from anywhere.
    """
    if callable(getattr(style, "extract", None)):
        own = {name for name in _READER if _is_own(style, name)}
        reader = Reader(title, style, discovers="discover" in own)
        hooks = SimpleNamespace(describe=reader.describe, extract=reader.extract)
        if "discover" in own:
            hooks.discover = reader.discover
        if "get_total_records_estimate" in own:
            hooks.plan_read = reader.plan_read
        if "check_connection" in own:
            hooks.check_connection = reader.check_connection
        return hooks
    writer = Writer(title, style)
    hooks = SimpleNamespace(
        describe=writer.describe, write=writer.write, plan_write=writer.plan_write, lock=writer.lock
    )
    if _is_own(style, "check_connection"):
        hooks.check_connection = writer.check_connection
    return hooks


def _is_own(style: type, method: str) -> bool:
    """Whether *method* is there, and not just the style's default."""
    holder = next((base for base in style.__mro__ if method in vars(base)), None)
    return holder is not None and holder.__name__ not in _BASES
