"""What a job file says, as frozen values."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import attrs

from dativo.config._address import FileAddress
from dativo.config._node import Node
from dativo.config._redactor import Redactor
from dativo.contract import Guarantee, ReadMode, WriteMode, matches_pattern

__all__ = ["ConnectorUse", "Deletes", "ExtensionUse", "Job", "RunSettings", "StreamSelection"]


class Deletes(StrEnum):
    """How records that are gone from the source are found."""

    NONE = "none"
    """They stay published."""
    KEY_SCAN = "key_scan"
    """All keys are read after the records, and what is not among them is deleted."""


@attrs.frozen
class ConnectorUse:
    """A connector's address and its settings, which its own class structures later.

    Attributes:
        connector: The name of an installed connector, or the text of *file*.
        config: Its settings.
        file: The Python file that is the connector; ``None`` for an installed one.
    """

    connector: str
    config: Node
    file: FileAddress | None = None


@attrs.frozen
class ExtensionUse:
    """An extension's address and its settings, which its own class structures later."""

    extension: str
    config: Node


@attrs.frozen(kw_only=True)
class StreamSelection:
    """One entry of ``streams``: a stream, or a pattern with ``*`` and ``?``.

    Attributes:
        name: The stream's name or the pattern; with a ``query`` the name that the result gets.
        node: Where it stands in the file.
        exclude: Patterns of streams that a pattern does not take.
        mode: How to read; ``None`` leaves it to the engine.
        cursor: The field that orders records; ``None`` leaves it to the source.
        primary_key: The fields that identify a record; empty for what the source says.
        columns: The fields to read; empty for all.
        where: A condition in the source's language.
        query: A query in the source's language.
        deletes: How records that are gone from the source are found.
        options: The source's options for this stream, not structured yet.
        write_mode: Overrides the writer's mode.
        writer_options: The writer's options for this stream, not structured yet.
    """

    name: str
    node: Node = attrs.field(repr=False, eq=False)
    exclude: tuple[str, ...] = ()
    mode: ReadMode | None = None
    cursor: str | None = None
    primary_key: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    where: str | None = None
    query: str | None = None
    deletes: Deletes = Deletes.NONE
    options: Node | None = None
    write_mode: WriteMode | None = None
    writer_options: Node | None = None

    @property
    def is_pattern(self) -> bool:
        """Whether the name stands for all streams that look like it."""
        return self.query is None and ("*" in self.name or "?" in self.name)

    def matches(self, stream: str) -> bool:
        """Say whether this entry takes *stream*; upper and lower case differ."""
        if not self.is_pattern:
            return stream == self.name
        excluded = any(matches_pattern(stream, pattern) for pattern in self.exclude)
        return matches_pattern(stream, self.name) and not excluded


@attrs.frozen(kw_only=True)
class RunSettings:
    """How a job runs; sizes are in bytes, times in seconds.

    Attributes:
        parallelism: How many readers are drained at once.
        memory_bytes: The budget for batches in memory.
        timeout_seconds: When a run is ended.
        stall_timeout_seconds: When a run that makes no progress is ended.
        retries: How often work that makes no progress is tried again.
        epoch_rows: A commit is made at the first checkpoint after so many records,
        epoch_bytes: or after so many bytes,
        epoch_seconds: or after so much time.
        require_one_snapshot: Whether a run fails when its source had to reopen its snapshot.
        keep_runs: How many runs of the job stay in its history.
    """

    parallelism: int = 4
    memory_bytes: int = 256_000_000
    timeout_seconds: float = 86_400.0
    stall_timeout_seconds: float = 600.0
    retries: int = 5
    epoch_rows: int = 5_000_000
    epoch_bytes: int = 1_000_000_000
    epoch_seconds: float = 300.0
    require_one_snapshot: bool = False
    keep_runs: int = 1000


@attrs.frozen(kw_only=True)
class Job:
    """One job file.

    Attributes:
        name: The job's id, which names its state.
        file: The file as it was given.
        folder: The file's folder; relative paths start there.
        source: Where the data comes from.
        writer: Where it goes.
        writer_mode: What happens to published data; ``None`` leaves it to the engine.
        streams: What is read, in the order of the file.
        run: How it runs.
        extensions: What watches it or changes its records, in this order.
        require: The weakest guarantee that it runs with; ``None`` for any.
        redactor: Knows the secrets that were met so far; sinks use it.
    """

    name: str
    file: Path
    folder: Path
    source: ConnectorUse
    writer: ConnectorUse
    writer_mode: WriteMode | None
    streams: tuple[StreamSelection, ...]
    run: RunSettings
    extensions: tuple[ExtensionUse, ...] = ()
    require: Guarantee | None = None
    redactor: Redactor = attrs.field(repr=False, eq=False)

    def select(self, stream: str) -> StreamSelection | None:
        """Return the entry that takes *stream*: one that names it, else the first pattern."""
        named = (entry for entry in self.streams if not entry.is_pattern)
        patterns = (entry for entry in self.streams if entry.is_pattern)
        return next((entry for entry in (*named, *patterns) if entry.matches(stream)), None)
