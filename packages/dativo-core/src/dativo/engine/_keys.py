"""Deletions by a scan of keys: what the source has no longer is found by what it still has."""

from __future__ import annotations

from collections.abc import Iterator

import arro3.core as arro3

from dativo.contract import ArrowArray, Batch, Operation, Staged, StreamRequest, failpoint
from dativo.engine._arrow import LazyReader, Tap, lazy
from dativo.engine._context import EngineContext
from dativo.engine._control import RunControl
from dativo.engine._count import Counting
from dativo.engine._pipe import Side
from dativo.engine._transform import Change, Transforming
from dativo.errors import (
    ContractViolationError,
    DativoError,
    PluginExecutionError,
    WriteFailedError,
    wrap_exception,
)
from dativo.plugins import GuardedSession

__all__ = ["KeyScan"]


class KeyScan:
    """Reads all keys of one stream and has the writer delete what is not among them.

    Args:
        source: Where the keys are read.
        request: A full read of the primary key alone.
        session: Where the deletions are staged.
        counting: Compares what source and engine counted.
        transforming: The transformers that keys pass like the records before them.
        control: The run.
    """

    def __init__(
        self,
        source: Side,
        request: StreamRequest,
        *,
        session: GuardedSession,
        counting: Counting,
        transforming: Transforming,
        control: RunControl,
    ) -> None:
        self._source = source
        self._request = request
        self._session = session
        self._counting = counting
        self._transforming = transforming
        self._control = control
        self._is_complete = False

    def delete_missing(self, context: EngineContext, sequence: int) -> Staged:
        """Read the keys in this thread, lazily, and return the staged deletions.

        Raises:
            DativoError: The source or the writer failed, or keys got lost on their way.
        """
        failpoint("engine.keys.before")
        with self._source.extract(self._request, None, context) as batches:
            first = next(batches, None)
            if first is None:
                raise self._violation("yielded no batch; no keys are one batch without rows")
            given = self._reader(first)
            change = self._change(given.schema)
            keys = self._keys(first, given, batches, change)
            reader = LazyReader(given.schema if change is None else change.schema, keys)
            try:
                staged = self._session.delete_missing(Batch(reader, sequence=sequence))
            except BaseException as error:
                if reader.error is None:
                    raise
                # The writer only met the echo of it; the source's own error is the cause.
                raise self._source_error(reader.error) from error
            finally:
                reader.close()
        self._require_complete(reader)
        failpoint("engine.keys.after")
        return staged

    def _keys(
        self, batch: Batch, reader: LazyReader, others: Iterator[Batch], change: Change | None
    ) -> Iterator[ArrowArray]:
        schema, check = reader.schema, self._control.cancellation.raise_if_set
        while True:
            tap = Tap(reader, tell=self._tell, check=check, change=change)
            yield from tap.batches()
            self._counting.require_read(batch, tap.rows)
            following = next(others, None)
            if following is None:
                break
            batch, reader = following, self._reader(following)
            if not reader.schema.equals(schema):
                raise self._violation("gave keys of different schemas")
        self._is_complete = True

    def _reader(self, batch: Batch) -> LazyReader:
        self._counting.require_given(batch)
        reader = lazy(batch.data)
        if batch.op is Operation.DELETE:
            raise self._violation("gave a batch of deletions")
        if set(reader.schema.names) != set(self._request.columns):
            raise self._violation(f"gave the fields {', '.join(reader.schema.names)}")
        return reader

    def _change(self, schema: arro3.Schema) -> Change | None:
        """Ask the transformers what becomes of the keys; they are nothing but keys afterwards."""
        change = self._transforming.change(schema, partial=True)
        if change is not None and set(change.schema.names) != set(self._request.columns):
            names, keys = ", ".join(change.schema.names), ", ".join(self._request.columns)
            raise ContractViolationError(
                f"the transformers made the fields {names} of a scan of the keys ({keys})",
                fix="Of a request that is partial, a transformer adds and renames no field.",
                stream=self._request.stream,
                phase="transform",
            )
        return change

    def _tell(self, _rows: int, _size_bytes: int) -> None:
        # Keys are no records of the stream, so nobody is told of them.
        self._control.moved()

    def _require_complete(self, reader: LazyReader) -> None:
        """See that the writer has seen every key: what it did not see, it would delete."""
        if reader.error is not None:
            raise self._source_error(reader.error)
        if not self._is_complete:
            msg = "the writer did not drain the keys; it would delete records that still exist"
            raise WriteFailedError(
                msg, stream=self._request.stream, phase="delete_missing", retryable=False
            )

    def _source_error(self, error: BaseException) -> DativoError:
        return wrap_exception(
            error,
            default=PluginExecutionError,
            connector=self._source.name,
            stream=self._request.stream,
            phase="extract",
        )

    def _violation(self, what: str) -> ContractViolationError:
        keys = ", ".join(self._request.columns)
        return ContractViolationError(
            f"the source {self._source.name!r} was asked for the keys ({keys}) and {what}",
            connector=self._source.name,
            stream=self._request.stream,
            phase="extract",
        )
