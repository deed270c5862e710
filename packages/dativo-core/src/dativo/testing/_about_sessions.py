"""Rules about sessions: what is staged, by how many, what fails, and what is given back."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from dativo.contract import Operation, Role, Staged, WriteMode
from dativo.engine._arrow import LazyReader
from dativo.errors import DataFormatError
from dativo.testing._cases import Inapplicable
from dativo.testing._expect import Expecting, expecting_each, shown_error
from dativo.testing._rules import Evidence, rule
from dativo.testing._subject import WriterSubject
from dativo.testing._target import Run, after, orders, refusal

__all__ = ["RULES"]

_THREADS = 4
_MEETING_SECONDS = 0.5
_SETTLE_SECONDS = 5.0


@rule("abort.clean", Role.WRITER)
def abort(subject: WriterSubject, evidence: Evidence) -> None:
    """After an abort nothing is visible nor left behind, and the next epoch is complete."""
    for look in expecting_each(subject, evidence):
        target = look.target
        base, table = orders(range(5), "base"), orders(range(5, 9), "kept")
        target.publish(1, base)
        with target.run() as run:
            run.stage(orders(range(50, 60), "dropped"), sequence=1)
            run.session.abort()
            what = "after an abort"
            look.published(after(target.mode, base), what)
            run.publish(2, table)
        states = [base, table]
        what = "after an epoch that follows an abort in the same session"
        look.published(after(target.mode, *states), what)
        with target.run() as run:
            run.stage(orders(range(60, 70), "forgotten"), sequence=1)
        what = "after a session was closed without a commit"
        look.published(after(target.mode, *states), what)
        with target.run() as run:
            states.append(orders(range(9, 12), "last"))
            run.publish(3, states[-1])
        what = "after an epoch that follows a session without a commit"
        look.published(after(target.mode, *states), what)
        look.looked("one abort, one session without a commit, two epochs more")
        _expect_swept(look, subject.cases.staged)


@rule("counts.true", Role.WRITER)
def counts(subject: WriterSubject, evidence: Evidence) -> None:
    """What staging and the record count is what was given, each version and each deletion."""
    for look in expecting_each(subject, evidence):
        target = look.target
        tables = [orders(()), orders([1]), orders(range(2, 1500)), _in_pieces(range(1500, 1600))]
        tables.append(orders([1, 1, 2], "again"))
        with target.run() as run:
            staged = []
            for number, table in enumerate(tables, start=1):
                staged.append(run.stage(table, sequence=number))
                _expect_count(look, staged[-1].rows, table.num_rows)
            given = sum(table.num_rows for table in tables)
            if target.mode is WriteMode.MERGE and subject.info.deletes:
                keys = orders([5, 6, 7, 999_999]).select(["id"])
                staged.append(run.stage(keys, op=Operation.DELETE, sequence=len(tables) + 1))
                _expect_count(look, staged[-1].rows, keys.num_rows)
                given += keys.num_rows
            receipt = run.session.commit(run.identity(1), staged)
        if receipt.record.rows != given:
            look.problem(f"the record tells {receipt.record.rows} rows of {given} staged")
        look.looked(f"{len(staged)} batches of {given} records together")


@rule("stage.concurrent", Role.WRITER)
def concurrent(subject: WriterSubject, evidence: Evidence) -> None:
    """Several threads stage at once, and nothing gets lost, doubled or mixed."""
    for look in expecting_each(subject, evidence):
        target = look.target
        meeting = threading.Barrier(_THREADS)
        tables = [orders(range(k * 1000, k * 1000 + 700), f"of {k}") for k in range(_THREADS)]
        if target.mode is WriteMode.MERGE:
            # The higher sequence wins, whichever was drained first.
            tables = [pa.concat_tables([table, orders([9999], "of all")]) for table in tables]
        with target.run() as run, ThreadPoolExecutor(_THREADS) as pool:

            def stage(number: int) -> Staged:
                return run.stage(_meeting(meeting, tables[number]), sequence=number + 1)  # noqa: B023

            calls = [pool.submit(stage, number) for number in range(_THREADS)]
            errors = [error for call in calls if (error := call.exception())]
            if errors:
                look.problem(f"stage in one of {_THREADS} threads at once ends with {errors[0]}")
                continue
            staged = [call.result() for call in calls]
            run.session.commit(run.identity(1), staged)
        for one, table in zip(staged, tables, strict=True):
            _expect_count(look, one.rows, table.num_rows)
        what = f"after {_THREADS} threads have staged at once"
        look.published(after(target.mode, pa.concat_tables(tables)), what)
        met = "at the same moment" if not meeting.broken else "one after the other"
        look.looked(f"{_THREADS} threads, whose readers were pulled {met}")


@rule("stage.failed", Role.WRITER)
def failed(subject: WriterSubject, evidence: Evidence) -> None:
    """A reader that fails in the middle fails the call, shows nothing, and the next try works."""
    for look in expecting_each(subject, evidence):
        target = look.target
        base, table = orders(range(5), "base"), orders(range(100, 2100), "whole")
        target.publish(1, base)
        for error in (DataFormatError("the page is damaged"), RuntimeError("the driver is lost")):
            with target.run() as run:
                run.stage(orders([77], "a part that is fine"), sequence=1)
                _expect_failure(look, run, _failing(table, error), error=error)
                what = f"after a reader failed with {type(error).__name__}"
                look.published(after(target.mode, base), what)
                run.session.abort()
            look.published(after(target.mode, base), f"{what} and an abort")
        with target.run() as run:
            run.publish(2, table)
        what = "after the next try"
        look.published(after(target.mode, base, table), what)
        look.looked("two readers that fail after 1000 of 2000 records")


@rule("session.close", Role.WRITER)
def close(subject: WriterSubject, evidence: Evidence) -> None:
    """Closing gives back descriptors and threads, and closing again does nothing."""
    for look in expecting_each(subject, evidence):
        target = look.target
        target.publish(1, orders(range(5)))  # loads what stays loaded
        target.published()
        before = _held()
        for what, use in _USES:
            with target.run() as run:
                use(run)
                for turn in ("first", "second"):
                    _expect_closed(look, run, f"after {what} the {turn} close")
            target.published()
        left = _left_behind(before)
        if left:
            look.problem(
                f"{len(_USES)} sessions that were closed have left behind {', '.join(left)}"
            )
        look.looked(
            f"{len(_USES)} sessions closed twice, after {', '.join(what for what, _ in _USES)}"
        )


def _expect_swept(
    look: Expecting, staged: Callable[[], Collection[str]] | Inapplicable | None
) -> None:
    if isinstance(staged, Inapplicable):
        look.looked(f"nothing to sweep: {staged.reason}")
    elif staged is None:
        look.evidence.gap(
            "what staging leaves behind could not be looked at; give `staged` in the cases, a call "
            "that names what lies in the target unpublished"
        )
    else:
        left = sorted(staged())
        if left:
            look.problem(
                f"{len(left)} staged things are left after abort and close, such as {left[0]}"
            )
        look.looked(f"{len(left)} staged things left afterwards")


def _expect_count(look: Expecting, told: int, given: int) -> None:
    if told != given:
        look.problem(f"stage tells {told} rows for a batch of {given}")


def _expect_failure(look: Expecting, run: Run, reader: LazyReader, *, error: Exception) -> None:
    name = f"stage of a reader that fails with {type(error).__name__}"
    try:
        staged = run.stage(reader, sequence=2)
    except Exception as raised:  # noqa: BLE001 - a connector may raise anything
        if raised is not error:
            look.problem(f"{name} raises {raised} before it has met that error")
    else:
        look.problem(f"{name} returns as if it were whole, with {staged.rows} rows")


def _expect_closed(look: Expecting, run: Run, when: str) -> None:
    error = refusal(run.session.close)
    if error is not None:
        look.problem(f"{when} ends with {shown_error(error)}")


def _stage_only(run: Run) -> None:
    run.stage(orders(range(5)), sequence=1)


def _fail(run: Run) -> None:
    error = RuntimeError("the driver is lost")
    try:
        run.stage(_failing(orders(range(2000)), error), sequence=1)
    except Exception:  # noqa: BLE001 - which one it is another rule looks at
        run.session.abort()


def _commit(run: Run) -> None:
    record = run.session.last_commit()
    run.publish(1 if record is None else record.commit.epoch + 1, orders(range(5)))


_USES: tuple[tuple[str, Callable[[Run], None]], ...] = (
    ("nothing", lambda _: None),
    ("a commit", _commit),
    ("a stage", _stage_only),
    ("a reader that failed", _fail),
)


def _in_pieces(ids: Collection[int]) -> pa.Table:
    table = orders(ids)
    return pa.Table.from_batches(table.to_batches(max_chunksize=7))


def _meeting(meeting: threading.Barrier, table: pa.Table) -> LazyReader:
    """A reader whose first pull waits until the others are pulled as well, but not for long."""

    def batches() -> Iterator[pa.RecordBatch]:
        # A writer may let its threads stage one after the other.
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(_MEETING_SECONDS)
        yield from table.to_batches(max_chunksize=100)

    return LazyReader(table.schema, batches())


def _failing(table: pa.Table, error: Exception) -> LazyReader:
    """A reader that yields the first 1000 records and then raises."""

    def batches() -> Iterator[pa.RecordBatch]:
        yield from table[:1000].to_batches(max_chunksize=250)
        raise error

    return LazyReader(table.schema, batches())


def _held() -> tuple[Collection[str], Collection[int | None]]:
    """What this process holds: what its descriptors are of, and its Python threads."""
    names = set()
    for link in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError):  # that of the listing itself
            names.add(f"{link.name} ({link.readlink()})")
    return names, {thread.ident for thread in threading.enumerate()}


def _left_behind(before: tuple[Collection[str], Collection[int | None]]) -> list[str]:
    """Return what was not held *before*; what is being closed gets a few seconds."""
    until = time.monotonic() + _SETTLE_SECONDS
    while True:
        gc.collect()
        descriptors, _ = _held()
        left = [f"descriptor {name}" for name in sorted(set(descriptors) - set(before[0]))]
        left += [
            f"thread {thread.name!r}"
            for thread in threading.enumerate()
            if thread.ident not in before[1]
        ]
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.05)


RULES = (abort, counts, concurrent, failed, close)
