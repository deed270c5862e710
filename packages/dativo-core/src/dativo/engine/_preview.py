"""The first records of each stream as text; nothing is written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import arro3.core as arro3

from dativo.contract import ArrowArray, StreamRequest
from dativo.engine._arrow import LazyReader, fields_of, lazy
from dativo.engine._control import RunControl
from dativo.engine._events import Observer
from dativo.engine._means import open_control
from dativo.engine._notices import tell_notices
from dativo.engine._open import JobFile, Sides, open_job, open_sides, select
from dativo.engine._text import column_texts
from dativo.engine._transform import Change, Changes, Transforming
from dativo.engine._views import PreviewResult, PreviewTable
from dativo.errors import ContractViolationError, DativoError, wrap_exception

__all__ = ["preview"]


def preview(
    job: JobFile,
    *,
    rows: int = 10,
    streams: Sequence[str] = (),
    observer: Observer | None = None,
) -> PreviewResult:
    """Read the first records of each stream of *job*.

    Args:
        job: A job, or the path of its file.
        rows: At most so many records of each stream.
        streams: Only these of the job's streams; empty for all.
        observer: Is told what happens.

    Raises:
        DativoError: The job or a plugin is wrong; a stream that fails is in the result.
    """
    opened = open_job(job)
    with (
        open_sides(opened, writer=False) as sides,
        open_control(opened, observer=observer) as control,
    ):
        tell_notices(sides, control)
        requests = [one.request for one in select(sides, control, only=streams)]
        tables = tuple(_table(sides, control, request, rows) for request in requests)
    return PreviewResult(job=opened.name, tables=tables)


def _table(sides: Sides, control: RunControl, request: StreamRequest, rows: int) -> PreviewTable:
    try:
        return _read(sides, control, request, rows)
    except DativoError as error:
        failed = error
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, also SystemExit
        failed = wrap_exception(
            error, connector=sides.source.name, phase="preview", stream=request.stream
        )
    control.redacted(failed.located(stream=request.stream))
    return PreviewTable(stream=request.stream, fields=(), rows=(), error=failed)


def _read(sides: Sides, control: RunControl, request: StreamRequest, rows: int) -> PreviewTable:
    source = sides.source
    context = source.context(control, stream=request.stream, limit=rows)
    changes = Changes(
        Transforming(
            transformers=sides.transformers,
            control=control,
            source=source.name,
            stream=request.stream,
            primary_key=request.primary_key,
        )
    )
    schema: arro3.Schema | None = None
    values: list[tuple[str | None, ...]] = []
    with source.extract(request, None, context) as batches:
        for batch in batches:
            reader = lazy(batch.data)
            change = changes.of(reader.schema, batch.op)
            schema = reader.schema if change is None else change.schema
            values.extend(_rows(reader, change, rows - len(values)))
            if len(values) >= rows:
                break
    if schema is None:
        msg = "the source yielded no batch; an empty stream is one batch without rows"
        raise ContractViolationError(msg, connector=source.name, stream=request.stream)
    return PreviewTable(stream=request.stream, fields=fields_of(schema), rows=tuple(values))


def _rows(
    reader: LazyReader, change: Change | None, wanted: int
) -> Iterator[tuple[str | None, ...]]:
    """Take at most *wanted* records and close the reader, so that its connection is given back."""
    with contextlib.closing(reader.batches()) as batches:
        for batch in batches:
            taken = _head(batch, wanted)
            wanted -= taken.num_rows
            shown = taken if change is None else change.apply(taken)
            columns = [column_texts(column) for column in shown.columns]
            yield from zip(*columns, strict=True)
            if wanted <= 0:
                return


def _head(batch: ArrowArray, wanted: int) -> arro3.RecordBatch:
    record_batch = arro3.RecordBatch.from_arrow(batch)
    return record_batch.slice(0, min(wanted, record_batch.num_rows))
