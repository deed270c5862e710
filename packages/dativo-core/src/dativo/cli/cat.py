"""``dativo cat``: what is published of one stream."""

from __future__ import annotations

import functools
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from dativo.cli._commands import Command
from dativo.cli._edge import Answer, answer
from dativo.cli._jobs import Outcome, each_job
from dativo.cli._options import Config, Debug, Json, Verbose
from dativo.cli._session import Options, Session

if TYPE_CHECKING:
    from dativo.config import Job
    from dativo.engine import OnRows

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_MOST_IN_ONE_OBJECT = 1_000


class Format(StrEnum):
    """How records are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Stream = Annotated[
    str | None,
    typer.Option(
        "--stream", "-s", metavar="NAME", help="The stream; may be missing if there is only one."
    ),
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many records."),
]
As = Annotated[
    Format,
    typer.Option(
        "--format",
        "-f",
        help="A table, one JSON object on each line, or CSV with a header; "
        "all values are texts, so that none is rounded.",
    ),
]


@app.command(cls=Command)
def cat(
    *,
    config: Config = None,
    stream: Stream = None,
    limit: Limit = None,
    format: As = Format.TABLE,  # noqa: A002 - the option's name
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Print what is published of one stream, read back through its writer.

    In merge mode each key shows once. With `--json` the one object holds at most 1,000 records
    unless `--limit` says otherwise, and tells whether these are all.
    """
    if json and limit is None:
        limit = _MOST_IN_ONE_OBJECT
    work = functools.partial(_cat, stream=stream, limit=limit, how=format)

    def action(session: Session) -> Answer:
        return each_job(session, config, functools.partial(work, session))

    return answer(Options(json=json, verbose=verbose, debug=debug), action, loads_plugins=True)


def _cat(
    session: Session, job: Job, *, stream: str | None, limit: int | None, how: Format
) -> Outcome:
    from dativo import engine  # loads all that a run needs
    from dativo.cli._render_cat import CsvLines, JsonLines, Records  # as above
    from dativo.cli._render_events import tell_messages  # as above
    from dativo.cli._signals import stoppable  # as above

    kinds: dict[Format, Callable[[Session], OnRows]] = {
        Format.TABLE: Records,
        Format.JSON: JsonLines,
        Format.CSV: CsvLines,
    }
    on_rows = None if session.options.json else kinds[how](session)
    with stoppable(session.say, leave=session.leave):
        found = engine.cat(
            job,
            stream=stream,
            limit=limit,
            on_rows=on_rows,
            observer=tell_messages(session),
        )
    return Outcome(document=found.to_dict(), error=None, show=lambda _: None)
