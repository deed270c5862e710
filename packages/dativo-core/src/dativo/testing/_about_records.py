"""Rules about commit records: what ``last_commit`` tells, to whom and after what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import pyarrow as pa

from dativo.contract import Checkpoint, CommitRecord, Role, WriteMode
from dativo.errors import DativoError
from dativo.testing._bench import Bench
from dativo.testing._child import in_child
from dativo.testing._elsewhere import record_elsewhere
from dativo.testing._expect import Expecting, expecting_each, shown_error, shown_record
from dativo.testing._rules import Evidence, rule
from dativo.testing._subject import WriterSubject
from dativo.testing._target import after, contents, difference, next_fence, orders
from dativo.testing._writing_child import parts_of

__all__ = ["RULES"]

_CHECKPOINT = Checkpoint(
    {
        "cursor": "2024-02-29T23:59:59.999999Z",
        "big": 2**63 + 1,
        "part": -0.1,
        "none": None,
        "deep": [{"ä": "😀", "empty": ""}, [], {}, True],
        "long": "x" * 60_000,
    },
    version=3,
)
_FINGERPRINT = {"source": 'shop "ä"', "query": "select '%s' -- \\", "empty": ""}
_ROUNDS = 20
_SEED = 20261123
_SHOWN = 200
_BEFORE = 40
_FAR = 10**9  # above any fence of the owner


@rule("commit.record", Role.WRITER)
def record(subject: WriterSubject, evidence: Evidence) -> None:
    """``last_commit`` gives a commit back exactly, in any session and process, and else None."""
    for look in expecting_each(subject, evidence):
        target = look.target
        found = target.last_commit()
        if found is not None:
            look.problem(f"an empty target has {shown_record(found)}")
        with target.run() as run:
            about = {"checkpoint": _CHECKPOINT, "fingerprint": _FINGERPRINT}
            commit = run.identity(1, **about)
            staged = [run.stage(orders(range(7), "a")), run.stage(orders(range(7, 9), "b"))]
            receipt = run.session.commit(commit, staged)
            expected = CommitRecord(commit=commit, rows=9)
            _expect(look, receipt.record, expected, where="the receipt")
            same = run.session.last_commit()
            _expect(look, same, expected, where="last_commit of the same session")
        _expect(look, target.last_commit(), expected, where="last_commit of a new session")
        _expect(look, record_elsewhere(target), expected, where="last_commit in another process")
        look.looked("a record read in two sessions and another process")


@rule("commit.no_rows", Role.WRITER)
def no_rows(subject: WriterSubject, evidence: Evidence) -> None:
    """An epoch without records publishes its checkpoint, and what was published stays."""
    for look in expecting_each(subject, evidence):
        target = look.target
        if target.mode is WriteMode.REPLACE:
            continue  # an empty replace has a rule of its own
        table = orders(range(6), "kept")
        target.publish(1, table)
        with target.run() as run:
            commit = run.identity(2, checkpoint=Checkpoint({"set": "by hand"}))
            run.session.commit(commit, [])
        expected = CommitRecord(commit=commit, rows=0)
        _expect(
            look, target.last_commit(), expected, where="last_commit after an epoch without a batch"
        )
        with target.run() as run:
            commit = run.identity(3, checkpoint=None)
            run.session.commit(commit, [run.stage(orders(()), sequence=1)])
        expected = CommitRecord(commit=commit, rows=0)
        _expect(
            look,
            target.last_commit(),
            expected,
            where="last_commit after an epoch of an empty batch",
        )
        look.published(after(target.mode, table), "after epochs without rows")
        more = orders(range(6, 8), "more")
        target.publish(4, more)
        what = "after the epoch that follows those without rows"
        look.published(after(target.mode, table, more), what)
        look.looked("an epoch without a batch, and one with an empty batch")


@rule("commit.after_kill", Role.WRITER, seconds=300)
def after_kill(subject: WriterSubject, evidence: Evidence) -> None:
    """After a kill at any moment record and data are both there or both not, and it goes on."""
    for look in expecting_each(subject, evidence):
        target = look.target
        request = {"target": attrs.asdict(target), "rounds": _ROUNDS, "seed": _SEED}
        end = in_child("_writing_child:die", request, seconds=120)
        if not end.has_ended or end.answers[0]["ended"] != 0:
            words = end.errors.strip().splitlines()[-1:] or [end.reason]
            look.problem(f"publishing in a child process fails: {words[0]}")
            continue
        killed = [told for told in end.answers if told["ended"] < 0]
        with look.target.bench(fence=next_fence()) as bench:
            for told in end.answers:
                try:
                    _expect_whole(look.having(stream=told["stream"]), told, bench)
                except DativoError as error:
                    look.problem(f"{_moment(told)} the next run ends with {shown_error(error)}")
        look.looked(
            f"{len(killed)} of {len(end.answers)} children killed, at random times "
            f"and around one of their {end.answers[0]['steps']} calls of the system (seed {_SEED})"
        )


@rule("other_job.visible", Role.WRITER)
def other_job(subject: WriterSubject, evidence: Evidence) -> None:
    """``last_commit`` shows another job's record, and looking takes nothing away from that job."""
    for look in expecting_each(subject, evidence):
        target = look.target
        table = orders(range(4), "mine")
        target.publish(1, table)
        found = target.having(job="kit-other").last_commit(fence=_FAR)
        if found is None or found.commit.job_id != target.job:
            look.problem(
                f"a session of another job sees {shown_record(found)} in place of "
                f"epoch 1 of job {target.job!r}; it would publish into that job's data"
            )
        more = orders(range(4, 6), "mine too")
        try:
            target.publish(2, more)
        except DativoError as error:
            look.problem(
                f"after another job only looked, the owner's next run fails with "
                f"{shown_error(error)}"
            )
            continue
        what = "after another job has looked"
        look.published(after(target.mode, table, more), what)
        look.looked("a record of one job, looked at by another")


