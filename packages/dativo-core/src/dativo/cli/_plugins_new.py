"""``dativo plugins new``: a distribution with a connector that works."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dativo.cli._edge import Answer, answer
from dativo.cli._options import Debug, Json, Verbose
from dativo.cli._session import Options

if TYPE_CHECKING:
    from dativo.cli._render import Page
    from dativo.scaffold import NewProject

__all__ = ["new"]


class _Kind(StrEnum):
    """The kinds of connectors, as an option; what knows them is loaded when it is needed."""

    SOURCE = "source"
    WRITER = "writer"


Name = Annotated[
    str, typer.Argument(metavar="NAME", help="How job files will address it, such as acme-crm.")
]
KindOption = Annotated[_Kind, typer.Option("--kind", "-k", help="What it is to be.")]
Target = Annotated[
    Path | None,
    typer.Option(
        "--path",
        metavar="DIR",
        help="The project's folder; without it, one with the distribution's name.",
    ),
]
Source = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="FILE.py[:Object]",
        help="Make the distribution of this local connector; the file is loaded to describe it.",
    ),
]


def new(
    *,
    name: Name,
    kind: KindOption,
    path: Target = None,
    source: Source = None,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Write a distribution with a connector that installs, passes the kit and runs as it is.

    It comes from a template to be changed, or from a local file that a job has named so far.
    Nothing is overwritten.
    """
    options = Options(json=json, verbose=verbose, debug=debug)
    return answer(options, lambda _: _new(name, kind, path, source or ""))


def _new(name: str, kind: _Kind, path: Path | None, source: str) -> Answer:
    from dativo.scaffold import Kind, names_of, new_project  # reads the metadata

    names = names_of(name, Kind(kind.value))
    made = new_project(names, folder=path, source=source)
    return Answer(document=_document(made), show=lambda page: _show(page, made))


def _document(made: NewProject) -> dict[str, object]:
    return {
        "ok": True,
        "name": made.names.name,
        "kind": made.names.kind.value,
        "distribution": made.names.distribution,
        "path": str(made.folder),
        "files": list(made.files),
        "todo": list(made.todo),
        "next": _next(made),
    }


def _next(made: NewProject) -> list[str]:
    return [
        f"cd {shlex.quote(str(made.folder))}",
        "pip install --editable . --group dev",
        "dativo plugins list",
        "pytest",
    ]


def _show(page: Page, made: NewProject) -> None:
    page.line((str(made.folder), "name"), f" written: {made.names.distribution}")
    for file in made.files:
        page.line(file, indent=2)
    for text in made.todo:
        page.line(("to do: ", "warn"), text)
    for step in _next(made):
        page.line(("next: ", "dim"), step)
