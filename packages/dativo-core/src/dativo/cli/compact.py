"""``dativo compact``: rewrite what is published into fewer files."""

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
def compact(
    *,
    config: Config = None,
    stream: Streams = None,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Rewrite what is published into fewer files, in one step, while readers read.

    In merge mode superseded and deleted records go. The state stays as it is. No run of the job
    can be in progress meanwhile.
    """
    work = functools.partial(_compact, streams=tuple(stream or ()))

    def action(session: Session) -> Answer:
        return each_job(session, config, functools.partial(work, session))

    return answer(Options(json=json, verbose=verbose, debug=debug), action, loads_plugins=True)


def _compact(session: Session, job: Job, *, streams: tuple[str, ...]) -> Outcome:
    from dativo import engine  # loads all that a run needs
    from dativo.cli._render_compact import show_compact  # as above
    from dativo.cli._render_events import tell_messages  # as above
    from dativo.cli._signals import stoppable  # as above

    with stoppable(session.say, leave=session.leave):
        report = engine.compact(job, streams=streams, observer=tell_messages(session))
    return Outcome(
        document=report.to_dict(),
        error=report.error,
        show=lambda session: show_compact(session.page, session.notes, report),
    )
