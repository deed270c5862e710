"""What a run would do, per stream; nothing is moved, claimed, locked or written for it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from dativo.config import Job
from dativo.contract import CommitRecord, ReadPlan, WritePlan
from dativo.engine._backfill import backfill_of
from dativo.engine._control import RunControl
from dativo.engine._events import Observer
from dativo.engine._guarantee import promise_of, require_guarantee
from dativo.engine._means import open_control
from dativo.engine._notices import tell_notices
from dativo.engine._open import JobFile, open_job, open_sides, select
from dativo.engine._pipe import Pipe
from dativo.engine._plan import make_plans
from dativo.engine._recover import Start, reconcile
from dativo.engine._reports import PlanReport, StreamForecast
from dativo.engine._writing import StreamPlan
from dativo.errors import ConfigurationError, DativoError
from dativo.state import Stored, read_stored

__all__ = ["ask_writer", "plan"]


def plan(
    job: JobFile,
    *,
    streams: Sequence[str] = (),
    full_refresh: bool = False,
    lower: str | None = None,
    upper: str | None = None,
    allow_duplicates: bool = False,
    observer: Observer | None = None,
) -> PlanReport:
    """Say what a run of *job* would do now, without moving data and without claiming the target.

    Where a run begins follows from what is published. A writer that cannot tell without claiming
    it leaves only the stored state to go by, and ``knows_target`` of the stream is false then.

    Args:
        job: A job, or the path of its file.
        streams: Only these of the job's streams; empty for all.
        full_refresh: Plan a full refresh.
        lower: Plan a backfill of what has this cursor value or a higher one.
        upper: Plan a backfill of what has a lower cursor value than this.
        allow_duplicates: Plan it also in append mode, which publishes such records twice.
        observer: Is told what happens.

    Raises:
        DativoError: The job, a plugin or the stored state is wrong; why a run would refuse a
            stream is in the report.
    """
    backfill = backfill_of(
        lower, upper, allow_duplicates=allow_duplicates, full_refresh=full_refresh
    )
    opened = open_job(job)
    stored = read_stored(opened.folder / ".dativo", opened.name)
    with open_sides(opened) as sides, open_control(opened, observer=observer) as control:
        tell_notices(sides, control)
        plans = sides.source.context(control).retry(
            lambda: make_plans(
                opened,
                select(sides, control, only=streams),
                sides.pipe,
                full_refresh=full_refresh,
                backfill=backfill,
            )
        )
        return PlanReport(
            job=opened.name,
            streams=tuple(_forecast(one, sides.pipe, control, stored) for one in plans),
            refusal=_refusal(opened, plans, sides.pipe),
        )


def _refusal(job: Job, plans: Sequence[StreamPlan], pipe: Pipe) -> DativoError | None:
    try:
        require_guarantee(job, plans, pipe)
    except ConfigurationError as error:
        return error
    return None


@attrs.frozen
class _Look:
    """What the connectors say, as far as a refusal let them be asked."""

    start: Start = attrs.field(factory=Start)
    read: ReadPlan = attrs.field(factory=ReadPlan)
    write: WritePlan = attrs.field(factory=WritePlan)
    error: DativoError | None = None


def _forecast(plan: StreamPlan, pipe: Pipe, control: RunControl, stored: Stored) -> StreamForecast:
    look = _look(plan, pipe, control, stored)
    promise = promise_of(plan, pipe, read=look.read, write=look.write)
    rows, resumes_at = look.read.rows, plan.resumes_at(look.start.checkpoint)
    if rows is None and resumes_at is None and not plan.is_backfill:
        rows = plan.estimated_rows
    return StreamForecast(
        stream=plan.stream,
        read_mode=plan.read.mode,
        write_mode=plan.write.mode,
        checkpoint=resumes_at,
        lower=(plan.read if plan.is_backfill else look.read).lower,
        upper=(plan.read if plan.is_backfill else look.read).upper,
        epoch=look.start.epoch,
        rows=rows,
        size_bytes=look.read.size_bytes,
        partitions=look.read.partitions,
        files=look.write.files,
        place=look.write.place,
        finds_deletions=plan.keys is not None,
        is_backfill=plan.is_backfill,
        is_resumable=not plan.is_one_epoch,
        rolls_forward=look.start.roll_forward,
        knows_target=look.write.knows_last_commit,
        guarantee=promise.guarantee,
        assumptions=promise.assumptions,
        reason=promise.reason,
        error=look.error,
    )


def _look(plan: StreamPlan, pipe: Pipe, control: RunControl, stored: Stored) -> _Look:
    look = _Look()
    try:
        write = ask_writer(plan, pipe, control, ReadPlan())
        look = attrs.evolve(look, write=write)
        look = attrs.evolve(look, start=_start(plan, control, stored, write))
        read = _ask_source(plan, pipe, control, look.start)
        look = attrs.evolve(look, read=read)
        return attrs.evolve(look, write=ask_writer(plan, pipe, control, read))
    except DativoError as error:
        return attrs.evolve(look, error=control.redacted(error.located(stream=plan.stream)))


def _start(plan: StreamPlan, control: RunControl, stored: Stored, write: WritePlan) -> Start:
    """Go through the start-up table of a run."""
    entry = stored.entries.get(plan.stream)
    record: CommitRecord | None = None if entry is None else entry.record
    return reconcile(
        write.last_commit if write.knows_last_commit else record,
        entry,
        job=control.job,
        fingerprint=plan.fingerprint,
        mode=plan.write.mode,
    )


def _ask_source(plan: StreamPlan, pipe: Pipe, control: RunControl, start: Start) -> ReadPlan:
    context = pipe.source.context(control, stream=plan.stream)
    state = plan.resumes_at(start.checkpoint)
    return context.retry(lambda: pipe.source.plan_read(plan.read, state, context))


def ask_writer(plan: StreamPlan, pipe: Pipe, control: RunControl, read: ReadPlan) -> WritePlan:
    """Return what the writer says of writing the records of *read*; nothing if it has no plans."""
    writer = pipe.writer
    if "plan_write" not in writer.connector.hooks:
        return WritePlan()
    context = writer.context(control, stream=plan.stream)
    return context.retry(
        lambda: writer.connector.plan_write(writer.config, plan.write, read, context)
    )
