"""``dativo plugins``: what is installed, and what it says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dativo.cli import _complete as complete
from dativo.cli._commands import Command, Group
from dativo.cli._edge import Answer, answer
from dativo.cli._options import Debug, Json, Verbose, help_if_alone
from dativo.cli._plugins_doctor import doctor
from dativo.cli._plugins_new import new
from dativo.cli._plugins_verify import verify
from dativo.cli._session import Options, Session

if TYPE_CHECKING:
    from dativo.cli._render import Page
    from dativo.contract import Manifest
    from dativo.plugins import PluginEntry

__all__ = ["app"]

app = typer.Typer(cls=Group, add_completion=False)
app.command(cls=Command)(new)
app.command(cls=Command)(doctor)
app.command(cls=Command)(verify)

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The plugin's address.", autocompletion=complete.plugins),
]
Write = Annotated[
    bool, typer.Option("--write", help="Write the file dativo.json beside the pyproject.toml.")
]
Target = Annotated[
    Path | None,
    typer.Option("--path", metavar="FILE", help="With --write: write this file instead."),
]


@app.callback(invoke_without_command=True)
def plugins(ctx: typer.Context) -> None:
    """See which plugins are installed, and what each can do."""
    help_if_alone(ctx)


@app.command("list", cls=Command)
def list_(*, json: Json = False, verbose: Verbose = False, debug: Debug = False) -> int:
    """List the installed plugins with a verdict for each; none is loaded.

    A broken plugin is listed with what is wrong and the command that mends it.
    """
    options = Options(json=json, verbose=verbose, debug=debug)
    return answer(options, _list)


def _list(_: Session) -> Answer:
    from dativo.cli._render_plugins import show_plugins  # needs the contract
    from dativo.plugins import list_plugins  # reads the metadata

    entries = list_plugins()
    document = {"ok": True, "plugins": [_document(entry) for entry in entries]}
    return Answer(document=document, show=lambda page: show_plugins(page, entries))


@app.command(cls=Command)
def show(*, name: Name, json: Json = False, verbose: Verbose = False, debug: Debug = False) -> int:
    """Show what a plugin can do and its settings, as its manifest says; it is not loaded."""
    options = Options(json=json, verbose=verbose, debug=debug)
    return answer(options, lambda _: _show(name))


def _show(name: str) -> Answer:
    from dativo.cli._render_plugins import show_plugin  # needs the contract
    from dativo.plugins import find_plugin, list_plugins  # reads metadata

    entries = [entry for entry in list_plugins() if entry.name == name]
    entries = entries or [find_plugin(name)]  # raises, and knows what is near
    documents = [{**_document(entry), "manifest": _manifest(entry.manifest)} for entry in entries]
    document = documents[0] if len(documents) == 1 else {"plugins": documents}

    def show_all(page: Page) -> None:
        for entry in entries:
            show_plugin(page, entry)

    return Answer(document={"ok": True, **document}, show=show_all)


@app.command(cls=Command)
def manifest(
    *,
    name: Name,
    write: Write = False,
    path: Target = None,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Make a plugin's manifest from its code; this loads the plugin.

    Ship the file with the wheel, so that the plugin can be listed without being loaded.
    """
    options = Options(json=json, verbose=verbose, debug=debug)

    def action(session: Session) -> Answer:
        return _make(session, name, write=write, path=path)

    return answer(options, action, loads_plugins=True)


def _make(session: Session, name: str, *, write: bool, path: Path | None) -> Answer:
    from dativo.errors import UsageError  # as below
    from dativo.plugins import (  # reads the metadata
        build_extension_manifest,
        build_manifest,
        find_distribution,
        find_plugin,
        manifest_path,
        write_manifest,
    )

    if path is not None and not write:
        raise UsageError("--path needs --write", fix="See `dativo plugins manifest --help`.")
    kind = find_plugin(name, manifest=False).kind
    made = {"connector": build_manifest, "extension": build_extension_manifest}[kind](name)
    document: dict[str, object] = {"ok": True, "manifest": _manifest(made)}
    if not write:
        return Answer(document=document, show=lambda _: _print(session, made))
    file = write_manifest(made, path or manifest_path(find_distribution(name)))
    done = "is up to date" if file.is_current else "written"
    document |= {"path": str(file.path), "changed": not file.is_current}
    return Answer(document=document, show=lambda page: page.line(f"{file.path} {done}"))


def _print(session: Session, made: Manifest) -> None:
    session.out.write(made.to_json())


def _manifest(made: Manifest | None) -> object:
    import json  # the name is taken by an option

    return None if made is None else json.loads(made.to_json())


def _document(entry: PluginEntry) -> dict[str, object]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "roles": [role.value for role in entry.roles],
        "distribution": entry.distribution,
        "version": entry.version,
        "contract": entry.manifest.contract if entry.manifest else str(entry.major),
        "group": entry.group,
        "value": entry.value,
        "verdict": entry.verdict.value,
        "usable": entry.is_usable,
        "manifest_problem": entry.manifest_problem,
        "problem": entry.problem,
        "fix": entry.fix,
        "duplicates": list(entry.duplicates),
    }
