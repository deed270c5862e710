"""``dativo init``: write a job file from a connector and what it finds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from dativo.cli import _complete as complete
from dativo.cli._commands import Command
from dativo.cli._edge import Answer, answer, attempt
from dativo.cli._options import Debug, Json, Patterns, Set, Verbose
from dativo.cli._render_words import count_of
from dativo.cli._session import Options, Session
from dativo.contract import Role
from dativo.errors import CapabilityMissingError, DativoError, UsageError

if TYPE_CHECKING:
    from dativo.cli._job_file import ConnectorSection, StreamSection
    from dativo.cli._render import Page

__all__ = ["app"]

app = typer.Typer(add_completion=False)

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="The connector to read from.", autocompletion=complete.sources
    ),
]
Target = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="PATH", help="The job file to write."),
]
Writer = Annotated[
    str | None,
    typer.Option(
        "--writer",
        "-w",
        metavar="NAME",
        help="The connector to write to; needed only if several are installed.",
        autocompletion=complete.writers,
    ),
]
WriterSet = Annotated[
    list[str] | None,
    typer.Option("--writer-set", metavar="KEY=VALUE", help="As --set, for the writer."),
]
Name = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="The job's name, its stable id.")
]
Limit = Annotated[
    int, typer.Option("--limit", "-n", min=1, metavar="N", help="Write at most so many streams.")
]
Offline = Annotated[bool, typer.Option("--offline", help="Do not ask the source for its streams.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")]


@attrs.frozen(kw_only=True)
class _Wanted:
    """What the options say about the job."""

    path: Path
    source: str
    writer: str | None
    name: str | None
    source_settings: Sequence[str]
    writer_settings: Sequence[str]
    patterns: Sequence[str]
    limit: int
    offline: bool
    force: bool


@attrs.frozen(kw_only=True)
class _Written:
    """What was written, and why the source could not be asked."""

    path: Path
    source: str
    writer: str
    streams: int
    variables: Sequence[str]
    problem: DativoError | None


@app.command(cls=Command)
def init(
    *,
    source: Source,
    config: Target = Path("job.yaml"),
    writer: Writer = None,
    name: Name = None,
    settings: Set = None,
    writer_set: WriterSet = None,
    pattern: Patterns = None,
    limit: Limit = 50,
    offline: Offline = False,
    force: Force = False,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Write a commented job file for a source, with the streams that it offers.

    Settings come from --set; a required one that is missing becomes a reference to an environment
    variable, and so do secrets. If the source can be reached, its streams are listed.
    """
    wanted = _Wanted(
        path=config,
        source=source,
        writer=writer,
        name=name,
        source_settings=settings or (),
        writer_settings=writer_set or (),
        patterns=tuple(pattern or ()),
        limit=limit,
        offline=offline,
        force=force,
    )
    options = Options(json=json, verbose=verbose, debug=debug)
    return answer(options, lambda session: _init(session, wanted), loads_plugins=True)


def _init(session: Session, wanted: _Wanted) -> Answer:
    from dativo.cli._job_file import job_file, references  # needs the contract

    if wanted.path.exists() and not wanted.force:
        raise _exists(wanted.path)
    source = _section(session, wanted.source, Role.SOURCE, wanted.source_settings)
    writer_name = wanted.writer or _only_writer()
    writer = _section(session, writer_name, Role.WRITER, wanted.writer_settings)
    streams, problem = _ask(session, wanted, source)
    streams = attrs.evolve(streams, write_modes=_about(writer_name, Role.WRITER)["write_modes"])
    text = job_file(wanted.name or f"{wanted.source}_to_{writer_name}", source, writer, streams)
    _write(wanted, text)
    written = _Written(
        path=wanted.path,
        source=wanted.source,
        writer=writer_name,
        streams=len(streams.streams),
        variables=[*references(source), *references(writer)],
        problem=problem,
    )
    return Answer(document=_document(written), show=lambda page: _show(page, written))


