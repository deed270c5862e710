from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from parquet_lake import Lake, ids

from dativo.contract import Batch, WriteMode
from dativo.errors import ConcurrencyError, DiskFullError, StateUnreadableError
from dativo_writer_parquet import _claims, _publish
from dativo_writer_parquet._publish import LockTimeoutError, locked


@pytest.mark.parametrize("fence", [1, 2])
def test_a_fence_that_is_not_higher_is_refused_and_names_the_holder(lake: Lake, fence: int) -> None:
    with (
        lake.session(run_id="first", fence=2),
        pytest.raises(
            ConcurrencyError, match=r"claimed by run first of job job, fence 2"
        ) as caught,
    ):
        lake.open(run_id="second", fence=fence)

    assert caught.value.exit_code == 60
    assert caught.value.details["fence"] == 2
    assert caught.value.details["holder"]["run_id"] == "first"  # type: ignore[index]


def test_a_claim_can_be_read_by_its_owner_whatever_the_mask_was(lake: Lake) -> None:
    before = os.umask(0o777)
    try:
        lake.open(run_id="first", fence=2).close()
    finally:
        os.umask(before)

    (claim,) = lake.path.rglob("claim.json")
    assert claim.stat().st_mode & 0o777 == 0o600


def test_a_claim_outlives_its_run(lake: Lake) -> None:
    lake.open(run_id="first", fence=2).close()
    with pytest.raises(ConcurrencyError):
        lake.open(run_id="second", fence=2)
    lake.open(run_id="second", fence=3).close()


def test_a_run_may_open_a_stream_again(lake: Lake) -> None:
    with lake.session() as first, lake.session() as second:
        second.commit(lake.identity(1), [second.stage(Batch(ids(1)))])
        first.commit(lake.identity(2), [first.stage(Batch(ids(2)))])

    assert lake.numbers() == [1, 2]


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE])
def test_a_run_that_was_taken_over_cannot_publish(lake: Lake, mode: WriteMode) -> None:
    lake = lake.having(mode=mode)
    lake.publish(1, ids(1))
    with lake.session() as late:
        staged = [late.stage(Batch(ids(99)))]
        lake.publish(2, ids(2), run_id="new", fence=2)
        with pytest.raises(ConcurrencyError, match="published already, by run new"):
            late.commit(lake.identity(2, "late"), staged)
        with pytest.raises(ConcurrencyError, match="taken over by run new of job job, fence 2"):
            late.commit(lake.identity(3, "late"), staged)

    assert 99 not in lake.numbers()


def test_a_takeover_leaves_the_staging_of_a_living_run(lake: Lake) -> None:
    with lake.session() as late:
        late.stage(Batch(ids(*range(10))))
        with lake.session(run_id="new", fence=2):
            assert len(list(lake.staging.glob("*.alive"))) == 2
            assert len(list(lake.staging.glob("*.staged"))) == 1


def test_the_published_fence_counts_when_the_claim_is_gone(lake: Lake) -> None:
    lake.publish(1, ids(1), run_id="first", fence=5)
    shutil.rmtree(lake.path / ".dativo")

    with pytest.raises(ConcurrencyError, match="run first of job job, fence 5"):
        lake.open(run_id="second", fence=5)
    lake.publish(2, ids(2), run_id="second", fence=6)


@pytest.mark.parametrize("fence", [6, 7, 8])
def test_the_claim_of_another_job_counts_only_while_it_lives(lake: Lake, fence: int) -> None:
    with (
        lake.session(job_id="other", run_id="theirs", fence=7),
        pytest.raises(ConcurrencyError, match="run theirs of job other") as caught,
    ):
        lake.open(fence=fence)
    assert "fence" not in caught.value.details  # no number would be high enough
    lake.publish(1, ids(1))

    assert lake.numbers() == [1]


def test_the_claim_of_a_control_folder_that_vanished_is_missed(lake: Lake) -> None:
    with lake.session() as session:
        staged = [session.stage(Batch(ids(1)))]
        (lake.path / ".dativo/parquet" / lake.stream / "claim.json").unlink()
        with pytest.raises(ConcurrencyError, match="taken over by somebody"):
            session.commit(lake.identity(1), staged)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"format": 2}', '{"format": 1, "x": 1}']
)
def test_a_damaged_claim_is_an_error(lake: Lake, text: str) -> None:
    lake.open().close()
    claim = lake.path / ".dativo/parquet" / lake.stream / "claim.json"
    assert json.loads(claim.read_text())["fence"] == 1
    claim.write_text(text)

    with pytest.raises(StateUnreadableError, match="is damaged") as caught:
        lake.open(fence=2)
    assert str(claim) in caught.value.fix


def test_what_dead_runs_left_is_swept(lake: Lake) -> None:
    lake.open().close()
    dead = lake.staging / "0123456789abcdef"
    (dead / "x").mkdir(parents=True)
    (dead / "x" / "1.staged").write_text("rest")
    (lake.staging / "fedcba9876543210.alive").touch()
    (lake.staging / "fedcba9876543210-1-00001.staged").write_text("rest")
    (lake.staging / "fedcba9876543210-1.publish" / "epoch-0000000001").mkdir(parents=True)
    lake.publish(1, ids(1))

    assert list(lake.staging.iterdir()) == []


def test_a_held_lock_is_waited_for_and_then_reported(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.open().close()
    lock = lake.path / ".dativo/parquet" / lake.stream / "lock"
    with locked(lock), pytest.raises(ConcurrencyError, match="is locked; the newest claim is that"):
        lake.having(context={"is_cancelled": True}).open()


def test_a_lock_is_given_when_its_holder_ends(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    holding = threading.Event()

    def hold() -> None:
        with locked(lock):
            holding.set()
            time.sleep(0.1)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(5)
    with locked(lock, timeout_seconds=5):
        pass
    thread.join()
    with locked(lock), pytest.raises(LockTimeoutError), locked(lock, timeout_seconds=0.05):
        pass


def test_two_runs_that_open_at_once_get_an_order(lake: Lake) -> None:
    outcomes: list[str] = []
    start = threading.Barrier(8)

    def run(number: int) -> None:
        start.wait()
        try:
            session = lake.open(run_id=f"run{number}", fence=1)
        except ConcurrencyError:
            outcomes.append("refused")
        else:
            outcomes.append("open")
            time.sleep(0.2)
            session.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["open", *["refused"] * 7]
    assert _publish.LOCK_TIMEOUT_SECONDS > 0


def test_a_workspace_that_cannot_be_made_leaves_no_descriptor(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> bool:
        raise OSError(28, "full")

    lake.open().close()
    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(_claims, "try_lock", full)
    with pytest.raises(DiskFullError):
        lake.open()

    assert len(list(Path("/proc/self/fd").iterdir())) == before
