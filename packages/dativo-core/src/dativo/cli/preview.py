"""``dativo preview``: the first records of each stream; nothing is written."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated

import typer

from dativo.cli._commands import Command
from dativo.cli._edge import Answer, answer
from dativo.cli._jobs import Outcome, each_job
from dativo.cli._options import Config, Debug, Json, Streams, Verbose
from dativo.cli._session import Options, Session

if TYPE_CHECKING:
    from dativo.config import Job

__all__ = ["app"]

app = typer.Typer(add_completion=False)

Rows = Annotated[
    int,
    typer.Option("--rows", "-n", min=1, max=1000, metavar="N", help="At most so many of each."),
]


@app.command(cls=Command)
def preview(
    *,
    config: Config = None,
    stream: Streams = None,
    rows: Rows = 10,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Show the first records of each stream of a job; nothing is written."""
    work = functools.partial(_preview, streams=tuple(stream or ()), rows=rows)

    def action(session: Session) -> Answer:
        return each_job(session, config, functools.partial(work, session))

    return answer(Options(json=json, verbose=verbose, debug=debug), action, loads_plugins=True)


def _preview(session: Session, job: Job, *, streams: tuple[str, ...], rows: int) -> Outcome:
    from dativo import engine  # loads all that a run needs
    from dativo.cli._render_events import tell_messages  # as above
    from dativo.cli._render_preview import show_preview  # as above
    from dativo.cli._signals import stoppable  # as above

    with stoppable(session.say, leave=session.leave):
        result = engine.preview(job, rows=rows, streams=streams, observer=tell_messages(session))
    return Outcome(
        document=result.to_dict(),
        error=result.error,
        show=lambda session: show_preview(session.page, session.notes, result),
    )
