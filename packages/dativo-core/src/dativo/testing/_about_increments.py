"""Rules about incremental reads: nothing new brings nothing, and what is new comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dativo.contract import Checkpoint, ReadMode, Replay, Role
from dativo.testing._bench import Read
from dativo.testing._cases import Inapplicable
from dativo.testing._reading import Wanted, attempt, last_checkpoint, wanted
from dativo.testing._records import Records, records_of
from dativo.testing._rules import Evidence, NotApplicable, NotVerified, rule
from dativo.testing._subject import SourceSubject, given

__all__ = ["RULES"]

_BATCH_ROWS = 10
_CHANGES = 2  # so that the checkpoint of an increment is read on from, too


@rule("incremental.final_checkpoint", Role.SOURCE)
def final_checkpoint(subject: SourceSubject, evidence: Evidence) -> None:
    """An incremental read ends with a checkpoint that covers all that it has read."""
    for want in _incremental(subject):
        reads = want.whole()
        _look_at_end(str(want), reads, want.key, evidence)
        if reads:
            _look_without_cursor(want, reads[0].data.schema.names, evidence)


@rule("incremental.idempotent", Role.SOURCE)
def idempotent(subject: SourceSubject, evidence: Evidence) -> None:
    """Reading on from the last checkpoint brings nothing new while nothing changes."""
    again, total = 0, 0
    for want in _incremental(subject):
        reads = want.whole()
        before = records_of(reads)
        state, _ = last_checkpoint(reads)
        for _ in range(_CHANGES):
            if state is None:
                break
            reads = want.whole(state)
            came = records_of(reads)
            evidence.looked(f"{want}: {len(before)} records, then {len(came)} from checkpoint")
            _judge(want, came, before, evidence)
            again, total = again + len(came), total + len(before)
            state = last_checkpoint(reads)[0] or state
    if total and again >= total:
        evidence.gap(
            "each increment brought all records again, so that it cannot be seen whether "
            "checkpoints have an effect; let the streams reach over more time than is read once "
            "more"
        )


@rule("incremental.sees_changes", Role.SOURCE)
def sees_changes(subject: SourceSubject, evidence: Evidence) -> None:
    """An incremental read brings what has changed since the checkpoint."""
    wants = list(_incremental(subject))
    if subject.cases.change is None:
        raise NotVerified("give what changes a stream in cases.change")
    change = given(subject.cases.change)
    for want in wants:
        before, state = _state_of(want)
        for number in range(1, _CHANGES + 1):
            reason = change(want.stream.name)
            if isinstance(reason, Inapplicable):
                evidence.looked(f"{want}: {reason.reason}")
                break
            after = want.records()
            changed = after - before
            if not len(changed):
                evidence.gap(f"{want}: cases.change changes nothing that a whole read shows")
                break
            reads = want.whole(state)
            came = records_of(reads)
            evidence.looked(f"{want}: {len(changed)} records changed, {len(came)} came")
            if len(changed - came):
                missing = (changed - came).shown(want.key)
                evidence.problem(f"{want}, change {number}: the increment does not bring {missing}")
            _judge(want, came - changed, after, evidence)
            before, state = after, last_checkpoint(reads)[0] or state


def _look_without_cursor(want: Wanted, names: Sequence[str], evidence: Evidence) -> None:
    """A job may leave out the cursor: what it delivers is not what the source goes by."""
    with want.subject.open() as bench:
        cursor = want.request(bench).cursor
    chosen = tuple(name for name in names if name != cursor)
    came = attempt(want, columns=chosen) if chosen and cursor in names else []
    if isinstance(came, list):
        place = f"{want} without its cursor among the columns"
        _look_at_end(place, came, want.key, evidence)


def _look_at_end(place: str, reads: list[Read], key: Sequence[str], evidence: Evidence) -> None:
    checkpoint, covered = last_checkpoint(reads)
    left = records_of(reads[covered:])
    evidence.looked(f"{place}: {len(reads)} batches, {covered} of them covered")
    if len(left):
        which = "no checkpoint" if checkpoint is None else "not even the last checkpoint"
        evidence.problem(
            f"{place}: {which} covers {left.shown(key)}; each run would read them again"
        )


def _incremental(subject: SourceSubject) -> Iterator[Wanted]:
    if ReadMode.INCREMENTAL not in subject.info.read_modes:
        raise NotApplicable("the source has no incremental reads")
    if subject.info.replay is Replay.NONE:
        raise NotApplicable("the source cannot read again what was read once (Replay.NONE)")
    return wanted(subject, ReadMode.INCREMENTAL, batch_rows=_BATCH_ROWS)


def _state_of(want: Wanted) -> tuple[Records, Checkpoint | None]:
    reads: list[Read] = want.whole()
    return records_of(reads), last_checkpoint(reads)[0]


def _judge(want: Wanted, more: Records, known: Records, evidence: Evidence) -> None:
    """Judge what came beside what had to: only what the replay level allows."""
    strange = more.unknown_to(known)
    if len(strange):
        evidence.problem(
            f"{want}, read on: {strange.shown(want.key)} came that a whole read does not have"
        )
    elif len(more) and want.subject.info.replay is Replay.EXACT:
        evidence.problem(
            f"{want}, read on: {more.shown(want.key)} came again, although the source declares "
            "exact replay"
        )


RULES = (final_checkpoint, idempotent, sees_changes)
