"""``dativo schema``: JSON Schemas for editors."""

from __future__ import annotations

import json as json_library

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
    """Print the JSON Schema of job files, with the settings of the installed connectors.

    An editor checks a job file against it as you type; the connectors are not loaded.
    """
    options = Options(json=json, verbose=verbose, debug=debug)
    return answer(options, _job)


def _job(session: Session) -> Answer:
    from dativo.config import job_schema  # knows all settings
    from dativo.plugins import list_plugins  # reads the metadata

    usable = (entry for entry in list_plugins() if entry.kind == "connector" and entry.is_usable)
    roles = {
        entry.name: {role.value: about for role, about in entry.manifest.roles.items()}
        for entry in usable
        if entry.manifest is not None
    }
    schema = job_schema(roles)
    text = json_library.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return Answer(document={"ok": True, "schema": schema}, show=lambda _: _print(session, text))


def _print(session: Session, text: str) -> None:
    session.out.write(text)
