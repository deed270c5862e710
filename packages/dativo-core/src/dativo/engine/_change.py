"""Operator changes: another checkpoint, no checkpoint, and a state made anew from the target."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from dativo.contract import Checkpoint, ReadMode, Receipt, WriteMode
from dativo.engine._events import Observer
from dativo.engine._exclusive import Exclusive, open_exclusively
from dativo.engine._open import JobFile, open_job, select
from dativo.engine._plan import make_plans
from dativo.engine._recorder import Recorder, recording
from dativo.engine._stamp import stamp
from dativo.engine._state_reports import RebuiltStream, StateChange, StateRebuild
from dativo.engine._writing import StreamPlan, open_writing
from dativo.errors import ConfigurationError
from dativo.state import job_lock, move_damaged_aside

__all__ = ["change_exclusively", "rebuild_state", "reset_state", "set_state", "stream_plans"]

T = TypeVar("T")


def set_state(
    job: JobFile,
    *,
    stream: str,
    checkpoint: Checkpoint,
    allow_duplicates: bool = False,
    observer: Observer | None = None,
) -> StateChange:
    """Make the next run of *stream* read on from *checkpoint*, by an epoch without records.

    Args:
        job: A job, or the path of its file.
        stream: The stream.
        checkpoint: What the next run gets as its state.
        allow_duplicates: Do it also in append mode, where what is read again is doubled.
        observer: Is told what happens.

    Raises:
        ConfigurationError: The stream has no checkpoint, or could get duplicates.
        StateError: Nothing is published, the checkpoint is of a newer connector, or state and
            target do not fit together.
        DativoError: The job, a connector or the target is wrong.
    """
    return _change(job, stream, checkpoint, allow_duplicates=allow_duplicates, observer=observer)


def reset_state(
    job: JobFile,
    *,
    stream: str,
    allow_duplicates: bool = False,
    observer: Observer | None = None,
) -> StateChange:
    """Make the next run of *stream* read from the beginning; what is published stays.

    Args:
        job: A job, or the path of its file.
        stream: The stream.
        allow_duplicates: Do it also in append mode, where what is read again is doubled.
        observer: Is told what happens.

    Raises:
        DativoError: As for :func:`set_state`.
    """
    return _change(job, stream, None, allow_duplicates=allow_duplicates, observer=observer)


def rebuild_state(job: JobFile, *, observer: Observer | None = None) -> StateRebuild:
    """Restore the state of *job* from the commit records that lie with its data.

    A state that is ahead of the target, because that was restored from an older backup, goes back
    to what the target holds; the next run reads on from there. A damaged database is renamed first
    and kept; other jobs of the folder then find their state by their own records. It may be
    stopped anywhere and done again.

    Args:
        job: A job, or the path of its file.
        observer: Is told what happens.

    Raises:
        DativoError: A record cannot be read, or does not belong to the job.
    """
    opened = open_job(job)
    aside = []

    def prepare() -> None:
        aside.append(move_damaged_aside(opened.folder / ".dativo", opened.name))

    options = {"operation": "state rebuild"}
    with change_exclusively(opened, options, observer, prepare) as (own, recorder):
        streams = tuple(_rebuild(plan, own) for plan in stream_plans(own, ()))
        recorder.settle(None)
    return StateRebuild(job=opened.name, damaged=aside[0], streams=streams)


@contextlib.contextmanager
def change_exclusively(
    job: JobFile,
    options: Mapping[str, object],
    observer: Observer | None,
    prepare: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Exclusive, Recorder]]:
    """Open *job* as a run does, with all locks and a new fence, and write it into the history.

    *prepare* is called under the job's lock, before the state is opened.
    """
    opened, run_id = open_job(job), uuid.uuid4().hex
    with job_lock(opened.folder / ".dativo", opened.name, run_id) as lock:
        prepare()
        with (
            recording(opened, run_id, options) as recorder,
            open_exclusively(opened, lock, run_id=run_id, observer=observer) as own,
        ):
            recorder.watch(own.control)
            yield own, recorder


def stream_plans(own: Exclusive, only: Sequence[str]) -> tuple[StreamPlan, ...]:
    """Return the plans of the job's streams; the source is asked only if it must be."""
    sides = own.sides
    return sides.source.context(own.control).retry(
        lambda: make_plans(
            sides.job, select(sides, own.control, only=only), sides.pipe, full_refresh=False
        )
    )


