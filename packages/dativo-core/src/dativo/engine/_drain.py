"""Draining lazy readers into a writer, several at once, each behind a counting tap."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, wait

import arro3.core as arro3

from dativo.contract import Batch, BatchRead, Operation, SchemaRead, Staged, WriteSession, failpoint
from dativo.engine._arrow import Tap, lazy
from dativo.engine._control import RunControl
from dativo.engine._count import Counting
from dativo.engine._epoch import Epoch
from dativo.engine._slots import Slots
from dativo.engine._transform import Changes, Transforming
from dativo.errors import (
    ContractViolationError,
    DataValidationError,
    DativoError,
    PluginExecutionError,
    RunInterruptedError,
    wrap_exception,
)

__all__ = ["Drain"]


class Drain:
    """Starts readers as they come and gathers what was staged.

    Args:
        session: Where the records go.
        slots: The run's threads; the readers of all streams share them.
        control: The run.
        counting: Compares what source, engine and writer counted, and knows their names.
        transforming: The transformers that records pass.
        takes_deletions: Whether the writer takes batches of deletions now.
    """

    def __init__(
        self,
        session: WriteSession,
        *,
        slots: Slots,
        control: RunControl,
        counting: Counting,
        transforming: Transforming,
        takes_deletions: bool = False,
    ) -> None:
        self._session = session
        self._slots = slots
        self._control = control
        self._counting = counting
        self._changes = Changes(transforming)
        self._takes_deletions = takes_deletions
        self._source = counting.source
        self._stream = counting.stream
        self._failed = threading.Event()
        self._running: deque[Future[tuple[Staged, int]]] = deque()
        self._schemas: dict[Operation, arro3.Schema] = {}

    def start(self, batch: Batch, epoch: Epoch) -> None:
        """Start draining *batch*; wait only if as many readers are under way as there are slots."""
        self._counting.require_given(batch)
        self._check_operation(batch)
        reader = lazy(batch.data)
        is_first = not self._schemas
        self._check_schema(reader.schema, batch.op)
        change = self._changes.of(reader.schema, batch.op)
        tap = Tap(reader, tell=self._tell, check=self._check, change=change)
        if is_first:
            self._tell_schema(reader.schema, tap.schema)
        while len(self._running) >= self._control.limits.parallelism:
            self._collect(epoch, until=FIRST_COMPLETED)
        sequence = epoch.next_sequence()
        self._running.append(self._slots.submit(lambda: self._drain(batch, tap, sequence)))

    def finish(self, epoch: Epoch) -> None:
        """Wait until all readers are drained.

        Raises:
            DativoError: The first failure of a reader.
        """
        while self._running:
            self._collect(epoch, until=FIRST_COMPLETED)

    def stop(self) -> None:
        """Make the readers stop at their next batch and wait for them; errors are dropped."""
        self._failed.set()
        wait(self._running)
        self._running.clear()

    def _collect(self, epoch: Epoch, *, until: str) -> None:
        wait(self._running, return_when=until)
        for future in [future for future in self._running if future.done()]:
            self._running.remove(future)
            epoch.add(*future.result())

    def _drain(self, batch: Batch, tap: Tap, sequence: int) -> tuple[Staged, int]:
        self._check()
        given = Batch(tap, batch.checkpoint, batch.op, sequence=sequence)
        try:
            staged = self._session.stage(given)
            failpoint("engine.drain.staged")
        except BaseException as error:
            if tap.error is None:
                raise
            # The writer only met the echo of it; the source's own error is the cause.
            raise self._source_error(tap.error) from error
        finally:
            tap.close()
        self._counting.require_staged(batch, read=tap.rows, staged=staged.rows)
        return staged, tap.size_bytes

    def _source_error(self, error: BaseException) -> DativoError:
        return wrap_exception(
            error,
            default=PluginExecutionError,
            connector=self._source,
            stream=self._stream,
            phase="extract",
        )

    def _check(self) -> None:
        self._control.cancellation.raise_if_set()
        if self._failed.is_set():
            msg = "another reader of the stream failed"
            raise RunInterruptedError(msg, stream=self._stream)

    def _check_operation(self, batch: Batch) -> None:
        if batch.op is Operation.DELETE and not self._takes_deletions:
            msg = "a batch of deletions needs the write mode merge and a writer that deletes"
            raise ContractViolationError(
                msg, connector=self._source, stream=self._stream, phase="extract"
            )

    def _check_schema(self, schema: arro3.Schema, op: Operation) -> None:
        if len(set(schema.names)) != len(schema.names):
            msg = f"a stream cannot have two fields of the same name: {sorted(schema.names)}"
            raise ContractViolationError(
                msg, connector=self._source, stream=self._stream, phase="extract"
            )
        # Deletions may have the fields of the key alone.
        if not self._schemas.setdefault(op, schema).equals(schema):
            msg = "two readers of one stream have different schemas"
            raise DataValidationError(
                msg, connector=self._source, stream=self._stream, phase="extract"
            )

    def _tell_schema(self, source_schema: arro3.Schema, schema: arro3.Schema) -> None:
        self._control.tell(
            SchemaRead(
                job=self._control.job,
                run_id=self._control.run_id,
                stream=self._stream,
                source_schema=source_schema,
                schema=schema,
            )
        )

    def _tell(self, rows: int, size_bytes: int) -> None:
        self._control.moved()
        self._control.tell(
            BatchRead(
                job=self._control.job,
                run_id=self._control.run_id,
                stream=self._stream,
                rows=rows,
                size_bytes=size_bytes,
            )
        )
