"""A context for the tests of connectors: what the engine gives to hooks, without an engine."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import attrs
import pyarrow as pa

from dativo.contract import CONTRACT_VERSION, ArrowArray, ArrowSchema, ArrowStream, StreamRequest

__all__ = ["FakeContext"]

T = TypeVar("T")


@attrs.define(kw_only=True)
class FakeContext:
    """Settings as the engine would give them, and a record of what the connector said.

    Used as a context manager it closes the resources that were opened, as the engine does.
    """

    contract: str = CONTRACT_VERSION
    features: frozenset[str] = frozenset()
    job_id: str = "job"
    run_id: str = "run"
    attempt: int = 1
    fence: int = 1
    parallelism: int = 2
    batch_rows: int = 65_536
    batch_bytes: int = 4 << 20
    buffer_bytes: int = 16 << 20
    streams: tuple[StreamRequest, ...] = ()
    patterns: tuple[str, ...] = ()
    limit: int | None = None
    deadline: float | None = None
    workdir: Path = attrs.field(factory=lambda: Path(tempfile.gettempdir()))
    is_cancelled: bool = False
    logs: list[tuple[str, str]] = attrs.field(factory=list)
    notes: list[str] = attrs.field(factory=list)
    opened: list[str] = attrs.field(factory=list)
    errors: list[Exception] = attrs.field(factory=list)
    _resources: dict[str, tuple[Any, ExitStack]] = attrs.field(factory=dict)
    _on_cancel: list[Callable[[], None]] = attrs.field(factory=list)
    _lock: threading.RLock = attrs.field(factory=threading.RLock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def cancelled(self) -> bool:
        return self.is_cancelled

    def cancel(self) -> None:
        """Stop the run, as a signal does."""
        self.is_cancelled = True
        for call in list(self._on_cancel):
            call()

    @contextmanager
    def on_cancel(self, call: Callable[[], None]) -> Iterator[None]:
        self._on_cancel.append(call)
        try:
            yield
        finally:
            self._on_cancel.remove(call)

    def log(self, message: str, *, level: str = "info", **fields: object) -> None:
        self.logs.append((level, message))

    def progress(self, note: str = "") -> None:
        self.notes.append(note)

    def resource(self, key: str, factory: Callable[[], AbstractContextManager[T]]) -> T:
        with self._lock:
            if key not in self._resources:
                stack = ExitStack()
                self._resources[key] = (stack.enter_context(factory()), stack)
                self.opened.append(key)
            resource: T = self._resources[key][0]
            return resource

    def discard(self, key: str, resource: object) -> None:
        with self._lock:
            if key in self._resources and self._resources[key][0] is resource:
                self._resources.pop(key)[1].close()

    def retry(self, call: Callable[[], T]) -> T:
        return call()

    def reader(self, schema: ArrowSchema, batches: Iterable[ArrowArray]) -> ArrowStream:
        reader: ArrowStream = pa.RecordBatchReader.from_batches(
            pa.schema(schema), self._keeping(batches)
        )
        return reader

    def read(self, stream: ArrowStream) -> pa.Table:
        """Drain *stream*; an exception of the connector comes through as it was raised."""
        try:
            return pa.RecordBatchReader.from_stream(stream).read_all()
        except pa.ArrowException as error:
            if self.errors:
                raise self.errors.pop() from error
            raise

    def _keeping(self, batches: Iterable[ArrowArray]) -> Iterator[ArrowArray]:
        try:
            yield from batches
        except Exception as error:
            self.errors.append(error)
            raise

    def close(self) -> None:
        """Close every resource, as the engine does when the last reader has ended."""
        with self._lock:
            for _, stack in self._resources.values():
                stack.close()
            self._resources.clear()
