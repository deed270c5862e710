from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquet_lake import STREAM, Lake, ids

from dativo.contract import Batch, Commit, CommitRecord, WriteMode
from dativo.errors import (
    ConcurrencyError,
    ContractViolationError,
    DataValidationError,
    StateError,
    StateUnreadableError,
    WriteFailedError,
)
from dativo_writer_parquet._versions import Stamp


@pytest.fixture(params=[WriteMode.APPEND, WriteMode.REPLACE], ids=str)
def lake_of_mode(lake: Lake, request: pytest.FixtureRequest) -> Lake:
    return lake.having(mode=request.param)


def test_a_fresh_stream_has_no_commit(lake: Lake) -> None:
    with lake.session() as session:
        assert session.last_commit() is None

    assert not lake.data.exists()


def test_a_commit_publishes_records_and_record(lake_of_mode: Lake) -> None:
    lake = lake_of_mode
    receipt = lake.publish(1, ids(1, 2), ids(3))

    assert lake.numbers() == [1, 2, 3]
    assert receipt.record.rows == 3
    assert receipt.record.commit == lake.identity(1)
    assert receipt.record.schema == "id: int64"
    assert list(receipt.record.files) == lake.files()
    assert receipt.size_bytes == sum((lake.data / name).stat().st_size for name in lake.files())
    assert not receipt.replayed
    with lake.session() as session:
        assert session.last_commit() == receipt.record


def test_staged_records_are_nowhere_to_be_seen(lake_of_mode: Lake) -> None:
    lake = lake_of_mode
    with lake.session() as session:
        staged = session.stage(Batch(ids(1, 2)))

        assert staged.rows == 2
        assert not lake.data.exists()
        assert not list(lake.path.rglob("*.parquet"))


def test_append_adds_and_replace_exchanges(lake: Lake) -> None:
    lake.publish(1, ids(1))
    lake.publish(2, ids(2))

    assert lake.numbers() == [1, 2]

    lake.having(mode=WriteMode.REPLACE).publish(3, ids(9))

    assert lake.numbers() == [9]
    assert [name.split("/")[0] for name in lake.files()] == ["epoch-0000000003"]

    lake.publish(4, ids(10))

    assert lake.numbers() == [9, 10]


def test_one_session_commits_epoch_after_epoch(lake_of_mode: Lake) -> None:
    lake = lake_of_mode
    with lake.session() as session:
        for epoch in range(1, 6):
            session.commit(lake.identity(epoch), [session.stage(Batch(ids(epoch)))])
            last = session.last_commit()

            assert last is not None
            assert last.commit.epoch == epoch

    expected = [5] if lake.mode is WriteMode.REPLACE else [1, 2, 3, 4, 5]
    assert lake.numbers() == expected
    assert list(lake.staging.iterdir()) == []


def test_the_record_is_in_the_footer_of_one_file(lake: Lake) -> None:
    limited = lake.having(settings={"file_rows": 10})
    receipt = limited.publish(1, ids(*range(95)))
    footers = [pq.read_metadata(lake.data / name).metadata or {} for name in lake.files()]
    records = [footer[b"dativo.commit"] for footer in footers if b"dativo.commit" in footer]

    assert len(footers) == 10
    assert [CommitRecord.from_json(text.decode()) for text in records] == [receipt.record]


def test_an_epoch_without_rows_is_an_empty_table(lake_of_mode: Lake) -> None:
    lake = lake_of_mode
    receipt = lake.publish(1, ids())

    assert receipt.record.rows == 0
    assert lake.read() == ids()
    assert len(lake.files()) == 1


def test_an_epoch_without_batches_keeps_the_published_schema(lake_of_mode: Lake) -> None:
    lake = lake_of_mode
    lake.publish(1, ids(1))
    receipt = lake.publish(2)

    assert receipt.record.rows == 0
    assert lake.numbers() == ([] if lake.mode is WriteMode.REPLACE else [1])


def test_a_first_epoch_without_batches_is_refused(lake: Lake) -> None:
    with pytest.raises(DataValidationError, match="nothing was ever published"):
        lake.publish(1)


# --- the same commit again ----------------------------------------------------------------------


