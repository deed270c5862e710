"""``dativo plan``: what a run would do, and what it promises; nothing is moved."""

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
def plan(
    *,
    config: Config = None,
    stream: Streams = None,
    full_refresh: FullRefresh = False,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Show what a run would do for each stream, and what it promises; nothing is moved.

    Says where it would begin, about how much it would read and write, and the guarantee with
    what that rests on. Nothing is claimed, locked or made. The exit code is 0 if a run would begin.
    """
    work = functools.partial(_plan, streams=tuple(stream or ()), full_refresh=full_refresh)

    def action(session: Session) -> Answer:
        return each_job(session, config, functools.partial(work, session))

    return answer(Options(json=json, verbose=verbose, debug=debug), action, loads_plugins=True)


def _plan(session: Session, job: Job, *, streams: tuple[str, ...], full_refresh: bool) -> Outcome:
    from dativo import engine  # loads all that a run needs
    from dativo.cli._render_events import tell_messages  # as above
    from dativo.cli._render_plan import show_plan  # as above
    from dativo.cli._signals import stoppable  # as above

    with stoppable(session.say, leave=session.leave):
        report = engine.plan(
            job, streams=streams, full_refresh=full_refresh, observer=tell_messages(session)
        )
    return Outcome(
        document=report.to_dict(),
        error=report.error,
        show=lambda session: show_plan(session.page, session.notes, report),
    )
