"""The keys of a job file with their types, limits and help: loader, schema and docs use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from dativo.config._address import FILE_PATTERN
from dativo.config._job import Deletes
from dativo.config._node import Node
from dativo.config._structure import READER, SAYS
from dativo.config._units import DURATION_PATTERN, SIZE_PATTERN, read_duration, read_size
from dativo.contract import Guarantee, ReadMode, WriteMode, setting

__all__ = [
    "ExtensionDocument",
    "JobDocument",
    "RunDocument",
    "SourceDocument",
    "StreamDocument",
    "WriterDocument",
]

SCHEMA = "dativo.schema"
"""The key of a field's metadata that holds its JSON Schema, where the type does not say it."""

NAME_PATTERN = r"(?!.{101})[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*"
TEXT_PATTERN = r"(?=[\s\S]*\S)[\s\S]{1,1000}"

_NAME_SAYS = "up to 100 letters, digits, '_', '-' and single dots, a letter or digit first"


def _name(about: str) -> Any:
    field = setting(about, pattern=NAME_PATTERN)
    field.metadata[SAYS] = _NAME_SAYS
    return field


def _address(about: str) -> Any:
    field = setting(about, pattern=f"({NAME_PATTERN})|({FILE_PATTERN})")
    field.metadata[SAYS] = f"{_NAME_SAYS}; or a Python file such as ./my_reader.py:MyReader"
    return field


def _text(about: str, **options: Any) -> Any:
    field = setting(about, pattern=TEXT_PATTERN, **options)
    field.metadata[SAYS] = "a text of 1 to 1000 characters"
    return field


def _unit(
    about: str, reader: Callable[[str], float], pattern: str, limits: tuple[str, str, str]
) -> Any:
    """Declare a setting with a unit; *limits* are the default, the lowest and the highest."""
    default, lowest, highest = limits

    def read_within(text: str) -> float:
        value = reader(text)
        if value < reader(lowest):
            msg = f"expected at least {lowest}"
            raise ValueError(msg)
        if value > reader(highest):
            msg = f"expected at most {highest}"
            raise ValueError(msg)
        return value

    schema = {"type": "string", "pattern": f"^{pattern}$", "default": default}
    metadata = {"dativo": {"help": about}, READER: read_within, SCHEMA: schema}
    return attrs.field(default=reader(default), metadata=metadata, kw_only=True)


def _size(about: str, *limits: str) -> Any:
    default, lowest, highest = limits
    return _unit(about, read_size, SIZE_PATTERN, (default, lowest, highest))


def _time(about: str, *limits: str) -> Any:
    default, lowest, highest = limits
    return _unit(about, read_duration, DURATION_PATTERN, (default, lowest, highest))


@attrs.frozen
class SourceDocument:
    """The section ``source``."""

    connector: str = _address(
        "The connector to read from, as `dativo plugins list` names it, or a Python file."
    )
    config: Node | None = setting("The connector's settings.", default=None)


@attrs.frozen
class WriterDocument:
    """The section ``writer``."""

    connector: str = _address(
        "The connector to write to, as `dativo plugins list` names it, or a Python file."
    )
    config: Node | None = setting("The connector's settings.", default=None)
    mode: WriteMode | None = setting("What happens to published data.", default=None)


@attrs.frozen
class StreamDocument:
    """One entry of the section ``streams``."""

    name: str = _text("The stream, or a pattern with * and ?; patterns take what no entry names.")
    exclude: tuple[str, ...] = setting("Patterns of streams not to take.", default=())
    mode: ReadMode | None = setting("Read everything, or what is new.", default=None)
    cursor: str | None = _text("The field that orders records.", default=None)
    primary_key: tuple[str, ...] = setting("The fields that identify a record.", default=())
    columns: tuple[str, ...] = setting("The fields to read; all if missing.", default=())
    where: str | None = setting("A condition in the source's language.", default=None)
    query: str | None = setting("A query in the source's language.", default=None)
    deletes: Deletes = setting(
        "How records that are gone from the source are found and deleted; needs merge.",
        default=Deletes.NONE,
    )
    options: Node | None = setting("The source's options for this stream.", default=None)
    write_mode: WriteMode | None = setting("Overrides the writer's mode.", default=None)
    writer_options: Node | None = setting("The writer's options for this stream.", default=None)


@attrs.frozen
class ExtensionDocument:
    """One entry of the section ``extensions``."""

    extension: str = _name("The extension; `dativo plugins list` shows them.")
    config: Node | None = setting("The extension's settings.", default=None)


@attrs.frozen
class RunDocument:
    """The section ``run``."""

    parallelism: int = setting("Readers at once.", default=4, minimum=1, maximum=64)
    memory: int = _size(
        "The budget for batches in memory; the process itself takes about 120 MB more.",
        "256MB",
        "32MB",
        "1TB",
    )
    timeout: float = _time("When a run is ended.", "24h", "1s", "30d")
    stall_timeout: float = _time("When a run without progress is ended.", "10m", "1s", "30d")
    retries: int = setting(
        "Retries in a row without progress; all calls of a run together have ten times as many.",
        default=5,
        minimum=0,
        maximum=1000,
    )
    epoch_rows: int = setting(
        "Commit after so many records.", default=5_000_000, minimum=1, maximum=10**12
    )
    epoch_size: int = _size("Commit after so many bytes.", "1GB", "1MB", "1TB")
    epoch_time: float = _time("Commit after so much time.", "5m", "1s", "7d")
    require_one_snapshot: bool = setting(
        "Fail if the source had to reopen its snapshot.", default=False
    )
    keep_runs: int = setting(
        "How many runs of the job stay in its history.", default=1000, minimum=1, maximum=1_000_000
    )


@attrs.frozen
class JobDocument:
    """A whole job file."""

    name: str = _name("The job's id; it names the job's state, so keep it.")
    source: SourceDocument = setting("Where the data comes from.")
    streams: Node = setting("What is read: a list of streams and patterns.")
    writer: WriterDocument = setting("Where the data goes.")
    extensions: Node | None = setting(
        "What watches the run or changes its records, in this order.", default=None
    )
    require: Guarantee | None = setting(
        "The weakest guarantee that the job runs with; `dativo plan` prints each stream's.",
        default=None,
    )
    run: RunDocument = setting("How the job runs.", factory=RunDocument)
