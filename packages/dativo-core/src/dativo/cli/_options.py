"""The options that commands share, as types of their parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dativo.cli import _complete as complete

__all__ = [
    "AllowDuplicates",
    "Config",
    "Debug",
    "From",
    "FullRefresh",
    "Json",
    "Patterns",
    "Set",
    "Streams",
    "To",
    "Verbose",
    "help_if_alone",
]

Json = Annotated[
    bool, typer.Option("--json", help="Print exactly one JSON object on standard output.")
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Tell more of what happens on standard error.")
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Also print tracebacks and debug logs (redacted).")
]
Config = Annotated[
    list[Path] | None,
    typer.Option(
        "--config",
        "-c",
        metavar="PATH",
        help="A job file, or a folder of job files; may be given several times. "
        "Without it: job.yaml in the current folder.",
        autocompletion=complete.job_files,
    ),
]
Streams = Annotated[
    list[str] | None,
    typer.Option(
        "--stream",
        "-s",
        metavar="NAME",
        help="Only this stream of the job; may be given several times.",
    ),
]
FullRefresh = Annotated[
    bool,
    typer.Option(
        "--full-refresh",
        help="Read everything anew and exchange it for what is published, in one step.",
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="VALUE",
        help="Read again what has this cursor value or a higher one; the state stays as it is.",
    ),
]
To = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="VALUE",
        help="Read again what has a lower cursor value than this; the state stays as it is.",
    ),
]
AllowDuplicates = Annotated[
    bool,
    typer.Option(
        "--allow-duplicates",
        help="With --from or --to: also for streams that are appended, which doubles records.",
    ),
]
Patterns = Annotated[
    list[str] | None,
    typer.Option(
        "--pattern",
        "-p",
        metavar="PATTERN",
        help="Only streams whose name matches, such as 'public.*'; may be given several times.",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting of the connector, its value as in YAML; may be given several times. "
        "Secrets only as a reference: --set password='${env:PGPASSWORD}'.",
    ),
]


def help_if_alone(ctx: typer.Context) -> None:
    """Show the help of a group that was called without a command; that is a wrong usage."""
    if ctx.invoked_subcommand is None:
        text = ctx.get_help()  # on a terminal it is printed already
        if text:
            typer.echo(text)
        raise typer.Exit(2)
