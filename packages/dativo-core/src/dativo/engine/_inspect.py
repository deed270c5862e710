"""Looking at the state of a job and at the history of a project; nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from dativo.config import Job
from dativo.contract import ReadPlan, WriteMode
from dativo.engine._control import RunControl
from dativo.engine._events import Observer
from dativo.engine._forecast import ask_writer
from dativo.engine._means import open_control
from dativo.engine._open import JobFile, open_job, open_sides, select
from dativo.engine._pipe import Pipe
from dativo.engine._plan import make_plans
from dativo.engine._recover import reconcile
from dativo.engine._state_reports import StateReport, StreamState
from dativo.engine._writing import StreamPlan
from dativo.errors import DativoError, ResourceNotFoundError
from dativo.state import RunDetail, RunEntry, Stored, read_run, read_runs, read_stored

__all__ = ["list_runs", "show_run", "show_state"]


def list_runs(
    folder: str | Path = ".", *, job: str | None = None, limit: int = 50
) -> tuple[RunEntry, ...]:
    """Return the newest runs of the jobs in *folder*, the newest first.

    Args:
        folder: The folder of the job files.
        job: Only runs of this job.
        limit: At most so many.

    Raises:
        StateUnreadableError: There is a history, but it cannot be read.
    """
    return read_runs(Path(folder) / ".dativo", job=job, limit=limit)


def show_run(run_id: str, *, folder: str | Path = ".") -> RunDetail:
    """Return one run of a job in *folder*, with its streams and its commits.

    Args:
        run_id: The run; the beginning of its id is enough.
        folder: The folder of the job files.

    Raises:
        ResourceNotFoundError: No run has such an id, or more than one.
        StateUnreadableError: There is a history, but it cannot be read.
    """
    return read_run(Path(folder) / ".dativo", run_id)


def show_state(
    job: JobFile,
    *,
    streams: Sequence[str] = (),
    published: bool = False,
    observer: Observer | None = None,
) -> StateReport:
    """Return what is stored of *job*, for which no connector is loaded.

    Args:
        job: A job, or the path of its file.
        streams: Only these streams; empty for all that have a state.
        published: Also ask the writer what is published, and compare.
        observer: Is told what happens.

    Raises:
        StateUnreadableError: The state database cannot be read.
        DativoError: The job is wrong, or a connector if it was asked.
    """
    opened = open_job(job)
    stored = read_stored(opened.folder / ".dativo", opened.name)
    if published:
        states = _compared(opened, stored, streams, observer)
    else:
        states = _stored(opened, stored, streams)
    return StateReport(job=opened.name, streams=states, fence=stored.fence)


def _stored(job: Job, stored: Stored, only: Sequence[str]) -> tuple[StreamState, ...]:
    for name in only:
        if name not in stored.entries and job.select(name) is None:
            msg = f"the job has no stream {name!r}, and no state of one"
            raise ResourceNotFoundError(msg)
    return tuple(_of(stored, name) for name in only or stored.entries)


def _of(stored: Stored, stream: str) -> StreamState:
    entry = stored.entries.get(stream)
    if entry is None:
        return StreamState(stream=stream)
    return StreamState(stream=stream, record=entry.record, updated_at=entry.updated_at)


def _compared(
    job: Job, stored: Stored, only: Sequence[str], observer: Observer | None
) -> tuple[StreamState, ...]:
    with open_sides(job) as sides, open_control(job, observer=observer) as control:
        plans = sides.source.context(control).retry(
            lambda: make_plans(
                job, select(sides, control, only=only), sides.pipe, full_refresh=False
            )
        )
        found = tuple(_compare(plan, sides.pipe, control, stored) for plan in plans)
    named = {state.stream for state in found}
    left = () if only else (name for name in stored.entries if name not in named)
    return (*found, *(_of(stored, name) for name in left))


def _compare(plan: StreamPlan, pipe: Pipe, control: RunControl, stored: Stored) -> StreamState:
    state = _of(stored, plan.stream)
    try:
        write = ask_writer(plan, pipe, control, ReadPlan())
        if not write.knows_last_commit:
            return state
        record = write.last_commit
        state = attrs.evolve(state, published=record, knows_published=True)
        start = reconcile(
            record,
            stored.entries.get(plan.stream),
            job=control.job,
            fingerprint=plan.fingerprint,
            mode=plan.write.mode,
        )
    except DativoError as error:
        return attrs.evolve(state, error=control.redacted(error.located(stream=plan.stream)))
    # A replace rolls nothing forward; it only counts on from what is published.
    is_replaced = plan.write.mode is WriteMode.REPLACE
    return attrs.evolve(state, rolls_forward=start.roll_forward and not is_replaced)
