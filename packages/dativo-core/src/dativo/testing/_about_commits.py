"""Rules about commits: visible in one step, once, and only by who may."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from dativo.contract import Atomicity, Commit, Role, Staged
from dativo.errors import DativoError
from dativo.testing._bench import Bench
from dativo.testing._elsewhere import record_elsewhere
from dativo.testing._expect import Expecting, expecting_each, shown_error, shown_record
from dativo.testing._polling import Watcher, stepping, watching
from dativo.testing._rules import Evidence, NotApplicable, rule
from dativo.testing._subject import WriterSubject
from dativo.testing._target import (
    Row,
    Run,
    Target,
    after,
    contents,
    difference,
    next_fence,
    orders,
    refusal,
)

__all__ = ["RULES"]

_ROWS = 20


@rule("commit.atomic", Role.WRITER)
def atomic(subject: WriterSubject, evidence: Evidence) -> None:
    """Staged records are invisible; a commit shows all of an epoch in one step."""
    if subject.info.atomicity is Atomicity.NONE:
        raise NotApplicable("the writer declares the atomicity none")
    for look in expecting_each(subject, evidence):
        target = look.target
        epochs = [orders(range(10 * k, 10 * k + 10), f"epoch {k + 1}") for k in range(3)]
        target.publish(1, epochs[0])
        states = [after(target.mode, *epochs[: k + 1]) for k in range(len(epochs))]
        with target.bench() as bench, watching(_looks(target, bench)) as watcher:
            for number, table in enumerate(epochs[1:], start=2):
                given = (table[:4], table[4:9], table[9:])
                _publish_watched(look, number, given, states=states, watcher=watcher)
        is_whole = subject.info.atomicity is Atomicity.EPOCH
        _judge(look, watcher, states, is_whole=is_whole)


@rule("commit.idempotent", Role.WRITER)
def idempotent(subject: WriterSubject, evidence: Evidence) -> None:
    """The same commit again does nothing and says so, also in another session of the run."""
    for look in expecting_each(subject, evidence):
        target = look.target
        table = orders(range(_ROWS), "once")
        fence = next_fence()
        with target.run(run_id="kit-run", fence=fence) as run:
            commit = run.identity(1)
            staged = [run.stage(table, sequence=1)]
            first = run.session.commit(commit, staged)
            if first.replayed:
                look.problem("the first commit says that it is a replay")
            _commit_again(look, run, commit, staged, where="in the same session")
        with target.run(run_id="kit-run", fence=fence) as run:
            staged = [run.stage(table, sequence=1)]
            _commit_again(look, run, commit, staged, where="in a new session")
        what = "after one commit that was asked for three times"
        look.published(after(target.mode, table), what)
        more = orders(range(_ROWS, _ROWS + 5), "next")
        target.publish(2, more)
        what = "after the epoch that follows a replay"
        look.published(after(target.mode, table, more), what)
        look.looked("one commit asked for three times, in two sessions")


@rule("commit.other_id", Role.WRITER)
def other_id(subject: WriterSubject, evidence: Evidence) -> None:
    """An epoch that is published already is refused under another id."""
    for look in expecting_each(subject, evidence):
        target = look.target
        epochs = [orders(range(5), "first"), orders(range(5, 10), "second")]
        for number, table in enumerate(epochs, start=1):
            target.publish(number, table)
        for epoch in (2, 1):
            error = refusal(lambda: target.publish(epoch, orders([99]), commit_id="other"))  # noqa: B023
            what = f"the published epoch {epoch} of 2 under another id"
            look.concurrency(error, what)
        what = "after epochs that are published already"
        look.published(after(target.mode, *epochs), what)
        look.looked("two published epochs asked for under another id")


@rule("commit.fence", Role.WRITER)
def fence(subject: WriterSubject, evidence: Evidence) -> None:
    """A commit behind a newer claim is refused, and the error says that fence."""
    for look in expecting_each(subject, evidence):
        target = look.target
        epochs = [orders(range(5), "base"), orders(range(5, 9), "newer")]
        old, claim = [next_fence() for _ in range(4)], next_fence()
        target.publish(1, epochs[0], fence=old[0])
        # Two runs have staged and stand still; a third one takes over.
        with target.run(fence=old[1]) as one, target.run(fence=old[2]) as other:
            staged = one.stage(orders([90], "late")), other.stage(orders([91], "late"))
            with target.run(fence=claim) as new:
                error = refusal(lambda: one.session.commit(one.identity(2), staged[:1]))  # noqa: B023
                what = "a commit with an older fence after a newer session began"
                look.concurrency(error, what, fence=claim)
                new.publish(2, epochs[1])
            error = refusal(lambda: other.session.commit(other.identity(2), staged[1:]))  # noqa: B023
            what = "a commit with an older fence after a newer session has published"
            look.concurrency(error, what, fence=claim)
        # And one that was frozen before it began.
        error = refusal(lambda: target.publish(3, orders([92], "later"), fence=old[3]))  # noqa: B023
        what = "a session and a commit with an older fence than that of the last epoch"
        look.concurrency(error, what, fence=claim)
        _claim_elsewhere(look)
        what = "after commits behind a newer claim"
        look.published(after(target.mode, *epochs), what)
        look.looked("three older fences against a newer claim, before and after its commit")


def _claim_elsewhere(look: Expecting) -> None:
    """Take over from another process, as another machine or checkout does."""
    target = look.target
    with target.run() as run:
        staged = run.stage(orders([93], "late"))
        claim = next_fence()
        record_elsewhere(target, fence=claim)
        error = refusal(lambda: run.session.commit(run.identity(3), [staged]))
        what = "a commit with an older fence after a newer session began in another process"
        look.concurrency(error, what, fence=claim)


def _looks(target: Target, bench: Bench) -> Callable[[], list[Row]]:
    return lambda: contents(target.look(bench))


def _publish_watched(
    look: Expecting,
    epoch: int,
    parts: Sequence[pa.Table],
    *,
    states: list[list[Row]],
    watcher: Watcher[list[Row]],
) -> None:
    with look.target.run() as run:
        staged = []
        for number, part in enumerate(parts, start=1):
            staged.append(run.stage(part, sequence=number))
            when = f"when {number} of {len(parts)} parts of epoch {epoch} are staged"
            look.published(states[epoch - 2], when)
        record = run.session.last_commit()
        if record is None or record.commit.epoch != epoch - 1:
            found = shown_record(record)
            look.problem(f"last_commit gives {found} while epoch {epoch} is only staged")
        with stepping(watcher):
            run.session.commit(run.identity(epoch), staged)
        look.published(states[epoch - 1], f"after the commit of epoch {epoch}")


def _judge(
    look: Expecting, watcher: Watcher[list[Row]], states: list[list[Row]], *, is_whole: bool
) -> None:
    """See that a reader saw one state after the other, and nothing in between if *is_whole*."""
    look.looked(
        f"a reader looked {watcher.looks} times during {len(states) - 1} commits and saw "
        f"{len(watcher.seen)} states"
    )
    for error in watcher.errors:
        look.problem(f"a reader failed during a commit: {error}")
    newest = 0
    for seen in watcher.seen if is_whole else ():
        if seen not in states:
            nearest = min(states, key=lambda state: abs(len(state) - len(seen)))
            look.problem(f"a reader saw a part of an epoch: {difference(nearest, seen)}")
        elif states.index(seen) < newest:
            look.problem("a reader saw an older state after a newer one")
        else:
            newest = states.index(seen)


def _commit_again(
    look: Expecting, run: Run, commit: Commit, staged: Sequence[Staged], *, where: str
) -> None:
    try:
        receipt = run.session.commit(commit, staged)
    except DativoError as error:
        look.problem(f"{where} the same commit ends with {shown_error(error)}")
        return
    if not receipt.replayed:
        look.problem(f"{where} the same commit does not say that it is a replay (Receipt.replayed)")
    if receipt.record.commit != commit or receipt.record.rows != _ROWS:
        found = f"{shown_record(receipt.record)} of {receipt.record.rows} rows"
        look.problem(f"{where} the same commit gives another record: {found}")


RULES = (atomic, idempotent, other_id, fence)
