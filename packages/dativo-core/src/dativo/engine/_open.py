"""Opening a job: its file, its connectors, their settings, the means of a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import attrs

from dativo.config import (
    Job,
    JobDraft,
    ProblemList,
    StreamSelection,
    load_job,
    structure,
)
from dativo.contract import NoOptions, Role, Stream, matches_pattern
from dativo.engine._backfill import Backfill
from dativo.engine._control import RunControl
from dativo.engine._extensions import LoadedExtension, load_extensions
from dativo.engine._guarantee import require_guarantee
from dativo.engine._loading import load_used
from dativo.engine._merge import is_discovered
from dativo.engine._pipe import Pipe, Side, make_side, role_info
from dativo.engine._plan import Prepared, Resolved, make_plans, stream_requests
from dativo.engine._writing import StreamPlan
from dativo.errors import PluginError, ResourceNotFoundError

__all__ = [
    "JobFile",
    "Sides",
    "find_streams",
    "inspect_settings",
    "open_job",
    "open_sides",
    "plan_streams",
    "select",
]

JobFile: TypeAlias = str | Path | Job


@attrs.frozen(kw_only=True)
class Sides:
    """A job whose plugins are loaded and whose settings are structured.

    ``writer`` is ``None`` where only the source is wanted.
    """

    job: Job
    source: Side
    writer: Side | None
    selections: tuple[Prepared, ...]
    extensions: tuple[LoadedExtension, ...] = ()

    @property
    def pipe(self) -> Pipe:
        """Both sides, for what needs both."""
        assert self.writer is not None
        return Pipe(source=self.source, writer=self.writer, transformers=self.transformers)

    @property
    def transformers(self) -> tuple[LoadedExtension, ...]:
        """Those of the extensions that change records."""
        return tuple(one for one in self.extensions if one.extension.is_transformer)


def open_job(job: JobFile) -> Job:
    """Return *job*, read from its file if it is a path.

    Raises:
        DativoError: The file does not exist or is wrong; all problems are in the error.
    """
    return job if isinstance(job, Job) else load_job(Path(job), inspect=inspect_settings)


def inspect_settings(draft: JobDraft) -> None:
    """Add to a job file that is wrong what is wrong in its plugins' settings as well."""
    for role, use in ((Role.SOURCE, draft.source), (Role.WRITER, draft.writer)):
        if use is None:
            continue
        # A connector that cannot be loaded is the next thing to mend, not a problem of the file.
        with contextlib.suppress(PluginError):
            make_side(load_used(use, role), use.config, draft.problems)
    for extension in draft.extensions:
        with contextlib.suppress(PluginError):
            load_extensions([extension], draft.problems)


@contextlib.contextmanager
def open_sides(job: Job, *, writer: bool = True, extensions: bool = True) -> Iterator[Sides]:
    """Load the plugins of *job* and structure all that it says to them.

    Without *writer* the job's writer is neither loaded nor looked at, without *extensions* they.

    Raises:
        InvalidConfigError: Settings are wrong; all problems of all plugins are in the error.
        PluginError: A plugin is not installed or cannot be loaded.
    """
    problems = ProblemList()
    connector = load_used(job.source, Role.SOURCE)
    reopens = not job.run.require_one_snapshot
    source = make_side(connector, job.source.config, problems, reopens=reopens)
    target = None
    if writer:
        connector = load_used(job.writer, Role.WRITER)
        target = make_side(connector, job.writer.config, problems)
    loaded = load_extensions(job.extensions, problems) if extensions else ()
    selections = tuple(
        _prepared(job, one, source=source, writer=target, problems=problems) for one in job.streams
    )
    problems.raise_if_any()
    try:
        yield Sides(job=job, source=source, writer=target, selections=selections, extensions=loaded)
    finally:
        # Readers first: what they share goes before what takes their records.
        for part in (source, *loaded, target):
            if part is not None:
                part.resources.close()


def find_streams(
    source: Side,
    control: RunControl,
    *,
    patterns: Sequence[str] = (),
    limit: int | None = None,
) -> Iterator[Stream]:
    """Ask the source what it offers, keep what matches, and locate what it raises."""
    # One more than wanted tells a list that is complete from one that was cut.
    wanted = None if limit is None else limit + 1
    context = source.context(control, patterns=tuple(patterns), limit=wanted)
    for stream in source.connector.discover(source.config, context):
        control.moved()
        if not patterns or any(matches_pattern(stream.name, pattern) for pattern in patterns):
            yield _redacted(stream, control)


def select(
    sides: Sides,
    control: RunControl,
    *,
    only: Sequence[str] = (),
    patterns: bool = True,
) -> list[Resolved]:
    """Resolve the job's selections to requests; asks the source only for patterns and keys.

    Raises:
        ResourceNotFoundError: A pattern matches nothing, or *only* names a stream that the job
            does not have.
    """
    selections = [one for one in sides.selections if patterns or not one.selection.is_pattern]
    discovered = [one for one in selections if patterns and is_discovered(one.selection, sides.job)]
    wanted = [one.selection.name for one in discovered]
    found = find_streams(sides.source, control, patterns=wanted) if wanted else ()
    requests = stream_requests(selections, found, sides.source)
    if not only:
        return requests
    names = {one.request.stream for one in requests}
    unknown = [name for name in only if name not in names]
    if unknown and patterns:
        msg = f"the job has no stream {unknown[0]!r}; it has: {', '.join(sorted(names))}"
        raise ResourceNotFoundError(msg)
    return [one for one in requests if one.request.stream in only]


def plan_streams(
    sides: Sides,
    control: RunControl,
    *,
    only: Sequence[str] = (),
    full_refresh: bool = False,
    backfill: Backfill | None = None,
) -> tuple[StreamPlan, ...]:
    """Decide what is done per stream; see :func:`dativo.engine._plan.make_plans`.

    Raises:
        ConfigurationError: A stream gets less than the job requires.
    """
    requests = select(sides, control, only=only)
    plans = make_plans(
        sides.job, requests, sides.pipe, full_refresh=full_refresh, backfill=backfill
    )
    require_guarantee(sides.job, plans, sides.pipe)
    return plans


def _prepared(
    job: Job,
    selection: StreamSelection,
    *,
    source: Side,
    writer: Side | None,
    problems: ProblemList,
) -> Prepared:
    nothing = job.source.config.empty_section("options")
    read = role_info(source.connector).options
    write = NoOptions if writer is None else role_info(writer.connector).options
    return Prepared(
        selection=selection,
        read_options=structure(selection.options or nothing, read, collect=problems),
        write_options=NoOptions()
        if writer is None
        else structure(selection.writer_options or nothing, write, collect=problems),
    )


def _redacted(stream: Stream, control: RunControl) -> Stream:
    if stream.problem is not None:
        control.redacted(stream.problem.located(stream=stream.name, phase="discover"))
    return stream
