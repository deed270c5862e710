"""What publishing one small stream costs: calls that wait for the disk, and records read."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from parquet_lake import Lake, ids

from dativo.contract import Batch, WriteMode
from dativo_test_support.context import FakeContext
from dativo_writer_parquet import _open, _publish, _records, write
from dativo_writer_parquet._layout import Place
from dativo_writer_parquet._records import Published

MODES = [WriteMode.APPEND, WriteMode.REPLACE]


@contextmanager
def _noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count what is synced: by the suffix of what is staged, by the name of any other folder."""
    synced: Counter[str] = Counter()
    fsync = os.fsync

    def note(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        is_staged = path.is_file() or path.suffix == ".publish"
        synced[path.suffix if is_staged else path.name] += 1
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", note)
        yield synced


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_first_publication_syncs_each_thing_once(
    lake: Lake, mode: WriteMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake.having(mode=mode)
    lake.having(stream="another").publish(1, ids(1))

    with _noted(monkeypatch) as synced:
        lake.publish(1, ids(1))

    assert synced == {
        "parquet": 1,  # the name of the folder that holds the claim
        ".new": 1,  # the claim
        "public.orders": 1,
        ".staged": 1,
        "epoch-0000000001": 1,
        ".publish": 1,
        "lake": 1,
    }


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_later_publication_syncs_six_things(
    lake: Lake, mode: WriteMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake.having(mode=mode)
    lake.publish(1, ids(1))

    with _noted(monkeypatch) as synced:
        lake.publish(2, ids(2))

    assert sum(synced.values()) == 6
    assert set(synced) >= {".new", "public.orders", ".staged", "epoch-0000000002", "lake"}


def test_a_session_that_publishes_nothing_syncs_the_claim_alone(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.publish(1, ids(1))

    with _noted(monkeypatch) as synced, lake.session() as session:
        session.last_commit()

    assert synced == {".new": 1, "public.orders": 1}


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_the_record_of_an_epoch_is_read_once_a_session_and_of_its_own_never(
    lake: Lake, mode: WriteMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake.having(mode=mode)
    lake.publish(1, ids(1))
    read: list[int] = []
    original = _records.read_epoch

    def note(place: Place, epoch: int) -> Published:
        read.append(epoch)
        return original(place, epoch)

    monkeypatch.setattr(_records, "read_epoch", note)

    with lake.session() as session:
        for epoch in (2, 3):
            session.last_commit()
            session.commit(lake.identity(epoch), [session.stage(Batch(ids(epoch)))])

    assert read == [1]


def test_an_epoch_that_another_folder_has_taken_the_place_of_is_read_again(lake: Lake) -> None:
    lake = lake.having(mode=WriteMode.REPLACE)
    lake.publish(1, ids(1))
    other = lake.having(path=lake.path.with_name("other"))
    other.publish(1, ids(2), commit_id="another")

    with lake.session() as session:
        before = session.last_commit()
        _publish.exchange(lake.data, other.data)
        after = session.last_commit()

    assert before is not None
    assert after is not None
    assert (before.commit.commit_id, after.commit.commit_id) == ("c1", "another")


def test_what_is_published_is_told_while_somebody_holds_the_lock(lake: Lake) -> None:
    lake.publish(1, ids(1))
    lock = lake.staging.with_name("lock")

    with lake.session() as session, _publish.locked(lock):
        last = session.last_commit()

    assert last is not None
    assert last.commit.commit_id == "c1"


def test_a_stream_is_staged_without_folders_of_its_own(lake: Lake) -> None:
    with lake.session() as session:
        session.stage(Batch(ids(1)))

        assert {path.suffix for path in lake.staging.iterdir()} == {".alive", ".staged"}
        assert all(path.is_file() for path in lake.staging.iterdir())
        assert not lake.staging.with_name("retired").exists()


def test_one_trial_tells_for_all_streams_of_a_run_whether_folders_can_be_exchanged(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Path] = []
    original = _publish.can_exchange

    def note(folder: Path) -> bool:
        tried.append(folder)
        return original(folder)

    monkeypatch.setattr(_open, "can_exchange", note)
    lake = lake.having(mode=WriteMode.REPLACE)
    context = FakeContext()

    for stream in ("a", "b", "c"):
        write(lake.config, lake.having(stream=stream).request, context).close()

    assert len(tried) == 1


class _Counted:
    """A lock that counts who has entered it."""

    def __init__(self) -> None:
        self.entered = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()
        self.entered += 1

    def __exit__(self, *_error: object) -> None:
        self._lock.release()


def test_threads_that_wait_for_the_same_folder_share_the_next_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on, calls = threading.Event(), threading.Event(), []

    def slow(path: Path) -> None:
        calls.append(path)
        entered.set()
        assert go_on.wait(30)

    lock = _Counted()
    monkeypatch.setattr(_publish, "_SYNCING", lock)
    monkeypatch.setattr(_publish, "fsync_folder", slow)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(_publish.fsync_together, tmp_path)
        assert entered.wait(30)
        # What these have named may be too late for the one that is under way.
        others = [threads.submit(_publish.fsync_together, tmp_path) for _ in range(8)]
        while lock.entered < 2 + len(others):  # the first enters it twice
            time.sleep(0.001)
        go_on.set()
        for one in (first, *others):
            one.result(timeout=30)

    assert len(calls) == 2


def test_a_disk_that_fails_tells_every_thread_that_shares_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def fails(_path: Path) -> None:
        entered.set()
        assert go_on.wait(30)
        raise OSError(5, "broken")

    monkeypatch.setattr(_publish, "fsync_folder", fails)
    with ThreadPoolExecutor(5) as threads:
        waiting = [threads.submit(_publish.fsync_together, tmp_path) for _ in range(5)]
        assert entered.wait(30)
        go_on.set()
        errors = [one.exception(timeout=30) for one in waiting]

    assert all(isinstance(error, OSError) for error in errors)
    assert not _publish._WAITING
