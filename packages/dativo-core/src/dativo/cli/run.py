"""``dativo run``: move what a job says, once."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import typer

from dativo.cli._commands import Command
from dativo.cli._edge import Answer, answer
from dativo.cli._jobs import Outcome, each_job
from dativo.cli._options import Config, Debug, FullRefresh, Json, Streams, Verbose
from dativo.cli._session import Options, Session

if TYPE_CHECKING:
    from dativo.config import Job

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command(cls=Command)
def run(
    *,
    config: Config = None,
    stream: Streams = None,
    full_refresh: FullRefresh = False,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Move the streams of a job from its source to its writer, once.

    Ctrl-C or SIGTERM stops it: committed work is kept, and the next run continues there.
    A second signal stops it at once.
    """
    options = Options(json=json, verbose=verbose, debug=debug)
    work = functools.partial(_run, streams=tuple(stream or ()), full_refresh=full_refresh)

    def action(session: Session) -> Answer:
        return each_job(session, config, functools.partial(work, session))

    return answer(options, action, loads_plugins=True)


def _run(session: Session, job: Job, *, streams: tuple[str, ...], full_refresh: bool) -> Outcome:
    from dativo import engine  # loads all that a run needs
    from dativo.cli._progress import open_progress  # as above
    from dativo.cli._render_run import show_run  # as above
    from dativo.cli._signals import stoppable  # as above

    cancellation = engine.Cancellation()
    with (
        open_progress(session) as progress,
        stoppable(session.say, cancellation.cancel, leave=session.leave),
    ):
        result = engine.run(
            job,
            streams=streams,
            full_refresh=full_refresh,
            observer=progress,
            cancellation=cancellation,
        )
    return Outcome(
        document=result.to_dict(),
        error=result.error,
        show=lambda session: show_run(session.page, session.notes, result),
    )
