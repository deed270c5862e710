"""A source and a writer, loaded and configured for one run."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import cast

import attrs

from dativo.contract import (
    Batch,
    Checkpoint,
    Role,
    StreamRequest,
    WriteRequest,
    WriteSession,
)
from dativo.engine._context import EngineContext
from dativo.engine._control import RunControl
from dativo.engine._resources import Resources
from dativo.plugins import Connector

__all__ = ["Pipe", "Side"]


@attrs.frozen(kw_only=True)
class Side:
    """One loaded connector with its structured config and what its calls share in this run."""

    connector: Connector
    config: object
    resources: Resources

    @property
    def name(self) -> str:
        """The connector's address."""
        return self.connector.name

    def context(
        self,
        control: RunControl,
        *,
        stream: str = "",
        attempt: int = 1,
        streams: tuple[StreamRequest, ...] = (),
        patterns: tuple[str, ...] = (),
        limit: int | None = None,
    ) -> EngineContext:
        """Make the context of one hook call."""
        return EngineContext(
            control=control,
            resources=self.resources,
            connector=self.name,
            role=self.connector.role,
            stream=stream,
            attempt=attempt,
            streams=streams,
            patterns=patterns,
            limit=limit,
        )


@attrs.frozen(kw_only=True)
class Pipe:
    """The two sides of a run."""

    source: Side
    writer: Side

    def sides(self) -> dict[Role, Side]:
        """Return the sides by role."""
        return {Role.SOURCE: self.source, Role.WRITER: self.writer}

    @contextlib.contextmanager
    def extract(
        self, request: StreamRequest, state: Checkpoint | None, context: EngineContext
    ) -> Iterator[Iterator[Batch]]:
        """Start the source's generator and close it, in this same thread, when left."""
        batches = self.source.connector.extract(self.source.config, request, state, context)
        with contextlib.closing(cast("Generator[Batch, None, None]", batches)):
            yield batches

    def open_session(
        self, request: WriteRequest, control: RunControl, attempt: int
    ) -> WriteSession:
        """Open the writing of one stream."""
        context = self.writer.context(control, stream=request.stream, attempt=attempt)
        return self.writer.connector.write(self.writer.config, request, context)

    def close(self) -> None:
        """Close what both sides shared; readers first, so the source goes before the writer."""
        self.source.resources.close()
        self.writer.resources.close()
