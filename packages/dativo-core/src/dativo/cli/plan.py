"""``dativo plan``: what a run would do, and what it promises; nothing is moved."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from dativo.cli._commands import Command
from dativo.cli._edge import Answer, answer
from dativo.cli._jobs import Outcome, each_job
from dativo.cli._options import (
    AllowDuplicates,
    Config,
    Debug,
    From,
    FullRefresh,
    Json,
    Streams,
    To,
    Verbose,
)
from dativo.cli._session import Options, Session

if TYPE_CHECKING:
    from dativo.config import Job
    from dativo.engine import Observer, PlanReport

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command(cls=Command)
def plan(
    *,
    config: Config = None,
    stream: Streams = None,
    full_refresh: FullRefresh = False,
    from_value: From = None,
    to_value: To = None,
    allow_duplicates: AllowDuplicates = False,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Show what a run would do for each stream, and what it promises; nothing is moved.

    Says where it would begin, about how much it would read and write, and the guarantee with
    what that rests on. Nothing is claimed, locked or made. The exit code is 0 if a run would begin.
    """

    def look(job: Job, observer: Observer) -> PlanReport:
        from dativo import engine  # loads all that a run needs

        return engine.plan(
            job,
            streams=tuple(stream or ()),
            full_refresh=full_refresh,
            lower=from_value,
            upper=to_value,
            allow_duplicates=allow_duplicates,
            observer=observer,
        )

    def action(session: Session) -> Answer:
        return each_job(session, config, functools.partial(_plan, session, look=look))

    return answer(Options(json=json, verbose=verbose, debug=debug), action, loads_plugins=True)


def _plan(session: Session, job: Job, *, look: Callable[[Job, Observer], PlanReport]) -> Outcome:
    from dativo.cli._render_events import tell_messages  # loads all that a run needs
    from dativo.cli._render_plan import show_plan  # as above
    from dativo.cli._signals import stoppable  # as above

    with stoppable(session.say, leave=session.leave):
        report = look(job, tell_messages(session))
    return Outcome(
        document=report.to_dict(),
        error=report.error,
        show=lambda session: show_plan(session.page, session.notes, report),
    )
