"""``dativo state``: where the next run of each stream reads on, and how to change that."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from dativo.cli._commands import Command, Group
from dativo.cli._edge import Answer, answer
from dativo.cli._jobs import Outcome, each_job
from dativo.cli._options import Config, Debug, Json, Streams, Verbose, help_if_alone
from dativo.cli._session import Options, Session

if TYPE_CHECKING:
    from dativo.config import Job
    from dativo.contract import Checkpoint
    from dativo.engine import Observer, StateChange

__all__ = ["app"]

app = typer.Typer(cls=Group, add_completion=False)

OneStream = Annotated[
    str, typer.Option("--stream", "-s", metavar="NAME", help="The stream to change.")
]
CheckpointText = Annotated[
    str,
    typer.Option(
        "--checkpoint",
        metavar="JSON",
        help="The checkpoint as `dativo state show --json` prints it.",
    ),
]
Published = Annotated[
    bool,
    typer.Option(
        "--published",
        help="Also ask the writer what is published, and compare; this loads the connectors.",
    ),
]
AllowDuplicates = Annotated[
    bool,
    typer.Option(
        "--allow-duplicates",
        help="Also for a stream that is appended, where what is read again is published twice.",
    ),
]


@app.callback(invoke_without_command=True)
def state(ctx: typer.Context) -> None:
    """See and change where the next run of each stream reads on."""
    help_if_alone(ctx)


@app.command(cls=Command)
def show(
    *,
    config: Config = None,
    stream: Streams = None,
    published: Published = False,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Show the stored state of each stream; no connector is loaded unless `--published` asks."""
    work = functools.partial(_show, streams=tuple(stream or ()), published=published)

    def action(session: Session) -> Answer:
        return each_job(session, config, functools.partial(work, session), inspects=published)

    options = Options(json=json, verbose=verbose, debug=debug)
    return answer(options, action, loads_plugins=published)


@app.command("set", cls=Command)
def set_(
    *,
    stream: OneStream,
    checkpoint: CheckpointText,
    config: Config = None,
    allow_duplicates: AllowDuplicates = False,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Make the next run of a stream read on from a checkpoint.

    The change is published as an epoch without records, so that state and data cannot disagree.
    """

    def change(job: Job, observer: Observer) -> StateChange:
        from dativo import engine  # loads all that a run needs

        return engine.set_state(
            job,
            stream=stream,
            checkpoint=_checkpoint(checkpoint),
            allow_duplicates=allow_duplicates,
            observer=observer,
        )

    def action(session: Session) -> Answer:
        return each_job(session, config, functools.partial(_change, session, change))

    return answer(Options(json=json, verbose=verbose, debug=debug), action, loads_plugins=True)


@app.command(cls=Command)
def reset(
    *,
    stream: OneStream,
    config: Config = None,
    allow_duplicates: AllowDuplicates = False,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Make the next run of a stream read from the beginning; what is published stays.

    The change is published as an epoch without records, so that state and data cannot disagree.
    """

    def change(job: Job, observer: Observer) -> StateChange:
        from dativo import engine  # loads all that a run needs

        return engine.reset_state(
            job, stream=stream, allow_duplicates=allow_duplicates, observer=observer
        )

    def action(session: Session) -> Answer:
        return each_job(session, config, functools.partial(_change, session, change))

    return answer(Options(json=json, verbose=verbose, debug=debug), action, loads_plugins=True)


@app.command(cls=Command)
def rebuild(
    *,
    config: Config = None,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Restore the state from the commit records that lie with the data.

    A state that is ahead of a target that was restored from an older backup goes back to what the
    target holds, and the next run reads again what is missing. A damaged state.db is renamed and
    kept. It may be stopped anywhere and done again.
    """

    def action(session: Session) -> Answer:
        return each_job(session, config, functools.partial(_rebuild, session))

    return answer(Options(json=json, verbose=verbose, debug=debug), action, loads_plugins=True)


def _show(session: Session, job: Job, *, streams: tuple[str, ...], published: bool) -> Outcome:
    from dativo import engine  # loads all that a run needs
    from dativo.cli._render_events import tell_messages  # as above
    from dativo.cli._render_state import show_state  # as above
    from dativo.cli._signals import stoppable  # as above

    with stoppable(session.say, leave=session.leave):
        report = engine.show_state(
            job, streams=streams, published=published, observer=tell_messages(session)
        )
    return Outcome(
        document=report.to_dict(),
        error=report.error,
        show=lambda session: show_state(session.page, session.notes, report),
    )


def _change(session: Session, change: Callable[[Job, Observer], StateChange], job: Job) -> Outcome:
    from dativo.cli._render_events import tell_messages  # needs the engine
    from dativo.cli._render_state import show_change  # as above
    from dativo.cli._signals import stoppable  # as above

    with stoppable(session.say, leave=session.leave):
        changed = change(job, tell_messages(session))
    return Outcome(
        document=changed.to_dict(),
        error=None,
        show=lambda session: show_change(session.page, changed),
    )


def _rebuild(session: Session, job: Job) -> Outcome:
    from dativo import engine  # loads all that a run needs
    from dativo.cli._render_events import tell_messages  # as above
    from dativo.cli._render_state import show_rebuild  # as above
    from dativo.cli._signals import stoppable  # as above

    with stoppable(session.say, leave=session.leave):
        rebuilt = engine.rebuild_state(job, observer=tell_messages(session))
    return Outcome(
        document=rebuilt.to_dict(),
        error=None,
        show=lambda session: show_rebuild(session.page, rebuilt),
    )


def _checkpoint(text: str) -> Checkpoint:
    from dativo.contract import Checkpoint  # needs attrs
    from dativo.errors import UsageError  # beside its only use

    try:
        found = Checkpoint.from_json(text)
    except ValueError as error:
        msg = f"--checkpoint is no checkpoint: {error}"
        fix = """Write it as `dativo state show --json` does: {"version": 1, "value": {...}}"""
        raise UsageError(msg, fix=fix) from error
    if not isinstance(found.value, dict) or type(found.version) is not int:
        msg = "--checkpoint is no checkpoint: version must be an integer, and value an object"
        raise UsageError(msg)
    return found
