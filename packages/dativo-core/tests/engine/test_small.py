"""Many small streams: what they cost is shared, and never more of them read than was asked for."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest

from dativo import engine
from dativo.contract import Receipt, Stream
from dativo.engine._cancel import Cancellation
from dativo.engine._epoch import Epoch
from dativo.engine._slots import all_done
from dativo.engine._turns import Turns
from dativo.engine._writing import Writing
from dativo.errors import RunInterruptedError
from dativo_test_support.project import Project

STREAMS = [f"s{number:03}" for number in range(60)]


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the transactions that write, by the file of the database."""
    found: Counter[str] = Counter()
    connect = sqlite3.connect

    def traced(file: Path, **options: object) -> sqlite3.Connection:
        database = connect(file, **options)  # type: ignore[call-overload]

        def note(statement: str) -> None:
            found[Path(file).name] += statement.lower() == "begin immediate"

        database.set_trace_callback(note)
        return database  # type: ignore[no-any-return]

    monkeypatch.setattr(sqlite3, "connect", traced)
    return found


def _job(project: Project, rows: int, mode: str = "incremental") -> Path:
    return project.job(
        source={"streams": STREAMS, "rows": rows}, streams=[{"name": "*", "mode": mode}]
    )


def test_increments_that_find_nothing_share_the_transactions_of_one(
    project: Project, transactions: Counter[str]
) -> None:
    engine.run(_job(project, rows=3))
    transactions.clear()

    result = engine.run(_job(project, rows=3))

    assert result.ok
    assert len(result.streams) == len(STREAMS)
    assert transactions["state.db"] == 1  # the fence of the run
    # The beginning and the end, the first and the last entries, and some now and then between.
    assert transactions["history.db"] <= 4 + result.seconds / 0.1


def test_each_published_stream_is_one_transaction_of_the_state_at_the_most(
    project: Project, transactions: Counter[str]
) -> None:
    engine.run(_job(project, rows=3))

    assert 1 < transactions["state.db"] <= 1 + len(STREAMS)
    assert all(project.ids(stream) == [1, 2, 3] for stream in STREAMS)


@pytest.mark.parametrize("parallelism", [1, 3])
def test_never_more_streams_are_read_at_once_than_the_job_says(
    project: Project, monkeypatch: pytest.MonkeyPatch, parallelism: int
) -> None:
    lock, now, most = threading.Lock(), 0, 0
    original = Turns.taken

    @contextmanager
    def counted(self: Turns) -> Iterator[None]:
        nonlocal now, most
        with original(self):
            with lock:
                now += 1
                most = max(most, now)
            yield
            with lock:
                now -= 1

    monkeypatch.setattr(Turns, "taken", counted)
    job = project.job(
        source={"streams": STREAMS, "rows": 20, "delay_seconds": 0.001},
        streams=[{"name": "*", "mode": "full"}],
        run={"parallelism": parallelism},
    )

    result = engine.run(job)

    assert result.ok
    assert most == parallelism


@pytest.mark.parametrize(("step", "expected"), [(0.0, 9), (10.0, 3)], ids=["idle", "busy"])
def test_as_many_streams_publish_at_once_as_the_processor_has_time_for(
    project: Project, monkeypatch: pytest.MonkeyPatch, step: float, expected: int
) -> None:
    used = itertools.count(0.0, step)
    monkeypatch.setattr("dativo.engine._run.time.process_time", lambda: next(used))
    lock, full, now, most = threading.Lock(), threading.Event(), 0, 0
    original = Writing.commit

    def slow(self: Writing, epoch: Epoch) -> Receipt:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            if now == 9:
                full.set()
        full.wait(20 if step == 0 else 0.05)
        try:
            return original(self, epoch)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(Writing, "commit", slow)
    job = project.job(
        source={"streams": STREAMS, "rows": 3},
        streams=[{"name": "*", "mode": "full"}],
        run={"parallelism": 1},
    )

    assert engine.run(job).ok
    assert most == expected


def test_whoever_waits_for_a_turn_is_sent_home_when_the_run_is_stopped() -> None:
    cancellation = Cancellation()
    turns = Turns(1, cancellation)

    with turns.taken():
        threading.Timer(0.05, cancellation.cancel).start()
        with pytest.raises(RunInterruptedError), turns.taken():
            pass
    with pytest.raises(RunInterruptedError), turns.taken():
        pass


def test_a_turn_that_was_refused_is_free_again() -> None:
    cancellation = Cancellation()
    turns = Turns(1, cancellation)
    cancellation.cancel()
    for _ in range(2):
        with pytest.raises(RunInterruptedError), turns.taken():
            pass

    assert turns._free.acquire(blocking=False)


def test_all_done_is_told_by_the_last() -> None:
    futures: list[Future[None]] = [Future() for _ in range(3)]
    event = all_done(futures)
    for future in futures:
        assert not event.is_set()
        future.set_result(None)

    assert event.is_set()
    assert all_done(futures).is_set()
    assert all_done([]).is_set()


@pytest.mark.parametrize("keeps", [True, False])
def test_streams_that_are_shown_as_they_come_need_not_be_kept(
    project: Project, *, keeps: bool
) -> None:
    shown: list[Stream] = []

    result = engine.discover(
        _job(project, rows=1), on_stream=shown.append, keeps=keeps, limit=len(STREAMS) - 1
    )

    assert [stream.name for stream in shown] == STREAMS[:-1]
    assert result.streams == (tuple(shown) if keeps else ())
    assert not result.complete
