"""``dativo check``: try everything that a run needs, and change nothing."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

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


@app.command(cls=Command)
def check(
    *,
    config: Config = None,
    stream: Streams = None,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Try everything that a job needs, and change nothing.

    Connects to the source and the writer and gives one verdict for each thing that must work:
    host, login, every stream, the target. Each failure comes with its fix.
    """
    options = Options(json=json, verbose=verbose, debug=debug)
    streams = tuple(stream or ())

    def action(session: Session) -> Answer:
        return each_job(session, config, functools.partial(_check, session, streams))

    return answer(options, action, loads_plugins=True)


def _check(session: Session, streams: tuple[str, ...], job: Job) -> Outcome:
    from dativo import engine  # loads all that a run needs
    from dativo.cli._render_check import show_check  # as above
    from dativo.cli._render_events import tell_messages  # as above
    from dativo.cli._signals import stoppable  # as above

    with stoppable(session.say, leave=session.leave):
        report = engine.check(job, streams=streams, observer=tell_messages(session))
    return Outcome(
        document=report.to_dict(),
        error=report.error,
        show=lambda session: show_check(session.page, report),
    )
