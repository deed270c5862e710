"""``dativo schema``: JSON Schemas for editors."""

from __future__ import annotations

import json as json_library
from collections.abc import Mapping
from typing import Any

import typer

from dativo.cli._commands import Command, Group
from dativo.cli._edge import Answer, answer
from dativo.cli._options import Debug, Json, Verbose, help_if_alone
from dativo.cli._session import Options, Session

__all__ = ["app"]

app = typer.Typer(cls=Group, add_completion=False)


@app.callback(invoke_without_command=True)
def schema(ctx: typer.Context) -> None:
    """Print JSON Schemas for editors."""
    help_if_alone(ctx)


@app.command("job", cls=Command)
def schema_job(*, json: Json = False, verbose: Verbose = False, debug: Debug = False) -> int:
    """Print the JSON Schema of job files, with the settings of the installed plugins.

    An editor checks a job file against it as you type; the plugins are not loaded.
    """
    options = Options(json=json, verbose=verbose, debug=debug)
    return answer(options, _job)


def _job(session: Session) -> Answer:
    from dativo.config import job_schema  # knows all settings
    from dativo.plugins import list_plugins  # reads the metadata

    roles: dict[str, dict[str, Any]] = {}
    extensions: dict[str, Mapping[str, Any]] = {}
    for entry in list_plugins():
        if not entry.is_usable or entry.manifest is None:
            continue
        if entry.manifest.extension is not None:
            extensions[entry.name] = entry.manifest.extension
        else:
            about = entry.manifest.roles.items()
            roles[entry.name] = {role.value: says for role, says in about}
    schema = job_schema(roles, extensions)
    text = json_library.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return Answer(document={"ok": True, "schema": schema}, show=lambda _: _print(session, text))


def _print(session: Session, text: str) -> None:
    session.out.write(text)
