"""One run of one job: all its streams, in parallel, under one budget, one deadline, one switch."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import attrs

from dativo.contract import failpoint
from dativo.engine._backfill import backfill_of
from dativo.engine._cancel import Cancellation, fresh
from dativo.engine._epoch import EpochLimits
from dativo.engine._events import Observer
from dativo.engine._exclusive import Exclusive, open_exclusively
from dativo.engine._left_behind import abandon
from dativo.engine._notices import tell_notices
from dativo.engine._open import JobFile, open_job, plan_streams
from dativo.engine._recorder import recording
from dativo.engine._results import RunResult, StreamOutcome, StreamResult
from dativo.engine._slots import Slots, all_done
from dativo.engine._stream import Shared, StreamRun
from dativo.engine._telling import run_finished, run_started, stream_finished
from dativo.engine._turns import Turns
from dativo.engine._writing import StreamPlan
from dativo.errors import DeadlineExceededError, StalledError
from dativo.state import job_lock

__all__ = ["run"]

_TICK_SECONDS = 0.2
_GRACE_SECONDS = 8.0

_PUBLISHING = (2, 8)
"""So many streams are opened or published beside those that read: at first, and at most.

It is to wait for disks or for a network, but where these are fast, threads wait for each other.
"""

_IDLE = 0.8
"""With more of one processor in use further threads would gain nothing."""


def run(
    job: JobFile,
    *,
    streams: Sequence[str] = (),
    full_refresh: bool = False,
    lower: str | None = None,
    upper: str | None = None,
    allow_duplicates: bool = False,
    observer: Observer | None = None,
    cancellation: Cancellation | None = None,
) -> RunResult:
    """Run every selected stream of *job* once.

    Args:
        job: A job, or the path of its file.
        streams: Only these of the job's streams; empty for all.
        full_refresh: Read everything anew and exchange it for what is published, in one step.
        lower: Read what has this cursor value or a higher one again, beside the checkpoints.
        upper: Read what has a lower cursor value than this again, beside the checkpoints.
        allow_duplicates: Do that also in append mode, which publishes such records twice.
        observer: Is told what happens.
        cancellation: Stops the run from outside; what was committed is kept.

    Raises:
        DativoError: The run could not begin: the job, a connector, a lock or the state store.
    """
    backfill = backfill_of(
        lower, upper, allow_duplicates=allow_duplicates, full_refresh=full_refresh
    )
    opened = open_job(job)
    run_id = uuid.uuid4().hex
    options = {
        "source": opened.source.connector,
        "writer": opened.writer.connector,
        "streams": list(streams),
        "full_refresh": full_refresh,
        "backfill": None if backfill is None else attrs.asdict(backfill),
    }
    with (
        job_lock(opened.folder / ".dativo", opened.name, run_id) as lock,
        recording(opened, run_id, options) as recorder,
        open_exclusively(
            opened,
            lock,
            run_id=run_id,
            observer=observer,
            cancellation=cancellation,
            observes=True,
        ) as own,
    ):
        recorder.watch(own.control)
        tell_notices(own.sides, own.control)
        # Finding the streams of a pattern is work at the source like any other.
        plans = own.sides.source.context(own.control).retry(
            lambda: plan_streams(
                own.sides, own.control, only=streams, full_refresh=full_refresh, backfill=backfill
            )
        )
        result = _Run(own, plans, tick=recorder.flush).run()
        failpoint("engine.run.before_finish")
        return recorder.finish(result)


class _Run:
    def __init__(
        self, own: Exclusive, plans: tuple[StreamPlan, ...], *, tick: Callable[[], None]
    ) -> None:
        self._job = own.sides.job
        self._pipe = own.sides.pipe
        self._control = own.control
        self._store = own.store
        self._plans = plans
        self._tick = tick

    def run(self) -> RunResult:
        started = time.monotonic()
        self._control.tell(run_started(self._control, self._plans, self._pipe))
        results = self._run_streams()
        result = RunResult(
            job=self._job.name,
            run_id=self._control.run_id,
            streams=results,
            seconds=time.monotonic() - started,
            snapshots=self._pipe.source.resources.opened(),
            interrupted=self._control.cancellation.is_set(),
        )
        self._control.tell(run_finished(self._control, result))
        return result

    def _run_streams(self) -> tuple[StreamResult, ...]:
        parallelism = self._control.limits.parallelism
        readers = Slots(parallelism, "dativo-reader")
        few, many = (min(parallelism + count, len(self._plans)) for count in _PUBLISHING)
        workers = Slots(few, "dativo-stream")
        try:
            # The largest first, so that the run does not end on one long stream alone.
            queue = sorted(self._plans, key=lambda plan: -(plan.estimated_rows or 0))
            shared = self._shared(readers, queue)
            futures = {
                plan.stream: workers.submit(self._stream(plan, shared).run) for plan in queue
            }
            self._watch(all_done(futures.values()), idle=lambda: workers.grow(many))
            return tuple(self._result(plan, futures[plan.stream]) for plan in self._plans)
        finally:
            workers.close()
            readers.close()

    def _shared(self, readers: Slots, queue: Sequence[StreamPlan]) -> Shared:
        settings = self._job.run
        return Shared(
            slots=readers,
            turns=Turns(self._control.limits.parallelism, self._control.cancellation),
            streams=tuple(plan.read for plan in queue),
            epochs=EpochLimits(
                rows=settings.epoch_rows,
                size_bytes=settings.epoch_bytes,
                seconds=settings.epoch_seconds,
            ),
        )

    def _stream(self, plan: StreamPlan, shared: Shared) -> StreamRun:
        return StreamRun(
            plan, pipe=self._pipe, control=self._control, store=self._store, shared=shared
        )

    def _watch(self, done: threading.Event, *, idle: Callable[[], None]) -> None:
        """Wait for the streams; stop them at the deadline or when nothing moves any more.

        Whenever the processor was idle, *idle* is called.
        """
        control, stall = self._control, self._job.run.stall_timeout_seconds
        used = time.process_time()
        while not done.wait(_TICK_SECONDS):
            self._tick()
            before, used = used, time.process_time()
            if used - before < _IDLE * _TICK_SECONDS:
                idle()
            if control.cancellation.is_set():
                break
            left = control.seconds_left()
            if left is not None and left <= 0:
                seconds = self._job.run.timeout_seconds
                msg = f"the run did not end within run.timeout, {seconds:g} s"
                control.cancellation.cancel(DeadlineExceededError(msg))
            elif time.monotonic() - control.moved_at > stall:
                msg = f"nothing moved for run.stall_timeout, {stall:g} s"
                control.cancellation.cancel(StalledError(msg))
        done.wait(_GRACE_SECONDS)

    def _result(self, plan: StreamPlan, future: Future[StreamResult]) -> StreamResult:
        if future.cancel() or not future.done():
            if not future.cancelled():
                # It waits in a driver that does not listen; it can commit nothing any more,
                # because a commit begins with a look at the switch.
                abandon()
            outcome = StreamOutcome.NOT_STARTED if future.cancelled() else StreamOutcome.INTERRUPTED
            reason = self._control.redacted(fresh(self._control.cancellation.reason))
            reason.located(stream=plan.stream)
            result = StreamResult(stream=plan.stream, outcome=outcome, error=reason)
            self._control.tell(stream_finished(self._control, result))
            return result
        return future.result()
