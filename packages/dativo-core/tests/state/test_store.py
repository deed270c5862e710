from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from dativo.contract import Checkpoint, Commit, CommitRecord, WriteMode
from dativo.errors import (
    ConcurrencyError,
    DativoError,
    DiskFullError,
    StateLockedError,
    StateUnreadableError,
)
from dativo.state import STATE_FORMAT, StateStore, job_lock, private_file, private_folder


def record(stream: str = "s", epoch: int = 1, fence: int = 1) -> CommitRecord:
    commit = Commit(
        job_id="job",
        stream=stream,
        epoch=epoch,
        commit_id=f"c{epoch}",
        run_id="r",
        fence=fence,
        mode=WriteMode.APPEND,
        checkpoint=Checkpoint({"id": epoch}),
        fingerprint={"a": "b"},
    )
    return CommitRecord(commit=commit, rows=5, files=("f",), schema="id: int64")


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    store = StateStore(tmp_path / ".dativo")
    store.save(record(epoch=1))
    store.save(record(epoch=2))
    store.close()

    again = StateStore(tmp_path / ".dativo")
    entry = again.load("job", "s")
    nothing = again.load("job", "other")
    again.close()

    assert entry is not None
    assert entry.record == record(epoch=2)
    assert (entry.epoch, entry.commit_id) == (2, "c2")
    assert entry.checkpoint == Checkpoint({"id": 2})
    assert entry.fingerprint == {"a": "b"}
    assert nothing is None


