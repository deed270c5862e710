"""What is published of one stream, read back through its writer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TypeAlias

import arro3.core as arro3
import attrs

from dativo.contract import WriteRequest
from dativo.engine._arrow import fields_of, lazy
from dativo.engine._control import RunControl
from dativo.engine._events import Observer
from dativo.engine._means import open_control
from dativo.engine._open import JobFile, Sides, open_job, open_sides, select
from dativo.engine._pipe import Side
from dativo.engine._plan import make_plans
from dativo.engine._text import column_texts
from dativo.engine._views import Field, PublishedRows
from dativo.errors import DativoError, UsageError, wrap_exception

__all__ = ["OnRows", "Row", "cat"]

Row: TypeAlias = tuple[str | None, ...]
OnRows: TypeAlias = Callable[[tuple[Field, ...], Sequence[Row]], bool]


def cat(
    job: JobFile,
    *,
    stream: str | None = None,
    limit: int | None = None,
    on_rows: OnRows | None = None,
    observer: Observer | None = None,
) -> PublishedRows:
    """Read what is published of one stream of *job*, in the memory that a few batches take.

    Args:
        job: A job, or the path of its file.
        stream: The stream; may be missing if the job has only one.
        limit: At most so many records.
        on_rows: Is called with the fields and some records, first with none, and says whether
            to go on; without it all records are in the result.
        observer: Is told what happens.

    Raises:
        CapabilityMissingError: The writer cannot read back.
        DativoError: Nothing is published, or it cannot be read.
    """
    opened = open_job(job)
    found: list[Row] = []

    def keep(_: tuple[Field, ...], rows: Sequence[Row]) -> bool:
        found.extend(rows)
        return True

    with open_sides(opened) as sides, open_control(opened, observer=observer) as control:
        request = _request(sides, control, stream)
        writer = sides.pipe.writer
        with _located(writer, control, request.stream):
            fields, batches = _open(writer, control, request)
            pages = _Pages(limit, on_rows or keep)
            with contextlib.closing(batches):
                pages.take_all(fields, batches)
    return PublishedRows(
        job=opened.name,
        stream=request.stream,
        fields=fields,
        rows=tuple(found),
        count=pages.count,
        complete=pages.complete,
    )


def _request(sides: Sides, control: RunControl, stream: str | None) -> WriteRequest:
    only = [] if stream is None else [stream]
    selected = select(sides, control, only=only)
    plan, *others = make_plans(sides.job, selected, sides.pipe, full_refresh=False)
    if others:
        names = ", ".join(one.stream for one in (plan, *others))
        msg = f"the job has several streams: {names}"
        raise UsageError(msg, fix="Name one with --stream.")
    return plan.write


def _open(
    writer: Side, control: RunControl, request: WriteRequest
) -> tuple[tuple[Field, ...], Generator[arro3.RecordBatch]]:
    context = writer.context(control, stream=request.stream)
    reader = lazy(writer.connector.read_back(writer.config, request, context))

    def batches() -> Generator[arro3.RecordBatch]:
        with contextlib.closing(reader.batches()) as found:
            for batch in found:
                control.cancellation.raise_if_set()
                yield arro3.RecordBatch.from_arrow(batch)

    return fields_of(reader.schema), batches()


@contextlib.contextmanager
def _located(writer: Side, control: RunControl, stream: str) -> Iterator[None]:
    """Turn whatever a reader of the writer raises into an error that says where."""
    try:
        yield
    except DativoError as error:
        raise control.redacted(error.located(stream=stream)) from error
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        wrapped = wrap_exception(error, connector=writer.name, phase="read_back", stream=stream)
        raise control.redacted(wrapped) from error


@attrs.define
class _Pages:
    """Hands on records as texts, up to a limit, and finds out whether there are more."""

    _limit: int | None
    _tell: OnRows
    count: int = 0
    complete: bool = True

    def take_all(self, fields: tuple[Field, ...], batches: Iterator[arro3.RecordBatch]) -> None:
        """Hand on the records of *batches*."""
        is_wanted = self._tell(fields, ())
        while is_wanted and (batch := next(batches, None)) is not None:
            if self._limit is not None and self.count + batch.num_rows > self._limit:
                self.complete = is_wanted = False
                batch = batch.slice(0, self._limit - self.count)
            self.count += batch.num_rows
            if batch.num_rows:
                columns = [column_texts(column) for column in batch.columns]
                is_wanted &= self._tell(fields, list(zip(*columns, strict=True)))
        self.complete &= is_wanted
