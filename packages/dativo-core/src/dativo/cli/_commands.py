"""Commands that start quickly.

Typer loads pydantic, as long as all else that it needs, to convert the value of any option but a
flag, even of one that is not given. Here texts, paths and what is not given stay as they are, and
``--help`` is off by default.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption

__all__ = ["Command", "Group"]

_FULL = "process_value"
"""The method of a parameter that converts what was given."""


class Command(TyperCommand):
    """A command."""

    def __init__(self, name: str | None, **more: Any) -> None:
        super().__init__(name, **more)
        for param in self.params:
            # What another version of typer does not have stays as it is, and only costs time.
            told, full = (getattr(param, name, None) for name in ("type_descriptor", _FULL))
            if told is not None and full is not None:
                setattr(param, _FULL, functools.partial(_processed, param, full))

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        """Return ``--help``, which is off by default."""
        return _off(super().get_help_option(ctx))


class Group(TyperGroup):
    """A command that has commands."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        """Return ``--help``, which is off by default."""
        return _off(super().get_help_option(ctx))


def _off(option: TyperOption | None) -> TyperOption | None:
    if option is not None:
        option.default = False
    return option


def _processed(param: Any, full: Callable[[Any, Any], Any], ctx: Any, value: Any) -> Any:
    """Return what *full*, typer's own way, makes of *value*, without it where that is simple."""
    told = param.type_descriptor
    if param.callback is not None or told.parameter_info.parser is not None:
        return full(ctx, value)
    if value is None and not param.required:
        return () if param.multiple or param.nargs == -1 else None
    if told.annotation in _MADE and value:
        return _MADE[told.annotation](value)
    if type(value) is told.annotation and value == param.default:
        return value
    return full(ctx, value)


_MADE: dict[object, Callable[[Any], Any]] = {
    str: str,
    list[str]: list,
    Path: Path,
    list[Path]: lambda given: [Path(one) for one in given],
}
"""How to make what a parameter is annotated with; of a path nothing is checked."""
