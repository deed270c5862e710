"""Events of a run and of its streams, made of what the engine knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dativo.contract import (
    Checkpoint,
    RetryScheduled,
    RunFinished,
    RunOutcome,
    RunStarted,
    StreamFinished,
    StreamStarted,
    System,
    settings_of,
)
from dativo.engine._control import RunControl
from dativo.engine._pipe import Pipe, Side
from dativo.engine._results import RunResult, StreamResult
from dativo.engine._writing import StreamPlan
from dativo.errors import DativoError, PartialFailureError, RunInterruptedError

__all__ = [
    "retry_scheduled",
    "run_failed",
    "run_finished",
    "run_outcome",
    "run_started",
    "stream_finished",
    "stream_started",
]


def run_started(control: RunControl, plans: Sequence[StreamPlan], pipe: Pipe) -> RunStarted:
    """Tell the streams and the two sides."""
    return RunStarted(
        job=control.job,
        run_id=control.run_id,
        streams=tuple(plan.stream for plan in plans),
        source=_system(pipe.source, control),
        writer=_system(pipe.writer, control),
    )


def stream_started(
    control: RunControl, plan: StreamPlan, checkpoint: Checkpoint | None, *, attempt: int
) -> StreamStarted:
    """Tell that a try begins; *checkpoint* is what is published."""
    return StreamStarted(
        job=control.job,
        run_id=control.run_id,
        stream=plan.stream,
        attempt=attempt,
        resumed=checkpoint is not None,
        estimated_rows=plan.estimated_rows,
        read_mode=plan.read.mode,
        write_mode=plan.write.mode,
        primary_key=plan.read.primary_key,
        checkpoint=plan.resumes_at(checkpoint),
    )


def retry_scheduled(
    control: RunControl, stream: str, error: DativoError, *, attempt: int, wait_seconds: float
) -> RetryScheduled:
    """Tell that what failed is tried again."""
    return RetryScheduled(
        job=control.job,
        run_id=control.run_id,
        stream=stream,
        attempt=attempt,
        wait_seconds=wait_seconds,
        error=error,
    )


def stream_finished(control: RunControl, result: StreamResult) -> StreamFinished:
    """Tell what became of a stream."""
    return StreamFinished(
        job=control.job,
        run_id=control.run_id,
        stream=result.stream,
        rows=result.rows,
        seconds=result.seconds,
        error=result.error,
        outcome=result.outcome,
        size_bytes=result.size_bytes,
        epochs=result.epochs,
        attempts=result.attempts,
    )


def run_finished(control: RunControl, result: RunResult) -> RunFinished:
    """Tell what became of a run."""
    error = result.error
    return RunFinished(
        job=control.job,
        run_id=control.run_id,
        rows=result.rows,
        seconds=result.seconds,
        outcome=run_outcome(error, interrupted=result.interrupted),
        size_bytes=result.size_bytes,
        error=error,
    )


def run_failed(control: RunControl, error: DativoError, *, seconds: float) -> RunFinished:
    """Tell that a run ended before its streams began."""
    return RunFinished(
        job=control.job,
        run_id=control.run_id,
        rows=0,
        seconds=seconds,
        outcome=run_outcome(error, interrupted=control.cancellation.is_set()),
        error=error,
    )


def run_outcome(error: DativoError | None, *, interrupted: bool) -> RunOutcome:
    """Return how a run ended that ended with *error*."""
    if error is None:
        return RunOutcome.DONE
    if interrupted or isinstance(error, RunInterruptedError):
        return RunOutcome.INTERRUPTED
    is_partial = isinstance(error, PartialFailureError)
    return RunOutcome.PARTIAL if is_partial else RunOutcome.FAILED


def _system(side: Side, control: RunControl) -> System:
    return System(connector=side.name, identity=_identity(side.config, control))


def _identity(config: object, control: RunControl) -> Mapping[str, str]:
    return {
        name: control.redact(str(getattr(config, name)))
        for name, (field, _) in settings_of(type(config)).items()
        if field.metadata.get("dativo", {}).get("identity")
    }