def test_the_same_commit_again_is_replayed(lake_of_mode: Lake) -> None:
    lake = lake_of_mode
    first = lake.publish(1, ids(1))
    again = lake.publish(1, ids(1))

    assert again.replayed
    assert (again.record, again.size_bytes) == (first.record, first.size_bytes)
    assert lake.numbers() == [1]


def test_the_same_commit_again_in_one_session(lake: Lake) -> None:
    with lake.session() as session:
        staged = [session.stage(Batch(ids(1)))]
        session.commit(lake.identity(1), staged)

        assert session.commit(lake.identity(1), staged).replayed

        session.commit(lake.identity(2), [session.stage(Batch(ids(2)))])
        assert session.commit(lake.identity(1), staged).replayed  # an older one, still there

    assert lake.numbers() == [1, 2]


def test_an_epoch_under_another_id_is_refused(lake_of_mode: Lake) -> None:
    lake = lake_of_mode
    lake.publish(1, ids(1))

    with pytest.raises(ConcurrencyError, match="published already, by run run of job job"):
        lake.publish(1, ids(2), commit_id="other")
    assert lake.numbers() == [1]


def test_an_epoch_that_was_replaced_is_refused(lake: Lake) -> None:
    lake = lake.having(mode=WriteMode.REPLACE)
    lake.publish(1, ids(1))
    lake.publish(2, ids(2))

    with pytest.raises(ConcurrencyError, match="the newest epoch is 2"):
        lake.publish(1, ids(1))
    assert lake.numbers() == [2]


def test_a_gap_of_epochs_is_refused(lake_of_mode: Lake) -> None:
    lake = lake_of_mode
    with pytest.raises(StateError, match=r"epoch 2 of public\.orders cannot follow epoch 0"):
        lake.publish(2, ids(1))
    lake.publish(1, ids(1))
    with pytest.raises(StateError, match=r"epoch 3 of public\.orders cannot follow epoch 1"):
        lake.publish(3, ids(1))


@pytest.mark.parametrize(
    "changes",
    [
        {"job_id": "other"},
        {"stream": "other"},
        {"fence": 2},
        {"mode": WriteMode.REPLACE},
    ],
)
def test_a_commit_of_another_job_stream_fence_or_mode_is_a_violation(
    lake: Lake, changes: dict[str, Any]
) -> None:
    with lake.session() as session:
        staged = [session.stage(Batch(ids(1)))]

        with pytest.raises(ContractViolationError, match="was asked for the commit c1"):
            session.commit(lake.identity(1, **changes), staged)


# --- abort, close, failures of the reader -------------------------------------------------------


def test_abort_removes_what_was_staged(lake_of_mode: Lake) -> None:
    lake = lake_of_mode
    with lake.session() as session:
        session.stage(Batch(ids(1)))
        session.abort()

        assert not [path for path in lake.staging.rglob("*") if path.suffix == ".staged"]

        session.commit(lake.identity(1), [session.stage(Batch(ids(2)))])

    assert lake.numbers() == [2]


def test_close_removes_what_was_staged_and_can_be_repeated(lake: Lake) -> None:
    session = lake.open()
    session.stage(Batch(ids(1)))
    session.close()
    session.close()

    assert list(lake.staging.iterdir()) == []
    with pytest.raises(ContractViolationError, match="closed"):
        session.stage(Batch(ids(1)))


def _breaking(*batches: pa.RecordBatch) -> pa.RecordBatchReader:
    def pull() -> Iterator[pa.RecordBatch]:
        yield from batches
        raise ValueError("the source broke")

    return pa.RecordBatchReader.from_batches(ids().schema, pull())


def test_an_error_of_the_reader_passes_through_and_forbids_the_commit(lake: Lake) -> None:
    with lake.session() as session:
        good = session.stage(Batch(ids(1)))
        with pytest.raises(ValueError, match="the source broke"):
            session.stage(Batch(_breaking(*ids(2, 3).to_batches())))
        with pytest.raises(WriteFailedError, match="abort it and stage it anew"):
            session.commit(lake.identity(1), [good])
        session.abort()
        session.commit(lake.identity(1), [session.stage(Batch(ids(4)))])

    assert lake.numbers() == [4]


