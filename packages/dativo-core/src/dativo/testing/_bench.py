"""A connector on the bench: loaded, configured and called by the engine's own means."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa

from dativo.config import ProblemList, Redactor, settings_node, structure
from dativo.contract import (
    Batch,
    Checkpoint,
    ConnectionTestResult,
    NoOptions,
    Operation,
    ReadMode,
    Role,
    Stream,
    StreamRequest,
    WriteMode,
    WriteRequest,
)
from dativo.engine import Event
from dativo.engine._arrow import lazy
from dativo.engine._context import EngineContext
from dativo.engine._control import Limits, RunControl
from dativo.engine._means import open_side
from dativo.engine._pipe import Side
from dativo.engine._plan import require_source
from dativo.engine._retry import RetryPolicy
from dativo.plugins import GuardedSession
from dativo.testing._cases import Settings

__all__ = ["Bench", "Read", "drained", "open_bench"]

_MIB = 1024 * 1024
# As often as in a run, and with short waits: a system that is not there stays away.
_RETRY = RetryPolicy(base_seconds=0.01, cap_seconds=0.05)
_LIMITS = Limits(parallelism=2, memory_bytes=64 * _MIB, batch_rows=1000)


@attrs.frozen(kw_only=True)
class Read:
    """A batch that was drained.

    Attributes:
        data: Its records.
        checkpoint: What the source says that is covered with it.
        op: What its records do.
        told: How many records the source itself says that there are.
    """

    data: pa.Table
    checkpoint: Checkpoint | None
    op: Operation
    told: int | None


@attrs.frozen(kw_only=True, eq=False)
class Bench:
    """One connector in one role, with one set of settings; what it says is not redacted.

    Attributes:
        side: The connector and its settings.
        control: What the engine shares with it; its ``cancellation`` stops it.
        redactor: Knows the secrets of the settings.
        events: What was told.
    """

    side: Side
    control: RunControl
    redactor: Redactor
    events: list[Event]

    def context(self, **about: Any) -> EngineContext:
        """Make the context of a hook call; the arguments are those of ``Side.context``."""
        return self.side.context(self.control, **about)

    def check(self, *streams: StreamRequest) -> ConnectionTestResult:
        """Check the connection, and each of *streams*."""
        context = self.context(streams=streams)
        return self.side.connector.check_connection(self.side.config, context)

    def discover(self, *patterns: str, limit: int | None = None) -> Iterator[Stream]:
        """Iterate over what the source offers, without the engine's own filter."""
        context = self.context(patterns=patterns, limit=limit)
        return self.side.connector.discover(self.side.config, context)

    def request(
        self, stream: Stream, selection: Settings, mode: ReadMode = ReadMode.FULL
    ) -> StreamRequest:
        """Make the request that a job with this *selection* would make."""
        cursors = stream.cursors if mode is ReadMode.INCREMENTAL else ()
        return StreamRequest(
            stream=stream.name,
            mode=mode,
            cursor=_text(selection.get("cursor")) or next(iter(cursors), None),
            primary_key=_names(selection.get("primary_key")) or stream.primary_key,
            columns=_names(selection.get("columns")),
            options=self._options(selection.get("options")),
        )

    def read(self, request: StreamRequest, state: Checkpoint | None = None) -> Iterator[Read]:
        """Iterate over what the source reads; each batch is drained before the next one is asked.

        Closing the iterator closes the source's generator. As in a run, what the source does not
        declare is refused before it is asked.
        """
        require_source(request, self.side)
        context = self.context(stream=request.stream)
        with self.side.extract(request, state, context) as batches:
            for batch in batches:
                yield drained(batch)

    def write(
        self, stream: str, mode: WriteMode = WriteMode.APPEND, **about: Any
    ) -> contextlib.closing[GuardedSession]:
        """Open the writing of *stream*; what is staged is aborted by the caller."""
        request = self.write_request(stream, mode, **about)
        session = self.side.open_session(request, self.context(stream=stream))
        return contextlib.closing(session)

    def write_request(
        self, stream: str, mode: WriteMode = WriteMode.APPEND, **about: Any
    ) -> WriteRequest:
        """Make the request of a job that writes *stream*."""
        options = self._options(about.pop("options", None))
        versioned = about.pop("versioned", mode is WriteMode.MERGE)
        return WriteRequest(stream=stream, mode=mode, options=options, versioned=versioned, **about)

    def _options(self, given: object) -> object:
        info = self.side.connector.info
        side = info.source if self.side.connector.role is Role.SOURCE else info.writer
        kind = NoOptions if side is None else side.options
        problems = ProblemList()
        settings = given if isinstance(given, dict) else {}
        node = settings_node(settings, folder=Path.cwd(), redactor=self.redactor)
        options = structure(node, kind, collect=problems)
        problems.raise_if_any()
        return options


@contextlib.contextmanager
def open_bench(
    connector: str, role: Role, settings: Settings, *, limits: Limits = _LIMITS, **run: Any
) -> Iterator[Bench]:
    """Load *connector* with *settings*; what it opened for all its readers is closed at the end.

    *run* says which run it is: ``job``, ``run_id`` and ``fence``; without them it is none.

    Raises:
        DativoError: It cannot be loaded, or the settings are not what it takes.
    """
    events: list[Event] = []
    redactor = Redactor()
    with (
        tempfile.TemporaryDirectory(prefix="dativo-kit-") as folder,
        open_side(
            connector,
            role,
            settings,
            folder=Path(folder),
            redactor=redactor,
            limits=limits,
            observer=events.append,
            redacts=False,
            **run,
        ) as (side, control),
    ):
        control.retry = _RETRY
        yield Bench(side=side, control=control, redactor=redactor, events=events)


def drained(batch: Batch) -> Read:
    """Pull all records of *batch* as the engine does; its exceptions come through."""
    reader = lazy(batch.data)
    parts = [pa.record_batch(part) for part in reader.batches()]
    return Read(
        data=pa.Table.from_batches(parts, schema=pa.schema(reader.schema)),
        checkpoint=batch.checkpoint,
        op=batch.op,
        told=batch.rows() if callable(batch.rows) else batch.rows,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _names(value: object) -> tuple[str, ...]:
    return tuple(str(name) for name in value) if isinstance(value, list | tuple) else ()
