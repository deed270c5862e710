"""Read job files: every problem of the core's own keys at once, each with its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import attrs

from dativo.config._address import check_file, file_address
from dativo.config._document import JobDocument, RunDocument, SourceDocument
from dativo.config._extensions import read_extensions
from dativo.config._job import ConnectorUse, ExtensionUse, Job, RunSettings
from dativo.config._node import Node, Origin
from dativo.config._problems import ProblemList
from dativo.config._redactor import Redactor
from dativo.config._streams import read_streams
from dativo.config._structure import structure
from dativo.config._yaml import MAX_BYTES, parse_yaml
from dativo.errors import ConfigurationError, InvalidConfigError, MissingConfigError, Problem

__all__ = ["JobDraft", "LoadedJob", "draft_job", "load_job", "load_jobs"]

_SUFFIXES = (".yaml", ".yml")


@attrs.frozen
class JobDraft:
    """A job file as far as it can be read, to be looked at further before it becomes a job.

    Whoever knows the plugins structures their settings into the same ``problems``, so that a
    person sees everything at once; :meth:`finish` then raises or gives the job.

    Attributes:
        file: The file.
        problems: What is wrong so far.
        source: The source, if its connector is named.
        writer: The writer, if its connector is named.
        extensions: The extensions that are named.
        job: The job, if the core's own keys are right.
    """

    file: Path
    problems: ProblemList
    source: ConnectorUse | None = None
    writer: ConnectorUse | None = None
    extensions: tuple[ExtensionUse, ...] = ()
    job: Job | None = None

    def finish(self) -> Job:
        """Return the job.

        Raises:
            InvalidConfigError: There are problems; it holds all of them.
        """
        self.problems.raise_if_any()
        if self.job is None:  # pragma: no cover - a draft without problems has a job
            msg = f"{self.file} cannot be read"
            raise InvalidConfigError(msg)
        return self.job


@attrs.frozen
class LoadedJob:
    """What became of one job file: the job or the error."""

    file: Path
    job: Job | None = None
    error: ConfigurationError | None = None


Inspect = Callable[[JobDraft], None]


def load_job(
    path: Path,
    *,
    environ: Mapping[str, str] = os.environ,
    redactor: Redactor | None = None,
    inspect: Inspect | None = None,
) -> Job:
    """Read the job file at *path*.

    If there are problems, *inspect* may add those of the connectors' settings, so that a person
    sees everything at once.

    Raises:
        MissingConfigError: There is no such file, or it cannot be read.
        InvalidConfigError: The file is wrong; it holds all problems of the core's own keys.
    """
    draft = draft_job(path, environ=environ, redactor=redactor)
    if draft.problems and inspect is not None:
        inspect(draft)
    return draft.finish()


def load_jobs(
    paths: Iterable[Path],
    *,
    environ: Mapping[str, str] = os.environ,
    redactor: Redactor | None = None,
    inspect: Inspect | None = None,
) -> tuple[LoadedJob, ...]:
    """Read job files and folders of them; one that is wrong does not keep others from running.

    Two jobs of one name would share their state, so the later one is an error.
    """
    loaded: list[LoadedJob] = []
    for path in paths:
        files = _files(path) if path.is_dir() else [path]
        if not files:
            msg = f"the folder {path} has no job file (*.yaml, *.yml)"
            loaded.append(LoadedJob(path, error=MissingConfigError(msg)))
        loaded += [_load(file, environ, redactor, inspect) for file in files]
    return _distinct(loaded)


def draft_job(
    path: Path, *, environ: Mapping[str, str] = os.environ, redactor: Redactor | None = None
) -> JobDraft:
    """Read the job file at *path* as far as possible.

    Raises:
        MissingConfigError: There is no such file, or it cannot be read.
    """
    data = _read(path)
    folder = Path(os.path.abspath(path)).parent  # noqa: PTH100 - resolve() would follow symlinks
    learns = Redactor() if redactor is None else redactor
    origin = Origin(_shown(path), folder, environ, learns)
    problems = ProblemList()
    root = parse_yaml(data, origin, problems)
    if root is None:
        return JobDraft(path, problems)
    document = structure(root, JobDocument, collect=problems)
    streams, extensions = read_streams(root, problems), read_extensions(root, problems)
    source, writer = _use(root, "source", problems), _use(root, "writer", problems)
    job = None
    if document is not None and source is not None and writer is not None:
        job = Job(
            name=document.name,
            file=path,
            folder=folder,
            source=source,
            writer=writer,
            writer_mode=document.writer.mode,
            streams=streams,
            run=_run(document.run),
            extensions=extensions,
            require=document.require,
            redactor=learns,
        )
    return JobDraft(path, problems, source, writer, extensions, job)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        msg = f"there is no job file {_shown(path)}"
        fix = "Check the path, or write a job file with `dativo init`."
        raise MissingConfigError(msg, fix=fix, phase="config") from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        msg = f"the job file {_shown(path)} cannot be read: {why}"
        fix = "Name a job file that you may read."
        raise MissingConfigError(msg, fix=fix, phase="config") from error


def _shown(path: Path) -> str:
    text = str(path)
    return text if text.isprintable() else ascii(text)


def _use(root: Node, section: str, problems: ProblemList) -> ConnectorUse | None:
    """Return what *section* says if its connector is named, whatever else is wrong there."""
    node = root.get(section)
    named = node.get("connector") if node is not None else None
    if node is None or named is None:
        return None
    found = structure(_only(node, "connector"), SourceDocument, collect=ProblemList())
    if found is None:
        return None
    config = node.get("config") or node.empty_section("config")
    file = file_address(found.connector, node.origin.folder)
    if file is None:
        return ConnectorUse(found.connector, config)
    check_file(file, named, problems)
    return ConnectorUse(file.text, config, file)


def _only(node: Node, key: str) -> Node:
    return attrs.evolve(node, entries=tuple(e for e in node.entries if e.key == key))


def _run(run: RunDocument) -> RunSettings:
    return RunSettings(
        parallelism=run.parallelism,
        memory_bytes=run.memory,
        timeout_seconds=run.timeout,
        stall_timeout_seconds=run.stall_timeout,
        retries=run.retries,
        epoch_rows=run.epoch_rows,
        epoch_bytes=run.epoch_size,
        epoch_seconds=run.epoch_time,
        require_one_snapshot=run.require_one_snapshot,
        keep_runs=run.keep_runs,
    )


def _files(folder: Path) -> list[Path]:
    found = (file for file in folder.iterdir() if file.suffix in _SUFFIXES and file.is_file())
    return sorted(file for file in found if not file.name.startswith("."))


def _load(
    file: Path, environ: Mapping[str, str], redactor: Redactor | None, inspect: Inspect | None
) -> LoadedJob:
    try:
        job = load_job(file, environ=environ, redactor=redactor, inspect=inspect)
        return LoadedJob(file, job=job)
    except ConfigurationError as error:
        return LoadedJob(file, error=error)


def _distinct(loaded: list[LoadedJob]) -> tuple[LoadedJob, ...]:
    names: dict[str, Path] = {}
    distinct = []
    for result in loaded:
        if result.job is not None:
            first = names.setdefault(result.job.name, result.file)
            if first != result.file:
                problem = Problem(
                    f"{result.job.name!r} is the name of {_shown(first)} already",
                    path="name",
                    file=_shown(result.file),
                    hint="a job's name is its id",
                )
                error = InvalidConfigError(str(problem), problems=(problem,))
                result = attrs.evolve(result, job=None, error=error)  # noqa: PLW2901
        distinct.append(result)
    return tuple(distinct)
