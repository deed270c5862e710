"""The two sides of a run: loaded connectors with their settings and what their calls share."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import cast

import attrs

from dativo.config import Node, ProblemList, structure
from dativo.contract import (
    Batch,
    Checkpoint,
    ReadPlan,
    Role,
    SourceInfo,
    StreamRequest,
    WriteRequest,
    WriterInfo,
)
from dativo.engine._context import EngineContext
from dativo.engine._control import RunControl
from dativo.engine._extensions import LoadedExtension
from dativo.engine._resources import Resources
from dativo.engine._transform import Transforming
from dativo.errors import StateError
from dativo.plugins import Connector, GuardedSession

__all__ = ["Pipe", "Side", "make_side", "role_info"]


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
            part=self.connector.role.value,
            stream=stream,
            attempt=attempt,
            fence=control.fence,
            streams=streams,
            patterns=patterns,
            limit=limit,
        )

    @contextlib.contextmanager
    def extract(
        self, request: StreamRequest, state: Checkpoint | None, context: EngineContext
    ) -> Iterator[Iterator[Batch]]:
        """Start the source's generator and close it, in this same thread, when left.

        Raises:
            StateError: *state* is of a newer version than the source makes.
        """
        self._require_known(state, request)
        batches = self.connector.extract(self.config, request, state, context)
        with contextlib.closing(cast("Generator[Batch, None, None]", batches)):
            yield batches

    def plan_read(
        self, request: StreamRequest, state: Checkpoint | None, context: EngineContext
    ) -> ReadPlan:
        """Return what the source would read from *state*; nothing if it has no plans.

        Raises:
            StateError: *state* is of a newer version than the source makes.
        """
        self._require_known(state, request)
        if "plan_read" not in self.connector.hooks:
            return ReadPlan()
        return self.connector.plan_read(self.config, request, state, context)

    def _require_known(self, state: Checkpoint | None, request: StreamRequest) -> None:
        """See that the source can know what *state* means; an older version is its own affair."""
        info = self.connector.info.source
        assert info is not None  # it plays this role
        if state is None or state.version <= info.checkpoint_version:
            return
        msg = (
            f"the checkpoint has the version {state.version}; the source {self.name!r} makes and "
            f"reads {info.checkpoint_version}"
        )
        fix = (
            "Upgrade the connector, or set a checkpoint that it has made (`dativo state show`), "
            "or run once with --full-refresh."
        )
        raise StateError(msg, fix=fix, connector=self.name, stream=request.stream)

    def open_session(self, request: WriteRequest, context: EngineContext) -> GuardedSession:
        """Open the writing of one stream."""
        return self.connector.write(self.config, request, context)


@attrs.frozen(kw_only=True)
class Pipe:
    """Where the records come from, what they pass, and where they go."""

    source: Side
    writer: Side
    transformers: tuple[LoadedExtension, ...] = ()

    def transforming(
        self, request: StreamRequest, control: RunControl, *, attempt: int = 1
    ) -> Transforming:
        """Return what the records of one try at a stream pass."""
        return Transforming(
            transformers=self.transformers,
            control=control,
            source=self.source.name,
            stream=request.stream,
            primary_key=request.primary_key,
            attempt=attempt,
        )


def make_side(
    connector: Connector, settings: Node, problems: ProblemList, *, reopens: bool = True
) -> Side:
    """Structure the *settings* of *connector*; what is wrong with them goes to *problems*."""
    config = structure(settings, role_info(connector).config, collect=problems)
    return Side(connector=connector, config=config, resources=Resources(reopens=reopens))


def role_info(connector: Connector) -> SourceInfo | WriterInfo:
    """Return what *connector* says of the role that it plays."""
    info = connector.info.source if connector.role is Role.SOURCE else connector.info.writer
    assert info is not None  # load_connector saw to it
    return info
