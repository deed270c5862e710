"""The rule about compaction: other files, the same data."""

from __future__ import annotations

from dativo.contract import CommitRecord, CompactResult, Operation, Role, WriteMode
from dativo.testing._bench import Bench
from dativo.testing._expect import Expecting, expecting_each, shown_record
from dativo.testing._polling import stepping, watching
from dativo.testing._rules import Evidence, NotApplicable, rule
from dativo.testing._subject import WriterSubject
from dativo.testing._target import (
    Row,
    Target,
    after,
    contents,
    difference,
    next_fence,
    orders,
    read_all,
    refusal,
)

__all__ = ["RULES"]

_EPOCHS = 4


@rule("compact.same_data", Role.WRITER)
def same_data(subject: WriterSubject, evidence: Evidence) -> None:
    """Compaction changes no record and no commit, and readers see all of it all the time."""
    with subject.open() as bench:
        if "compact" not in bench.side.connector.hooks:
            raise NotApplicable("the writer has no compact hook")
    for look in expecting_each(subject, evidence):
        expected = _publish(look.target, deletes=subject.info.deletes)
        before = look.target.last_commit()
        result = _compact_watched(look, expected)
        look.published(expected, "after the compaction")
        _expect_commit(look, before, look.target.last_commit())
        if result.rows != len(expected):
            look.problem(f"compact tells {result.rows} records where {len(expected)} are published")
        _go_on(look, expected)
        look.looked(
            f"{_EPOCHS} epochs in {result.files_before} files, compacted into {result.files_after}"
        )


def _publish(target: Target, *, deletes: bool) -> list[Row]:
    """Publish epochs, in merge mode with versions and deletions, and return what is left."""
    epochs = [orders(range(epoch, epoch + 4), f"epoch {epoch}") for epoch in range(_EPOCHS)]
    for epoch, table in enumerate(epochs, start=1):
        target.publish(epoch, table[:2], table[2:])
    expected = after(target.mode, *epochs)
    if target.mode is WriteMode.MERGE and deletes:
        with target.run() as run:
            keys = orders([1]).select(["id"])
            staged = [run.stage(keys, op=Operation.DELETE, sequence=1)]
            run.session.commit(run.identity(_EPOCHS + 1), staged)
        expected = [row for row in expected if row[0] != 1]
    return expected


def _compact_watched(look: Expecting, expected: list[Row]) -> CompactResult:
    """Compact while one reader reads on from before, and another looks all the time."""
    target = look.target
    with target.bench() as bench, target.bench(fence=next_fence()) as other:
        reader = target.open_read_back(bench)
        with watching(lambda: contents(target.look(bench))) as watcher:
            with target.on(other):
                pass  # the claim, which the engine makes as well
            with stepping(watcher):
                result = _compact(target, other)
        begun = None if reader is None else read_all(reader)
    wrong = difference(expected, contents(begun))
    if wrong:
        look.problem(f"a reader that had begun before the compaction sees {wrong}")
    for error in watcher.errors:
        look.problem(f"a reader failed during the compaction: {error}")
    for seen in watcher.seen:
        wrong = difference(expected, seen)
        if wrong:
            look.problem(f"during the compaction a reader saw {wrong}")
    return result


def _compact(target: Target, bench: Bench) -> CompactResult:
    connector, side = bench.side.connector, bench.side
    context = bench.context(stream=target.stream)
    return connector.compact(side.config, target.request(bench), context)


def _expect_commit(
    look: Expecting, before: CommitRecord | None, found: CommitRecord | None
) -> None:
    assert before is not None  # it was published a moment ago
    if found is None or found.commit != before.commit:
        look.problem(
            f"after the compaction last_commit gives {shown_record(found)} in place of "
            f"{shown_record(before)}, or another checkpoint"
        )


def _go_on(look: Expecting, expected: list[Row]) -> None:
    """See that the epochs go on counting: the newest is taken, the one after it is not."""
    record = look.target.last_commit()
    epoch = 0 if record is None else record.commit.epoch
    error = refusal(lambda: look.target.publish(epoch, orders([70]), commit_id="again"))
    look.concurrency(error, f"epoch {epoch} under another id after the compaction")
    more = orders([80], "on")
    look.target.publish(epoch + 1, more)
    rows = [] if look.target.mode is WriteMode.REPLACE else expected
    rows = sorted([*rows, (80, "on")], key=repr)
    look.published(rows, "after the epoch that follows a compaction")


RULES = (same_data,)