def _change(
    job: JobFile,
    stream: str,
    checkpoint: Checkpoint | None,
    *,
    allow_duplicates: bool,
    observer: Observer | None,
) -> StateChange:
    opened = open_job(job)
    operation = "state reset" if checkpoint is None else "state set"
    options = {"operation": operation, "stream": stream, "allow_duplicates": allow_duplicates}
    with change_exclusively(opened, options, observer) as (own, recorder):
        (plan,) = stream_plans(own, (stream,))
        _require_meaning(plan, checkpoint)
        _require_no_duplicates(plan, allow_duplicates=allow_duplicates)
        if checkpoint is not None:
            _require_understood(plan, own, checkpoint)
        before = own.store.load(opened.name, stream)
        receipt = _retried(own, lambda: stamp(plan, own, checkpoint))
        recorder.settle(None)
    return _changed(opened.name, receipt, None if before is None else before.checkpoint)


def _changed(job: str, receipt: Receipt, before: Checkpoint | None) -> StateChange:
    commit = receipt.record.commit
    return StateChange(
        job=job,
        stream=commit.stream,
        epoch=commit.epoch,
        before=before,
        checkpoint=commit.checkpoint,
    )


def _retried(own: Exclusive, call: Callable[[], T]) -> T:
    """Call again where the target's fence was higher: the run's own is above it then."""
    return own.sides.pipe.writer.context(own.control).retry(call)


def _require_meaning(plan: StreamPlan, checkpoint: Checkpoint | None) -> None:
    if checkpoint is not None and plan.read.mode is ReadMode.FULL:
        msg = f"stream {plan.stream!r} is read in full, so a checkpoint would not be used"
        fix = "Read it with mode: incremental, or leave its state alone."
        raise ConfigurationError(msg, fix=fix, stream=plan.stream)


def _require_no_duplicates(plan: StreamPlan, *, allow_duplicates: bool) -> None:
    if plan.write.mode is WriteMode.APPEND and not allow_duplicates:
        msg = (
            f"stream {plan.stream!r} is appended: whatever the next run reads again because of "
            "this change would be published twice"
        )
        fix = "Pass --allow-duplicates, run --full-refresh in its place, or write it with merge."
        raise ConfigurationError(msg, fix=fix, stream=plan.stream)


def _require_understood(plan: StreamPlan, own: Exclusive, checkpoint: Checkpoint) -> None:
    """See that the source can read on from *checkpoint*, as far as it can tell without reading."""
    source = own.sides.source
    source.plan_read(plan.read, checkpoint, source.context(own.control, stream=plan.stream))


def _rebuild(plan: StreamPlan, own: Exclusive) -> RebuiltStream:
    return _retried(own, lambda: _rebuild_once(plan, own))


def _rebuild_once(plan: StreamPlan, own: Exclusive) -> RebuiltStream:
    job = own.sides.job.name
    before = own.store.load(job, plan.stream)
    with open_writing(
        plan,
        own.sides.pipe.writer,
        control=own.control,
        store=own.store,
        resumes=False,
        rebuilds=True,
    ) as writing:
        published = writing.start.record
    stored = None if before is None else before.record
    # Above both, so that whatever knew the newer one takes the next commit for newer still.
    fence = max((one.commit.fence for one in (published, stored) if one is not None), default=0)
    own.control.raise_fence(fence, lambda: own.store.next_fence(job, above=fence))
    return RebuiltStream(
        stream=plan.stream,
        record=published,
        before=stored,
        is_restored=own.store.load(job, plan.stream) != before,
    )
