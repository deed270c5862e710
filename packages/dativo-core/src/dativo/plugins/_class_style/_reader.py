"""The hooks of a reader of the class style."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import attrs

from dativo.contract import (
    Batch,
    Checkpoint,
    ConnectionTestResult,
    ConnectorInfo,
    Context,
    JsonValue,
    ReadMode,
    ReadPlan,
    Replay,
    SourceInfo,
    Stream,
    StreamRequest,
    hookimpl,
)
from dativo.errors import (
    CapabilityMissingError,
    ContractViolationError,
    DataNotFoundError,
    InvalidConfigError,
    StateUnreadableError,
)
from dativo.plugins._class_style._kinds import Kind, kind_of
from dativo.plugins._class_style._records import Record, Tables, infer, records_of
from dativo.plugins._class_style._reports import (
    check_result,
    declared_kinds,
    streams_of,
    translating,
)
from dativo.plugins._class_style._settings import ReaderOptions, ReaderSettings, source_config
from dativo.plugins._class_style._state import StateManager

__all__ = ["Reader"]

_SAMPLE = 1_000


@attrs.frozen(eq=False)
class Reader:
    """Calls a reader of the class style; one object of its class for each call of a hook.

    Attributes:
        title: What the connector is called.
        style: The class.
        discovers: Whether it has a ``discover`` of its own.
    """

    title: str
    style: Callable[[Any], Any]
    discovers: bool = attrs.field(kw_only=True)

    @hookimpl
    def describe(self) -> ConnectorInfo:
        """Say what the class style can do; of the class itself nothing is known."""
        info = SourceInfo(
            config=ReaderSettings,
            options=ReaderOptions,
            read_modes=(ReadMode.FULL, ReadMode.INCREMENTAL),
            replay=Replay.AT_LEAST_ONCE,
        )
        return ConnectorInfo(title=self.title, source=info)

    @hookimpl
    def check_connection(self, config: ReaderSettings, context: Context) -> ConnectionTestResult:
        """Ask the class."""
        with translating():
            found = self.style(source_config(config)).check_connection()
        return check_result(found, context.streams)

    @hookimpl
    def discover(self, config: ReaderSettings) -> Iterator[Stream]:
        """Ask the class."""
        with translating():
            found = self.style(source_config(config)).discover()
        yield from streams_of(found)

    @hookimpl
    def plan_read(self, config: ReaderSettings, request: StreamRequest) -> ReadPlan:
        """Ask the class for its estimate, which does not know increments."""
        with translating():
            found = self.style(source_config(config, request)).get_total_records_estimate()
        is_count = isinstance(found, int) and not isinstance(found, bool) and found >= 0
        return ReadPlan(rows=found if is_count and request.mode is ReadMode.FULL else None)

    @hookimpl
    def extract(
        self,
        config: ReaderSettings,
        request: StreamRequest,
        state: Checkpoint | None,
        context: Context,
    ) -> Iterator[Batch]:
        """Read one stream; its checkpoint comes when all is yielded, not when the class says so.

        A class writes its state before it yields what that covers, or after, or far ahead; only
        at the end is it known that nothing of it is still to come.
        """
        before = {} if state is None else dict(state.value)
        path = context.workdir / f"class-style-{uuid.uuid4().hex}" / "state.json"
        manager = None
        if request.mode is ReadMode.INCREMENTAL:
            manager = StateManager(path, before)
        settings = source_config(config, request, state=None if manager is None else path)
        with translating():
            reader = self.style(settings)
            lists = _Lists(reader.extract(state_manager=manager))
            tables = self._tables(reader, request, before, lists=lists, context=context)
            for records in lists.rest():
                for at in range(0, len(records), context.batch_rows):
                    part = records[at : at + context.batch_rows]
                    yield Batch(tables.table(part), rows=len(part))
        yield Batch(tables.table(()), _checkpoint(manager, tables), rows=0)

    def _tables(
        self,
        reader: Any,
        request: StreamRequest,
        before: dict[str, JsonValue],
        *,
        lists: _Lists,
        context: Context,
    ) -> Tables:
        """Hold one schema: declared, or the last run's, or inferred from the first records."""
        said = _said(request.options)
        held = self._held(reader, request, before)
        if held is None:
            sample = lists.sample(_SAMPLE)
            held, empty = infer(sample, said)
            if not held:
                msg = f"stream {request.stream!r} has no records, so that its fields are not known"
                fix = "Declare them in the stream's options, such as schema: {id: integer}."
                raise DataNotFoundError(msg, fix=fix)
            if empty:
                names = ", ".join(empty)
                context.log(
                    f"the fields {names} had no values and are taken for text", level="warning"
                )
        return Tables({**held, **said}, request.columns)

    def _held(
        self, reader: Any, request: StreamRequest, before: dict[str, JsonValue]
    ) -> dict[str, Kind] | None:
        if self.discovers:
            found = declared_kinds(reader.discover(), request.stream)
            if found is not None:
                return found
        return _kept(before.get("schema"))


class _Lists:
    """The lists of records that a class yields, of which the first can be looked at in advance."""

    def __init__(self, found: object) -> None:
        if not isinstance(found, Iterable):
            msg = f"extract of the class gave {type(found).__name__}, not lists of records"
            raise ContractViolationError(msg)
        self._found = iter(found)
        self._ahead: list[Sequence[Record]] = []

    def sample(self, wanted: int) -> list[Record]:
        """Return about the first *wanted* records, which are yielded again."""
        for found in self._found:
            self._ahead.append(records_of(found))
            if sum(map(len, self._ahead)) >= wanted:
                break
        return list(itertools.chain.from_iterable(self._ahead))

    def rest(self) -> Iterator[Sequence[Record]]:
        """Yield all lists, and forget them."""
        while self._ahead:
            yield self._ahead.pop(0)
        for found in self._found:
            yield records_of(found)


def _kept(schema: Any) -> dict[str, Kind] | None:
    """Return the schema of a checkpoint.

    Raises:
        StateUnreadableError: Somebody has changed it to something else.
    """
    if schema is None:
        return None
    try:
        return {str(name): kind_of(str(kind)) for name, kind in schema}
    except (TypeError, ValueError) as error:
        msg = f"the checkpoint has a schema that is none: {error}"
        fix = "Set a checkpoint without `schema`; it is inferred again then."
        raise StateUnreadableError(msg, fix=fix) from error


def _said(options: object) -> dict[str, Kind]:
    assert isinstance(options, ReaderOptions)
    try:
        return {name: kind_of(word) for name, word in options.schema.items()}
    except ValueError as error:
        raise InvalidConfigError(f"the stream's options.schema: {error}") from error


def _checkpoint(manager: StateManager | None, tables: Tables) -> Checkpoint | None:
    """Return what the class has kept, with the schema, so that the next run holds it as well.

    Raises:
        CapabilityMissingError: It has kept nothing, so that each run would read all again.
    """
    if manager is None:
        return None
    if tables.count and not manager.was_written:
        msg = "the class has read records, but kept no state, although the stream is incremental"
        raise CapabilityMissingError(msg, fix="Read the stream with mode: full.")
    schema = [[name, kind.name] for name, kind in tables.kinds.items()]
    return Checkpoint({**manager.value(), "schema": schema})