def test_a_commit_takes_all_that_was_staged(lake: Lake) -> None:
    with lake.session() as session:
        first = session.stage(Batch(ids(1)))
        session.stage(Batch(ids(2)))

        with pytest.raises(ContractViolationError, match="all that was staged"):
            session.commit(lake.identity(1), [first])


def test_a_commit_waits_for_every_stage(lake: Lake) -> None:
    started, go_on = threading.Event(), threading.Event()

    def pull() -> Iterator[pa.RecordBatch]:
        started.set()
        go_on.wait(10)
        yield from ids(1).to_batches()

    with lake.session() as session:
        reader = pa.RecordBatchReader.from_batches(ids().schema, pull())
        failures: list[str] = []

        def stage() -> None:
            try:
                session.stage(Batch(reader))
            except WriteFailedError as error:
                failures.append(error.message)

        thread = threading.Thread(target=stage)
        thread.start()
        started.wait(10)

        with pytest.raises(ContractViolationError, match="wait for every stage"):
            session.commit(lake.identity(1), [])
        session.abort()
        go_on.set()
        thread.join()
        session.commit(lake.identity(1), [session.stage(Batch(ids(5)))])

    assert failures == ["the epoch of public.orders was aborted while it was staged"]
    assert lake.numbers() == [5]
    assert list(lake.staging.iterdir()) == []


def test_lost_records_are_noticed_before_publication(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dativo_writer_parquet._staging import Lane

    whole = Lane.add

    def drop(lane: Lane, batch: pa.RecordBatch, stamp: Stamp | None) -> None:
        whole(lane, batch.slice(1), stamp)

    monkeypatch.setattr(Lane, "add", drop)
    with pytest.raises(WriteFailedError, match="hold 1 records, but 2 were read"):
        lake.publish(1, ids(1, 2))
    assert not lake.data.exists()


def test_a_file_whose_footer_lies_is_noticed(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from dativo_writer_parquet._files import StagedFile

    whole = StagedFile.flush

    def drop(file: StagedFile) -> None:
        file._pending = [batch.slice(1) for batch in file._pending]
        whole(file)

    monkeypatch.setattr(StagedFile, "flush", drop)
    with pytest.raises(WriteFailedError, match="holds 1 records, but 2 were written"):
        lake.publish(1, ids(1, 2))
    assert not lake.data.exists()


def test_a_footer_of_any_length_is_read_back(lake: Lake) -> None:
    wide = pa.table({f"column_{number}": [number] for number in range(1_000)})
    lake.publish(1, wide)

    assert lake.read().equals(wide)
    assert pq.read_metadata(_carrier(lake)).serialized_size > 64 * 1024


# --- damaged and foreign places -----------------------------------------------------------------


def _carrier(lake: Lake) -> Path:
    return next(lake.data.rglob("*.commit.parquet"))


def _truncate(lake: Lake) -> None:
    os.truncate(_carrier(lake), _carrier(lake).stat().st_size - 5)


def _empty(lake: Lake) -> None:
    os.truncate(_carrier(lake), 0)


def _lose(lake: Lake) -> None:
    _carrier(lake).unlink()


def _double(lake: Lake) -> None:
    _carrier(lake).with_name("copy.commit.parquet").write_bytes(_carrier(lake).read_bytes())


def _strip(lake: Lake) -> None:
    pq.write_table(ids(1), _carrier(lake))


def _change(lake: Lake) -> None:
    table = pq.read_table(_carrier(lake))
    path = _carrier(lake)
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"dativo.commit": '{"format": 2}'})


def _move(lake: Lake) -> None:
    (lake.data / "epoch-0000000001").rename(lake.data / "epoch-0000000002")


@pytest.mark.parametrize("damage", [_truncate, _empty, _lose, _double, _strip, _change, _move])
def test_a_damaged_record_is_an_error_and_never_none(lake: Lake, damage: object) -> None:
    assert callable(damage)
    lake.publish(1, ids(1))
    session = lake.open()
    damage(lake)

    with pytest.raises(StateUnreadableError, match=r"commit record of .* cannot be read") as caught:
        session.last_commit()
    assert str(lake.data) in caught.value.fix
    session.close()
    with pytest.raises(StateUnreadableError):
        lake.open()


