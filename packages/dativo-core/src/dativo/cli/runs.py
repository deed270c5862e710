"""``dativo runs``: the history of a project; no plugin and no job file is needed for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dativo.cli import _complete as complete
from dativo.cli._commands import Command, Group
from dativo.cli._edge import Answer, answer
from dativo.cli._options import Debug, Json, Verbose, help_if_alone
from dativo.cli._session import Options

if TYPE_CHECKING:
    from dativo.state import RunEntry

__all__ = ["app"]

app = typer.Typer(cls=Group, add_completion=False)

Folder = Annotated[
    Path,
    typer.Option(
        "--folder",
        metavar="PATH",
        help="The folder of the job files; the history lies in its .dativo.",
    ),
]
OfConfig = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="PATH",
        help="Only runs of this job file; its folder is looked into.",
        autocompletion=complete.job_files,
    ),
]
OfJob = Annotated[str | None, typer.Option("--job", metavar="NAME", help="Only runs of this job.")]
Limit = Annotated[
    int, typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many, the newest.")
]
RunId = Annotated[
    str, typer.Argument(metavar="RUN_ID", help="The run; the beginning of its id is enough.")
]


@app.callback(invoke_without_command=True)
def runs(ctx: typer.Context) -> None:
    """See what ran, how it ended, and what each run published."""
    help_if_alone(ctx)


@app.command("list", cls=Command)
def list_(
    *,
    config: OfConfig = None,
    job: OfJob = None,
    folder: Folder = Path(),
    limit: Limit = 20,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """List the newest runs; one that was killed shows as crashed."""
    options = Options(json=json, verbose=verbose, debug=debug)
    return answer(options, lambda _: _list(folder, config, job=job, limit=limit))


def _list(folder: Path, config: Path | None, *, job: str | None, limit: int) -> Answer:
    from dativo.cli._render_runs import show_runs  # needs the state's values
    from dativo.state import read_runs  # as above

    if config is not None:
        folder, job = _place(config, job)
    found: tuple[RunEntry, ...] = read_runs(folder / ".dativo", job=job, limit=limit)
    document = {"ok": True, "runs": [run.to_dict() for run in found]}
    return Answer(document=document, show=lambda page: show_runs(page, found))


@app.command(cls=Command)
def show(
    *,
    run_id: RunId,
    folder: Folder = Path(),
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Show one run: its streams with their errors, and each commit with its checkpoint."""
    options = Options(json=json, verbose=verbose, debug=debug)
    return answer(options, lambda _: _show(folder, run_id))


def _show(folder: Path, run_id: str) -> Answer:
    from dativo.cli._render_runs import show_run_detail  # needs the state's values
    from dativo.state import read_run  # as above

    found = read_run(folder / ".dativo", run_id)
    document = {"ok": True, **found.to_dict()}
    return Answer(document=document, show=lambda page: show_run_detail(page, found))


def _place(config: Path, job: str | None) -> tuple[Path, str]:
    from dativo.config import load_job  # knows YAML and all settings
    from dativo.errors import UsageError  # beside its only use

    if job is not None:
        raise UsageError("--config and --job name the same thing", fix="Use one of them.")
    loaded = load_job(config)
    return loaded.folder, loaded.name
