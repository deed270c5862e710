"""One loaded connector: its hooks as typed calls inside the error boundary."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import attrs

from dativo.contract import (
    ArrowStream,
    Batch,
    Checkpoint,
    CompactResult,
    ConnectionTestResult,
    ConnectorInfo,
    Context,
    HeldLock,
    Operation,
    ReadPlan,
    Role,
    RowCount,
    Stream,
    StreamRequest,
    WritePlan,
    WriteRequest,
)
from dativo.errors import CapabilityMissingError, DativoDeprecationWarning
from dativo.plugins._boundary import Place
from dativo.plugins._origin import Origin
from dativo.plugins._session import GuardedSession, guard_lock, guard_session

if TYPE_CHECKING:
    import pluggy

__all__ = ["Connector"]


@attrs.frozen(kw_only=True, eq=False)
class Connector:
    """A connector that plays one role; every call either keeps the contract or raises.

    Attributes:
        name: The address in job files.
        role: What it plays here.
        origin: Where it comes from.
        info: What it says of itself.
        hooks: The hooks that it implements.
        notices: What of it is deprecated.
    """

    name: str
    role: Role
    origin: Origin
    info: ConnectorInfo
    hooks: frozenset[str]
    notices: tuple[DativoDeprecationWarning, ...] = ()
    _manager: pluggy.PluginManager = attrs.field(repr=False, alias="manager")

    @property
    def distribution(self) -> str:
        """The distribution that it comes from; empty for a file."""
        return self.origin.distribution

    @property
    def version(self) -> str:
        """The distribution's version; empty for a file."""
        return self.origin.version

    def check_connection(self, config: object, context: Context) -> ConnectionTestResult:
        """Try all that a run needs."""
        place = self._place("check")
        found = self._call(place, "check_connection", config=config, context=context)
        return place.expect(found, ConnectionTestResult)

    def discover(self, config: object, context: Context) -> Iterator[Stream]:
        """Return the streams of the source as they are found."""
        place = self._place("discover")
        found = self._call(place, "discover", config=config, context=context)
        return place.iterate(found, lambda item: place.expect(item, Stream))

    def extract(
        self, config: object, request: StreamRequest, state: Checkpoint | None, context: Context
    ) -> Iterator[Batch]:
        """Return the records of one stream; plain frames come as batches without checkpoint."""
        place = self._place("extract", request.stream)
        found = self._call(
            place, "extract", config=config, request=request, state=state, context=context
        )
        return place.iterate(found, lambda item: _batch(place, item))

    def plan_read(
        self, config: object, request: StreamRequest, state: Checkpoint | None, context: Context
    ) -> ReadPlan:
        """Return what an extract would do."""
        place = self._place("plan", request.stream)
        found = self._call(
            place, "plan_read", config=config, request=request, state=state, context=context
        )
        return place.expect(found, ReadPlan)

    def plan_write(
        self, config: object, request: WriteRequest, read: ReadPlan, context: Context
    ) -> WritePlan:
        """Return what writing the records of *read* would do."""
        place = self._place("plan", request.stream)
        found = self._call(
            place, "plan_write", config=config, request=request, read=read, context=context
        )
        return place.expect(found, WritePlan)

    @contextlib.contextmanager
    def lock(self, config: object, context: Context) -> Iterator[HeldLock | None]:
        """Hold the whole target for the job, if the writer can; else do nothing."""
        if "lock" not in self.hooks:
            yield None
            return
        place = self._place("lock")
        found = self._call(place, "lock", config=config, context=context)
        manager = place.expect(found, AbstractContextManager)  # type: ignore[type-abstract]
        held = place.call(manager.__enter__)
        try:
            yield None if held is None else guard_lock(place, held)
        finally:
            # Only its own failure counts here: what was published is published.
            place.call(lambda: manager.__exit__(None, None, None))

    def write(self, config: object, request: WriteRequest, context: Context) -> GuardedSession:
        """Open the writing of one stream."""
        place = self._place("write", request.stream)
        session = self._call(place, "write", config=config, request=request, context=context)
        return guard_session(place, session)

    def read_back(self, config: object, request: WriteRequest, context: Context) -> ArrowStream:
        """Return what is published of one stream."""
        place = self._place("read_back", request.stream)
        found = self._call(place, "read_back", config=config, request=request, context=context)
        return _arrow(place, found)

    def compact(self, config: object, request: WriteRequest, context: Context) -> CompactResult:
        """Rewrite what is published of one stream into fewer files."""
        place = self._place("compact", request.stream)
        found = self._call(place, "compact", config=config, request=request, context=context)
        return place.expect(found, CompactResult)

    def _place(self, phase: str, stream: str | None = None) -> Place:
        return self.origin.place(phase, stream)

    def _call(self, place: Place, hook: str, **arguments: Any) -> object:
        if hook not in self.hooks:
            msg = f"{self.origin.title} has no {hook}"
            raise CapabilityMissingError(
                msg, connector=self.name, stream=place.stream, phase=place.phase
            )
        caller = getattr(self._manager.hook, hook)
        return place.call(lambda: caller(**arguments))


def _batch(place: Place, item: object) -> Batch:
    if not isinstance(item, Batch):
        return Batch(_arrow(place, item))
    _arrow(place, item.data)
    if item.checkpoint is not None:
        place.expect(item.checkpoint, Checkpoint)
    operation: object = item.op
    if operation not in tuple(Operation):
        raise place.violation(f"gave a batch with the operation {operation!r}")
    return attrs.evolve(item, op=Operation(item.op), rows=_rows(place, item.rows))


def _rows(place: Place, rows: RowCount | None) -> RowCount | None:
    """Put the source's own count inside the boundary, whenever it is told."""
    if callable(rows):
        return lambda: _count(place, place.call(rows))
    return None if rows is None else _count(place, rows)


def _count(place: Place, rows: object) -> int:
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 0:
        raise place.violation(f"gave {rows!r} where a number of rows is due")
    return rows


def _arrow(place: Place, item: object) -> ArrowStream:
    return place.expect(item, ArrowStream)  # type: ignore[type-abstract] # a runtime protocol
