"""What a source and a writer promise together of every record, and what that rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from dativo.config import Job
from dativo.contract import Atomicity, Guarantee, ReadMode, ReadPlan, Replay, WriteMode, WritePlan
from dativo.engine._pipe import Pipe
from dativo.engine._writing import StreamPlan
from dativo.errors import ConfigurationError

__all__ = ["Promise", "promise_of", "require_guarantee", "weigh"]

_EXACT = Guarantee.EXACTLY_ONCE
_LEAST = Guarantee.AT_LEAST_ONCE
_MOST = Guarantee.AT_MOST_ONCE
_STRENGTH = tuple(reversed(Guarantee))

_TABLE: Mapping[Replay, Mapping[Atomicity, Mapping[WriteMode, Guarantee]]] = {
    Replay.EXACT: {
        Atomicity.EPOCH: dict.fromkeys(WriteMode, _EXACT),
        # What a failed run has made visible stays, without a checkpoint; it is read again.
        Atomicity.FILE: dict.fromkeys(WriteMode, _LEAST),
        Atomicity.NONE: dict.fromkeys(WriteMode, _LEAST),
    },
    Replay.AT_LEAST_ONCE: {
        Atomicity.EPOCH: {
            WriteMode.APPEND: _LEAST,
            # A replace is always read from the beginning, so that nothing can come again.
            WriteMode.REPLACE: _EXACT,
            # What comes again supersedes itself.
            WriteMode.MERGE: _EXACT,
        },
        Atomicity.FILE: dict.fromkeys(WriteMode, _LEAST),
        Atomicity.NONE: dict.fromkeys(WriteMode, _LEAST),
    },
    # What a failed run had read cannot be read again, whatever the writer does.
    Replay.NONE: {atomicity: dict.fromkeys(WriteMode, _MOST) for atomicity in Atomicity},
}

_WHOLE_COPY = "each run adds a whole copy of the stream"
_CURSOR = "a new or changed record gets a cursor value that is not below those already read"
_VERSIONS = "a changed record is published once more for each change that a run has seen"
_SCANNED = "a record is deleted by the first run that no longer finds its key in the source"
_COMES_BACK = "a record whose key comes back to the source gets a new cursor value"
_DOUBLED = "what a backfill reads again is published a second time, as --allow-duplicates says"
_STAYS = "a record that is deleted in the source stays published"


@attrs.frozen(kw_only=True)
class Promise:
    """What is promised of one stream.

    Attributes:
        guarantee: What is promised of every record.
        assumptions: What must hold for it, and what it does not cover, one sentence each.
        reason: Why it is not exactly once; nothing if it is.
        fix: What would make it stronger.
    """

    guarantee: Guarantee
    assumptions: tuple[str, ...] = ()
    reason: str = ""
    fix: str = ""


def weigh(replay: Replay, atomicity: Atomicity, mode: WriteMode) -> Guarantee:
    """Return what a source and a writer of these levels promise in *mode*."""
    return _TABLE[replay][atomicity][mode]


def promise_of(
    plan: StreamPlan, pipe: Pipe, *, read: ReadPlan | None = None, write: WritePlan | None = None
) -> Promise:
    """Return what is promised of the stream of *plan*; *read* and *write* add what they assume."""
    replay, atomicity = _levels(pipe)
    guarantee = weigh(replay, atomicity, plan.write.mode)
    reason, fix = _reason(guarantee, replay, pipe)
    if plan.doubles and guarantee is _EXACT:
        guarantee, reason, fix = _LEAST, _DOUBLED, "Write with mode: merge."
    assumptions = (
        *_assumptions(plan, read or ReadPlan()),
        *(() if write is None else write.assumptions),
    )
    return Promise(guarantee=guarantee, assumptions=assumptions, reason=reason, fix=fix)


def require_guarantee(job: Job, plans: Sequence[StreamPlan], pipe: Pipe) -> None:
    """See that every stream is promised at least what the job's ``require`` asks for.

    Raises:
        ConfigurationError: One is not; the error names each, why, and what to change.
    """
    if job.require is None:
        return
    wanted = _STRENGTH.index(job.require)
    weak: dict[str, Promise] = {}
    for plan in plans:
        promise = promise_of(plan, pipe)
        if _STRENGTH.index(promise.guarantee) < wanted:
            weak[plan.stream] = promise
    if not weak:
        return
    reasons = {promise.reason: promise.fix for promise in weak.values()}
    each = ", ".join(f"{stream} gets {_word(one.guarantee)}" for stream, one in weak.items())
    msg = f"the job requires {_word(job.require)}, but {each}: {'; '.join(reasons)}"
    fix = " ".join((*dict.fromkeys(reasons.values()), "Or lower `require` in the job file."))
    details = {stream: promise.guarantee.value for stream, promise in weak.items()}
    raise ConfigurationError(msg, fix=fix, details={"guarantees": details}, phase="plan")


def _levels(pipe: Pipe) -> tuple[Replay, Atomicity]:
    source, writer = pipe.source.connector.info.source, pipe.writer.connector.info.writer
    assert source is not None  # they play these roles
    assert writer is not None
    return source.replay, writer.atomicity


def _reason(guarantee: Guarantee, replay: Replay, pipe: Pipe) -> tuple[str, str]:
    """Say why *guarantee* is not the strongest, and what would make it so."""
    source, writer = pipe.source.name, pipe.writer.name
    if guarantee is _EXACT:
        return "", ""
    if guarantee is _MOST:
        why = f"the source {source!r} cannot give a record twice, so a failed run loses some"
        return why, "Read from a source that can read again."
    if replay is not Replay.EXACT and _levels(pipe)[1] is Atomicity.EPOCH:
        why = f"the source {source!r} may repeat records after a failure, and append keeps both"
        return why, "Write with mode: merge, or read with mode: full and write with replace."
    why = (
        f"the writer {writer!r} does not publish data and checkpoint in one step, so that a "
        "failed run may leave records that are read again"
    )
    return why, "Choose a writer with atomicity epoch; `dativo plugins show` tells."


def _assumptions(plan: StreamPlan, read: ReadPlan) -> Iterator[str]:
    mode = plan.write.mode
    if plan.read.mode is ReadMode.INCREMENTAL and not plan.is_backfill:
        yield from read.assumptions or (_CURSOR,)
    else:
        yield from read.assumptions
    if mode is WriteMode.APPEND:
        yield _VERSIONS if plan.read.mode is ReadMode.INCREMENTAL else _WHOLE_COPY
    if mode is WriteMode.MERGE:
        yield f"the primary key ({', '.join(plan.write.primary_key)}) is unique and never NULL"
    if mode is WriteMode.REPLACE or read.deletes:
        return
    if mode is WriteMode.MERGE or plan.read.mode is ReadMode.INCREMENTAL:
        yield _STAYS if plan.keys is None else _SCANNED
        if plan.keys is not None and plan.read.mode is ReadMode.INCREMENTAL:
            yield _COMES_BACK


def _word(guarantee: Guarantee) -> str:
    return guarantee.value.replace("_", " ")