def test_fences_only_grow(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    fences = [store.next_fence("job") for _ in range(3)]
    store.close()

    assert fences == sorted(set(fences))


def test_fence_is_above_what_the_target_knows(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    ahead = store.next_fence("job", above=10**15)
    after = store.next_fence("job")
    store.close()

    assert (ahead, after) == (10**15 + 1, 10**15 + 2)


@pytest.mark.parametrize(("epoch", "fence"), [(2, 6), (5, 6), (4, 7)])
def test_run_that_stood_still_does_not_put_its_state_over_a_newer_one(
    tmp_path: Path, epoch: int, fence: int
) -> None:
    store = StateStore(tmp_path)
    store.save(record(epoch=5, fence=7))

    with pytest.raises(ConcurrencyError, match="has stored epoch 5") as caught:
        store.save(record(epoch=epoch, fence=fence))

    assert not caught.value.retryable
    assert store.load("job", "s").record == record(epoch=5, fence=7)  # type: ignore[union-attr]
    store.save(record("other", epoch=epoch, fence=fence))
    store.close()


def test_run_with_a_higher_fence_may_begin_to_count_anew(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    store.save(record(epoch=5, fence=7))

    store.save(record(epoch=1, fence=8))

    assert store.load("job", "s").epoch == 1  # type: ignore[union-attr]
    store.close()


@pytest.mark.parametrize("older", [record(epoch=2, fence=6), None])
def test_a_state_goes_back_only_by_a_restore_and_its_fence_never(
    tmp_path: Path, older: CommitRecord | None
) -> None:
    store = StateStore(tmp_path)
    fence = store.next_fence("job", above=10**15)
    for stream in ("s", "other"):
        store.save(record(stream, epoch=5, fence=7))

    store.restore("job", "s", older)

    restored, other = store.load("job", "s"), store.load("job", "other")
    assert (None if restored is None else restored.record) == older
    assert other is not None
    assert other.record == record("other", epoch=5, fence=7)
    assert store.next_fence("job") > fence
    store.close()


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 50, b"SQLite format 3\0" + b"x" * 2000]
)
def test_damaged_database_is_an_error_and_never_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.db").write_bytes(content)

    with pytest.raises(StateUnreadableError, match=r"state\.db") as caught:
        StateStore(tmp_path)

    assert caught.value.exit_code == 60


def test_damaged_entry_is_an_error(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    store.save(record())
    with closing(sqlite3.connect(tmp_path / "state.db")) as database, database:
        database.execute("update state set record = '{}'")

    with pytest.raises(StateUnreadableError, match="damaged"):
        store.load("job", "s")
    store.close()


def test_database_of_a_newer_dativo_is_refused(tmp_path: Path) -> None:
    StateStore(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "state.db")) as database, database:
        database.execute("update meta set value = ?", (str(STATE_FORMAT + 1),))

    with pytest.raises(StateUnreadableError, match="format 2"):
        StateStore(tmp_path)


def test_full_database_is_a_full_disk(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    pages = store._database.execute("pragma page_count").fetchone()[0]
    store._database.execute(f"pragma max_page_count = {pages}")

    def fill() -> None:
        for number in range(2_000):
            store.save(record(stream=f"stream {number}"))

    with pytest.raises(DiskFullError):
        fill()
    store.close()


def test_failed_fence_leaves_no_transaction_open(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    store._database.execute("drop table fence")

    for _ in range(2):
        with pytest.raises(StateUnreadableError, match="fence"):
            store.next_fence("job")

    store.save(record())
    store.close()


def test_threads_share_a_store(tmp_path: Path) -> None:
    store = StateStore(tmp_path)

    def fill(stream: str) -> None:
        for epoch in range(1, 20):
            store.save(record(stream, epoch))

    threads = [threading.Thread(target=fill, args=(f"s{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [store.load("job", f"s{n}").epoch for n in range(4)] == [19] * 4  # type: ignore[union-attr]
    store.close()


def test_lock_is_released_and_can_be_taken_again(tmp_path: Path) -> None:
    with job_lock(tmp_path, "job", "r1"):
        pass
    with (
        job_lock(tmp_path, "job", "r2"),
        job_lock(tmp_path, "other", "r3"),
        pytest.raises(StateLockedError, match="in progress") as caught,
        job_lock(tmp_path, "job", "r4"),
    ):
        pass

    assert caught.value.details["run_id"] == "r2"
    assert caught.value.retryable


def test_lock_file_that_says_nothing_is_still_a_lock(tmp_path: Path) -> None:
    with job_lock(tmp_path, "job", "r1"):
        next((tmp_path / "locks").iterdir()).write_text("")
        with pytest.raises(StateLockedError, match=r"process \?"), job_lock(tmp_path, "job", "r2"):
            pass


def test_folders_and_files_are_private(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "a" / "b")
    file = private_file(folder / "f")

    assert folder.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


def test_place_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DativoError):
        private_folder(tmp_path / "file" / "folder")
    with pytest.raises(DativoError):
        private_file(tmp_path / "file" / "f")


def test_jobs_that_start_at_once_in_a_new_project_make_one_database(tmp_path: Path) -> None:
    def open_once(folder: Path, gate: threading.Barrier) -> None:
        gate.wait()
        StateStore(folder).close()

    for number in range(40):
        folder, gate = tmp_path / str(number), threading.Barrier(4)
        with ThreadPoolExecutor(4) as threads:
            opened = [threads.submit(open_once, folder, gate) for _ in range(4)]
        for one in opened:
            one.result()


def test_threads_that_save_at_once_share_transactions(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    statements: list[str] = []
    store._database.set_trace_callback(statements.append)
    count = 40
    store._saving._turn.acquire()  # as if a transaction were under way

    with ThreadPoolExecutor(count) as threads:
        saved = [threads.submit(store.save, record(f"s{number}")) for number in range(count)]
        while len(store._saving._waiting) < count:
            time.sleep(0.001)
        store._saving._turn.release()
        for one in saved:
            one.result(timeout=30)

    assert [text for text in statements if text.lower() == "commit"] == ["commit"]
    store.close()
    again = StateStore(tmp_path)
    assert all(again.load("job", f"s{number}") for number in range(count))
    again.close()


def test_one_of_several_that_is_too_old_does_not_keep_the_others_from_being_stored(
    tmp_path: Path,
) -> None:
    store = StateStore(tmp_path)
    store.save(record("a", epoch=5))
    store._saving._turn.acquire()

    with ThreadPoolExecutor(2) as threads:
        late = threads.submit(store.save, record("a", epoch=4))
        other = threads.submit(store.save, record("b", epoch=1))
        while len(store._saving._waiting) < 2:
            time.sleep(0.001)
        store._saving._turn.release()
        error = late.exception(timeout=30)

    assert isinstance(error, ConcurrencyError)
    assert error.stream == "a"
    assert other.exception() is None
    assert [store.load("job", stream).epoch for stream in ("a", "b")] == [5, 1]  # type: ignore[union-attr]
    store.close()


def test_a_transaction_that_fails_is_told_to_each_thread_by_an_error_of_its_own(
    tmp_path: Path,
) -> None:
    store = StateStore(tmp_path)
    store._database.execute("drop table state")
    store._saving._turn.acquire()

    with ThreadPoolExecutor(2) as threads:
        saved = [threads.submit(store.save, record(stream)) for stream in ("a", "b")]
        while len(store._saving._waiting) < 2:
            time.sleep(0.001)
        store._saving._turn.release()
        errors = [one.exception(timeout=30) for one in saved]

    assert all(isinstance(error, StateUnreadableError) for error in errors)
    assert errors[0] is not errors[1]
    store.close()
