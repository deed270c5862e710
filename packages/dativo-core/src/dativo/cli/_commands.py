"""Commands that start quickly.

Typer loads pydantic, a third of a second, to convert the value of an option that is not given and
has no default. The one such option that every command has is ``--help``; here it has a default.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption

__all__ = ["Command", "Group"]


class Command(TyperCommand):
    """A command."""

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