def _section(
    session: Session, connector: str, role: Role, texts: Sequence[str]
) -> ConnectorSection:
    from dativo.cli._job_file import ConnectorSection  # needs the contract
    from dativo.cli._settings import (  # needs YAML
        learn_settings,
        read_settings,
        refuse_clear_secrets,
    )

    settings = read_settings(texts, connector=connector, role=role)
    learn_settings(settings, session.early_redactor(), connector=connector, role=role)
    schema = _about(connector, role)["config"]
    refuse_clear_secrets(settings, schema)  # without a manifest they are known only now
    return ConnectorSection(connector=connector, schema=schema, settings=settings)


def _about(connector: str, role: Role) -> Mapping[str, Any]:
    """Return what the connector's manifest says of *role*; without a manifest its code is asked."""
    from dativo.plugins import build_manifest, find_connector  # reads the metadata

    manifest = find_connector(connector).manifest or build_manifest(connector)
    if role not in manifest.roles:
        msg = f"the connector {connector!r} is no {role}"
        fix = "Choose another one; see `dativo plugins list`."
        raise CapabilityMissingError(msg, fix=fix, connector=connector)
    return manifest.roles[role]


def _only_writer() -> str:
    names = [name for name, _ in complete.writers("")]
    if len(names) == 1:
        return names[0]
    have = f"these writers are installed: {', '.join(names)}" if names else "no writer is installed"
    fix = "Choose one with --writer NAME." if names else "pip install dativo-writer-parquet"
    raise UsageError(have, fix=fix)


def _ask(
    session: Session, wanted: _Wanted, source: ConnectorSection
) -> tuple[StreamSection, DativoError | None]:
    """Return the source's streams, and why there are none if it could not be asked."""
    from dativo import engine  # loads all that a run needs
    from dativo.cli._job_file import StreamSection  # needs the contract
    from dativo.cli._settings import learn_settings  # needs YAML
    from dativo.cli._signals import stoppable  # threads

    if wanted.offline:
        return StreamSection(), None
    learn_settings(
        source.config, session.early_redactor(), connector=wanted.source, role=Role.SOURCE
    )
    with stoppable(session.say, leave=session.leave):
        found = attempt(
            session,
            lambda: engine.discover_connector(
                wanted.source,
                source.config,
                folder=wanted.path.absolute().parent,
                patterns=wanted.patterns,
                limit=wanted.limit,
                redactor=session.learning_redactor(),
            ),
        )
    if isinstance(found, DativoError):
        return StreamSection(), found
    return StreamSection(streams=found.streams, complete=found.complete), None


def _write(wanted: _Wanted, text: str) -> None:
    if wanted.force:
        draft = wanted.path.with_name(f".{wanted.path.name}.{os.getpid()}")
        draft.write_text(text, encoding="utf-8")
        draft.replace(wanted.path)
        return
    try:
        with wanted.path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise _exists(wanted.path) from error


def _exists(path: Path) -> UsageError:
    fix = "Name another file with --config, or overwrite it with --force."
    return UsageError(f"{path} exists already", fix=fix)


def _document(written: _Written) -> dict[str, object]:
    problem = None if written.problem is None else written.problem.to_dict()
    return {
        "ok": True,
        "path": str(written.path),
        "streams": written.streams,
        "variables": list(written.variables),
        "problem": problem,
        "next": _next(written),
    }


def _next(written: _Written) -> list[str]:
    unset = [name for name in written.variables if name not in os.environ]
    return [
        *(f"export {name}=..." for name in unset),
        f"dativo check --config {written.path}",
        f"dativo run --config {written.path}",
    ]


def _show(page: Page, written: _Written) -> None:
    streams = count_of(written.streams, "stream")
    page.line(
        (str(written.path), "name"),
        f" written: {streams} from {written.source} to {written.writer}",
    )
    if written.problem is not None:
        problem = written.problem
        page.line(("not asked for its streams: ", "warn"), f"[{problem.code}] {problem.message}")
        page.line(("fix: ", "fix"), problem.fix, indent=2)
    for step in _next(written):
        page.line(("next: ", "dim"), step)
