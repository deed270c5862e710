"""The engine's side of a hook call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

import attrs

from dativo.contract import (
    CONTRACT_VERSION,
    ArrowArray,
    ArrowSchema,
    ArrowStream,
    RetryScheduled,
    StreamRequest,
)
from dativo.engine._arrow import LazyReader
from dativo.engine._control import RunControl
from dativo.engine._resources import Resources
from dativo.engine._retry import RetryPolicy
from dativo.errors import DativoError

__all__ = ["EngineContext"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class EngineContext:
    """What one hook call may ask for; see :class:`dativo.contract.Context`."""

    _control: RunControl = attrs.field(alias="control")
    _resources: Resources = attrs.field(alias="resources")
    _connector: str = attrs.field(alias="connector")
    _part: str = attrs.field(alias="part")
    stream: str = ""
    attempt: int = 1
    fence: int = 0
    streams: tuple[StreamRequest, ...] = ()
    patterns: tuple[str, ...] = ()
    limit: int | None = None
    _bystander: bool = attrs.field(default=False, alias="bystander")
    """It belongs to an observer, whose retries and signs of life must not count for the run."""

    @property
    def contract(self) -> str:
        return CONTRACT_VERSION

    @property
    def features(self) -> frozenset[str]:
        return frozenset()

    @property
    def job_id(self) -> str:
        return self._control.job

    @property
    def run_id(self) -> str:
        return self._control.run_id

    @property
    def parallelism(self) -> int:
        return self._control.limits.parallelism

    @property
    def batch_rows(self) -> int:
        return self._control.limits.batch_rows

    @property
    def batch_bytes(self) -> int:
        return self._control.limits.batch_bytes

    @property
    def buffer_bytes(self) -> int:
        return self._control.limits.buffer_bytes

    @property
    def deadline(self) -> float | None:
        return self._control.deadline

    @property
    def workdir(self) -> Path:
        folder = self._control.workdir / self._part
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def cancelled(self) -> bool:
        return self._control.cancellation.is_set()

    def on_cancel(self, call: Callable[[], None]) -> AbstractContextManager[None]:
        if self._bystander:
            return self._control.cancellation.calling(lambda: _start(call))
        return self._control.cancellation.calling(call)

    def log(self, message: str, *, level: str = "info", **fields: object) -> None:
        self._control.message(
            message, level=level, connector=self._connector, stream=self.stream, fields=fields
        )

    def progress(self, note: str = "") -> None:
        if not self._bystander:
            self._control.moved()
        if note:
            self.log(note, level="debug")

    def resource(self, key: str, factory: Callable[[], AbstractContextManager[T]]) -> T:
        return self._resources.get(key, factory)

    def discard(self, key: str, resource: object) -> None:
        self._resources.discard(key, resource)

    def retry(self, call: Callable[[], T]) -> T:
        policy = RetryPolicy() if self._bystander else self._control.retry
        return policy.call(
            call,
            cancellation=self._control.cancellation,
            tell=self._tell_retry,
            seconds_left=self._control.seconds_left,
        )

    def reader(self, schema: ArrowSchema, batches: Iterable[ArrowArray]) -> ArrowStream:
        return LazyReader(schema, batches)

    def _tell_retry(self, error: DativoError, attempt: int, wait_seconds: float) -> None:
        if self._bystander:
            return
        self._control.waiting(wait_seconds)
        self._control.tell(
            RetryScheduled(
                job=self._control.job,
                run_id=self._control.run_id,
                stream=self.stream,
                attempt=attempt,
                wait_seconds=wait_seconds,
                error=self._control.redacted(error),
            )
        )


def _start(call: Callable[[], None]) -> None:
    threading.Thread(target=call, name="dativo-observer-cancel", daemon=True).start()
