"""The table of commands; the file of a command is imported when the command is used."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from dativo.cli._commands import Group
from dativo.cli._options import help_if_alone

__all__ = ["COMMANDS", "make_app"]

COMMANDS: Mapping[str, str] = {
    name: f"dativo.cli.{name}"
    for name in (
        "init",
        "check",
        "discover",
        "preview",
        "plan",
        "run",
        "runs",
        "state",
        "cat",
        "compact",
        "plugins",
        "schema",
        "errors",
    )
}
"""The commands in the order in which a newcomer needs them, each with its module."""

_COMPLETION_OPTIONS = ("--install-completion", "--show-completion", "--help", "-h")


class _LazyGroup(Group):
    """Knows its commands by name and makes one when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: Any,  # noqa: ARG002 - typer's signature
        cmd_name: str,
    ) -> TyperCommand | TyperGroup | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            for name in COMMANDS:  # the nearest one is suggested from those that were made
                self._make(name)
            return None
        return self._make(cmd_name)

    def _make(self, name: str) -> TyperCommand | TyperGroup:
        if name not in self.commands:
            app: typer.Typer = importlib.import_module(COMMANDS[name]).app
            app.rich_markup_mode = self.rich_markup_mode
            command = get_command(app)
            command.name = name
            self.add_command(command)
        return cast("TyperCommand | TyperGroup", self.commands[name])


Version = Annotated[
    bool, typer.Option("--version", help="Print the version and end.", is_eager=True)
]


def _dativo(ctx: typer.Context, *, version: Version = False) -> None:
    """Move data from any installed source to any installed writer.

    Start with `dativo plugins list` and `dativo init`; then `dativo check`, and `dativo run`.
    """
    if version:  # pragma: no cover - the entry point answers it before typer is imported
        from dativo import __version__  # slow, and seldom asked for

        typer.echo(f"dativo {__version__}")
        raise typer.Exit
    help_if_alone(ctx)


def make_app(arguments: Sequence[str], *, styled: bool) -> TyperGroup:
    """Return the command line's root.

    Args:
        arguments: What the user wrote; shell completion is only set up where it is asked for,
            because its options cost every start a tenth of a second.
        styled: Whether help is for a terminal.
    """
    completes = "_DATIVO_COMPLETE" in os.environ
    mode: Literal["rich"] | None = "rich" if styled else None
    app = typer.Typer(
        cls=_LazyGroup,
        add_completion=completes or any(name in arguments for name in _COMPLETION_OPTIONS),
        context_settings={"help_option_names": ["--help", "-h"]},
        rich_markup_mode=mode,
        pretty_exceptions_enable=False,
    )
    app.callback(invoke_without_command=True)(_dativo)
    return cast("TyperGroup", get_command(app))
