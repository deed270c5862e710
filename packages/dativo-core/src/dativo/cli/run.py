"""``dativo run``: move what a job says, once."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs
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

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command(cls=Command)
def run(
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
    """Move the streams of a job from its source to its writer, once.

    Ctrl-C or SIGTERM stops it: committed work is kept, and the next run continues there.
    A second signal stops it at once.
    """
    options = Options(json=json, verbose=verbose, debug=debug)
    scope = _Scope(
        streams=tuple(stream or ()),
        full_refresh=full_refresh,
        lower=from_value,
        upper=to_value,
        allow_duplicates=allow_duplicates,
    )

    def action(session: Session) -> Answer:
        return each_job(session, config, functools.partial(_run, session, scope=scope))

    return answer(options, action, loads_plugins=True)


@attrs.frozen(kw_only=True)
class _Scope:
    """What of a job is run."""

    streams: tuple[str, ...]
    full_refresh: bool
    lower: str | None
    upper: str | None
    allow_duplicates: bool


def _run(session: Session, job: Job, *, scope: _Scope) -> Outcome:
    from dativo import engine  # loads all that a run needs
    from dativo.cli._memory import return_large_buffers  # as above
    from dativo.cli._progress import open_progress  # as above
    from dativo.cli._render_run import show_run  # as above
    from dativo.cli._signals import stoppable  # as above

    return_large_buffers()
    cancellation = engine.Cancellation()
    with (
        open_progress(session) as progress,
        stoppable(session.say, cancellation.cancel, leave=session.leave),
    ):
        result = engine.run(
            job,
            streams=scope.streams,
            full_refresh=scope.full_refresh,
            lower=scope.lower,
            upper=scope.upper,
            allow_duplicates=scope.allow_duplicates,
            observer=progress,
            cancellation=cancellation,
        )
    return Outcome(
        document=result.to_dict(),
        error=result.error,
        show=lambda session: show_run(session.page, session.notes, result),
    )
