"""Compaction: what is published is rewritten into fewer files, under the locks of a run."""

from __future__ import annotations

import time
from collections.abc import Sequence

from dativo.contract import CompactResult
from dativo.engine._change import change_exclusively, stream_plans
from dativo.engine._events import Observer
from dativo.engine._exclusive import Exclusive
from dativo.engine._open import JobFile
from dativo.engine._reports import CompactedStream, CompactReport
from dativo.engine._writing import StreamPlan, open_writing
from dativo.errors import CapabilityMissingError, DativoError

__all__ = ["compact"]


def compact(
    job: JobFile, *, streams: Sequence[str] = (), observer: Observer | None = None
) -> CompactReport:
    """Rewrite what *job* has published into fewer files, atomically, while readers read.

    Epoch and checkpoint stay as they are. In merge mode superseded and deleted records go.

    Args:
        job: A job, or the path of its file.
        streams: Only these of the job's streams; empty for all.
        observer: Is told what happens.

    Raises:
        CapabilityMissingError: The writer cannot compact.
        StateLockedError: A run of the job is in progress.
        DativoError: The job or a connector is wrong; a stream that fails is in the report.
    """
    options = {"operation": "compact", "streams": list(streams)}
    with change_exclusively(job, options, observer) as (own, recorder):
        _require_capable(own)
        compacted = tuple(_compact(plan, own) for plan in stream_plans(own, streams))
        report = CompactReport(job=own.sides.job.name, streams=compacted)
        recorder.settle(report.error)
    return report


def _require_capable(own: Exclusive) -> None:
    connector = own.sides.pipe.writer.connector
    if "compact" not in connector.hooks:
        package = f"{connector.distribution} {connector.version}"
        msg = f"the writer {connector.name!r} ({package}) cannot compact"
        raise CapabilityMissingError(msg, connector=connector.name, phase="compact")


def _compact(plan: StreamPlan, own: Exclusive) -> CompactedStream:
    started = time.monotonic()
    writer = own.sides.pipe.writer
    try:
        result = writer.context(own.control).retry(lambda: _compact_once(plan, own))
    except DativoError as error:
        failed = own.control.redacted(error.located(stream=plan.stream))
        return CompactedStream(stream=plan.stream, error=failed)
    seconds = time.monotonic() - started
    return CompactedStream(stream=plan.stream, result=result, seconds=seconds)


def _compact_once(plan: StreamPlan, own: Exclusive) -> CompactResult:
    """Claim the stream as a run does, so that state and data are known to fit, then compact."""
    writer = own.sides.pipe.writer
    with open_writing(plan, writer, control=own.control, store=own.store, resumes=False) as writing:
        is_published = writing.start.record is not None
    if not is_published:
        return CompactResult(rows=0, files_before=0, files_after=0)
    own.control.require_locks()
    context = writer.context(own.control, stream=plan.stream)
    return writer.connector.compact(writer.config, plan.write, context)
