"""``dativo discover``: what a source offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from dativo.cli import _complete as complete
from dativo.cli._commands import Command
from dativo.cli._edge import Answer, answer
from dativo.cli._jobs import Outcome, each_job
from dativo.cli._options import Config, Debug, Json, Patterns, Set, Verbose
from dativo.cli._session import Options, Session
from dativo.errors import UsageError

if TYPE_CHECKING:
    from dativo.config import Job
    from dativo.contract import Stream
    from dativo.engine import DiscoveryResult

__all__ = ["app"]

app = typer.Typer(add_completion=False)

Connector = Annotated[
    str | None,
    typer.Option(
        "--connector",
        metavar="NAME",
        help="Ask this installed connector, without a job file.",
        autocompletion=complete.sources,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many streams."),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout", min=0.1, metavar="SECONDS", help="Stop then, and show what was found."
    ),
]


@attrs.frozen(kw_only=True)
class _Wanted:
    """Which streams to look for, and for how long."""

    patterns: tuple[str, ...]
    limit: int | None
    timeout_seconds: float | None


@app.command(cls=Command)
def discover(
    *,
    config: Config = None,
    connector: Connector = None,
    settings: Set = None,
    pattern: Patterns = None,
    limit: Limit = None,
    timeout: Timeout = None,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """List the streams that a source offers.

    Each comes with its kind, its estimated rows, its primary key and the columns that can serve
    as a cursor; with --verbose also with its fields.
    """
    wanted = _Wanted(patterns=tuple(pattern or ()), limit=limit, timeout_seconds=timeout)

    def action(session: Session) -> Answer:
        if connector is None:
            if settings:
                raise UsageError("--set needs --connector", fix="See `dativo discover --help`.")
            return each_job(session, config, lambda job: _of_job(session, job, wanted))
        if config:
            msg = "--config and --connector exclude each other"
            raise UsageError(msg, fix="See `dativo discover --help`.")
        return _of_connector(session, connector, settings=settings or (), wanted=wanted)

    return answer(Options(json=json, verbose=verbose, debug=debug), action, loads_plugins=True)


def _of_job(session: Session, job: Job, wanted: _Wanted) -> Outcome:
    from dativo import engine  # loads all that a run needs

    def find(on_stream: Callable[[Stream], None]) -> DiscoveryResult:
        return engine.discover(
            job, on_stream=on_stream, keeps=session.options.json, **attrs.asdict(wanted)
        )

    result = _show_while_finding(session, find)
    return Outcome(document={**result.to_dict(), "job": job.name}, error=None, show=_shown_already)


def _of_connector(
    session: Session, connector: str, *, settings: Sequence[str], wanted: _Wanted
) -> Answer:
    from dativo import engine  # loads all that a run needs
    from dativo.cli._settings import learn_settings, read_settings  # needs YAML
    from dativo.contract import Role  # needs attrs

    values = read_settings(settings, connector=connector, role=Role.SOURCE)
    learn_settings(values, session.early_redactor(), connector=connector, role=Role.SOURCE)

    def find(on_stream: Callable[[Stream], None]) -> DiscoveryResult:
        return engine.discover_connector(
            connector,
            values,
            folder=Path.cwd(),
            on_stream=on_stream,
            keeps=session.options.json,
            redactor=session.learning_redactor(),
            **attrs.asdict(wanted),
        )

    return Answer(document=_show_while_finding(session, find).to_dict())


def _show_while_finding(
    session: Session, find: Callable[[Callable[[Stream], None]], DiscoveryResult]
) -> DiscoveryResult:
    from dativo.cli._render_streams import StreamLines  # needs the engine
    from dativo.cli._signals import stoppable  # threads

    lines = StreamLines(session)
    with stoppable(session.say, leave=session.leave):
        result = find(lines.add)
    lines.close(result)
    return result


def _shown_already(_session: Session) -> None:
    """Show nothing: each stream was shown when it was found."""