def _expect(
    look: Expecting, found: CommitRecord | None, expected: CommitRecord, *, where: str
) -> None:
    if found is None:
        look.problem(f"{where} has no record of {shown_record(expected)}")
        return
    wanted, given = _plain(expected), _plain(found)
    for name, value in wanted.items():
        if json.dumps(value) != json.dumps(given[name]):
            now, was = _apart(repr(given[name]), repr(value))
            look.problem(f"{where} has {name} {now} in place of {was}")


def _plain(record: CommitRecord) -> dict[str, object]:
    """Return what a record says of its commit, in a form in which 1, 1.0 and True differ."""
    document = json.loads(record.to_json())
    commit: dict[str, object] = document["commit"]
    return commit | {"rows": document["rows"]}


def _apart(one: str, other: str) -> tuple[str, str]:
    """Return both texts, long ones from shortly before the place where they differ."""
    pairs = enumerate(zip(one, other, strict=False))
    same = next((place for place, (left, right) in pairs if left != right), 0)
    start = max(0, same - _BEFORE) if max(len(one), len(other)) > _SHOWN else 0
    return _cut(one, start), _cut(other, start)


def _cut(text: str, start: int) -> str:
    end = start + _SHOWN
    return ("... " if start else "") + text[start:end] + (" ..." if end < len(text) else "")


def _expect_whole(look: Expecting, told: Mapping[str, Any], bench: Bench) -> None:
    """See that what a killed child has left is true and whole, and publish the next epoch."""
    target, where = look.target, _moment(told)
    with target.on(bench) as run:
        record = run.session.last_commit()
        newest = 0 if record is None else record.commit.epoch
        if newest not in (told["receipts"], told["receipts"] + 1):
            look.problem(f"{where} last_commit tells epoch {newest}")
            return
        epochs = [pa.concat_tables(parts_of(number)) for number in range(1, newest + 2)]
        wrong = difference(after(target.mode, *epochs[:-1]), contents(target.look(bench)))
        if wrong:
            look.problem(f"{where}, with last_commit at epoch {newest}, readers see {wrong}")
            return
        run.publish(newest + 1, *parts_of(newest + 1))
    wrong = difference(after(target.mode, *epochs), contents(target.look(bench)))
    if wrong:
        look.problem(f"{where}, when epoch {newest + 1} is published anew, readers see {wrong}")


def _moment(told: Mapping[str, Any]) -> str:
    receipts = f"with {told['receipts']} receipts"
    if "die_at" in told:
        return f"after a kill at call {told['die_at']} of the operating system {receipts}"
    if "die_after" in told:
        return f"after a kill {told['die_after'] * 1000:.1f} ms after the start {receipts}"
    return f"after a child that was not killed {receipts}"


RULES = (record, no_rows, after_kill, other_job)