@pytest.mark.parametrize("name", ["notes.txt", "epoch-1", "epoch-0000000000", "part.parquet"])
def test_files_of_others_are_never_touched(lake_of_mode: Lake, name: str) -> None:
    lake = lake_of_mode
    lake.data.mkdir(parents=True)
    (lake.data / name).write_text("mine")

    with pytest.raises(StateError, match=r"which is no epoch") as caught:
        lake.open()
    assert str(lake.data) in caught.value.fix
    assert (lake.data / name).read_text() == "mine"


def test_a_link_in_place_of_the_folder_is_refused(lake_of_mode: Lake, tmp_path: Path) -> None:
    lake = lake_of_mode
    lake.path.mkdir()
    (tmp_path / "elsewhere").mkdir()
    lake.data.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StateError, match="is a link"):
        lake.open()


def test_a_file_in_place_of_the_folder_is_refused(lake_of_mode: Lake) -> None:
    lake = lake_of_mode
    lake.path.mkdir()
    lake.data.write_text("mine")

    with pytest.raises(StateError, match="is no folder"):
        lake.open()


def test_an_empty_folder_is_taken(lake_of_mode: Lake) -> None:
    lake = lake_of_mode
    lake.data.mkdir(parents=True)
    lake.publish(1, ids(1))

    assert lake.numbers() == [1]


def test_the_place_of_another_job_is_told_but_not_written(lake: Lake) -> None:
    lake.publish(1, ids(1))
    with lake.session(job_id="other", fence=1) as session:
        last = session.last_commit()

        assert last is not None
        assert last.commit.job_id == "job"
        with pytest.raises(StateError, match="belongs to the job 'job'"):
            session.stage(Batch(ids(2)))
        with pytest.raises(StateError, match="belongs to the job 'job'"):
            session.commit(lake.identity(2, job_id="other"), [])


# --- modes --------------------------------------------------------------------------------------


def _modes(path: Path) -> set[tuple[bool, int]]:
    return {(entry.is_dir(), entry.stat().st_mode & 0o777) for entry in path.rglob("*")}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_everything_is_private_by_default(lake_of_mode: Lake, umask: int) -> None:
    lake = lake_of_mode
    before = os.umask(umask)
    try:
        lake.publish(1, ids(1))
        lake.publish(2, ids(1))
    finally:
        os.umask(before)

    assert _modes(lake.path) == {(True, 0o700), (False, 0o600)}
    assert lake.path.stat().st_mode & 0o777 == 0o700


def test_published_files_can_be_opened_to_others(lake: Lake) -> None:
    lake = lake.having(settings={"file_mode": "0644"})
    lake.publish(1, ids(1))

    assert _modes(lake.data) == {(True, 0o755), (False, 0o644)}
    assert lake.data.stat().st_mode & 0o777 == 0o755
    assert lake.path.stat().st_mode & 0o777 == 0o755
    assert _modes(lake.path / ".dativo") == {(True, 0o700), (False, 0o600)}


def test_the_identity_helper_matches_the_stream(lake: Lake) -> None:
    assert isinstance(lake.identity(1), Commit)
    assert lake.identity(1).stream == STREAM


def test_an_epoch_that_got_lost_is_missed(lake: Lake) -> None:
    for epoch in (1, 2, 3):
        lake.publish(epoch, ids(epoch))
    shutil.rmtree(lake.data / "epoch-0000000002")

    for use in (lake.open, lake.read):
        with pytest.raises(StateError, match="has the epochs 1 to 3, but not 2") as lost:
            use()
        assert lost.value.details["missing"] == [2]
    lake.having(mode=WriteMode.REPLACE).publish(4, ids(9))
    assert lake.numbers() == [9]


def test_the_first_epochs_may_be_removed(lake: Lake) -> None:
    for epoch in (1, 2, 3):
        lake.publish(epoch, ids(epoch))
    shutil.rmtree(lake.data / "epoch-0000000001")
    lake.publish(4, ids(4))

    assert lake.numbers() == [2, 3, 4]
