"""Streams on an object store, while everything works."""

from __future__ import annotations

import errno

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquet_lake import by, ids
from store_lake import StoreLake

from dativo.contract import Batch, Checkpoint, Operation, ReadPlan, WriteMode
from dativo.errors import (
    ConcurrencyError,
    DataValidationError,
    DiskFullError,
    InvalidConfigError,
    ResourceNotFoundError,
    StateError,
    TokenExpiredError,
)
from dativo_test_support.s3 import Fault, Outcome
from dativo_writer_parquet import compact, plan_write, scan
from dativo_writer_parquet._files import StagedFile
from dativo_writer_parquet._store import _files, _read, _scan
from dativo_writer_parquet._store._files import open_parquet


def test_epochs_are_appended_and_read_by_the_log(store: StoreLake) -> None:
    first = store.publish(1, ids(1, 2), ids(3))
    second = store.publish(2, ids(4), fence=2, run_id="run2")

    assert store.numbers() == [1, 2, 3, 4]
    assert (first.record.rows, second.record.rows) == (3, 1)
    assert first.size_bytes > 0
    assert not first.replayed
    assert sorted(first.record.files + second.record.files) == store.data_keys()
    assert store.staged() == []
    with store.session(fence=3, run_id="run3") as session:
        last = session.last_commit()
    assert last is not None
    assert last == second.record
    assert last.commit.checkpoint == Checkpoint({"epoch": 2})


def test_nothing_is_read_before_the_first_epoch(store: StoreLake) -> None:
    with store.session() as session:
        assert session.last_commit() is None
    with pytest.raises(ResourceNotFoundError, match="nothing is published"):
        store.read()


def test_a_replace_is_seen_as_a_whole_and_its_files_stay_for_a_while(store: StoreLake) -> None:
    replaced = store.having(mode=WriteMode.REPLACE)
    replaced.publish(1, ids(1, 2))
    replaced.publish(2, ids(3), fence=2)
    replaced.publish(3, ids(), fence=3)

    assert replaced.numbers() == []
    assert len(replaced.data_keys()) == 3
    assert replaced.read().schema == ids().schema


def test_an_epoch_without_records_keeps_the_checkpoint(store: StoreLake) -> None:
    store.publish(1, ids(1))
    with store.session(fence=2) as session:
        commit = store.identity(2, fence=2, checkpoint=Checkpoint({"at": 9}))
        assert session.commit(commit, []).record.rows == 0
        last = session.last_commit()
    assert last is not None
    assert last.commit.checkpoint == Checkpoint({"at": 9})
    assert store.numbers() == [1]


def test_columns_may_come_and_folders_hold_partitions(store: StoreLake) -> None:
    lake = store.having(options=by("country"))
    lake.publish(1, pa.table({"id": [1, 2], "country": ["de", "a/b%"]}))
    lake.publish(2, pa.table({"id": [3], "country": ["de"], "note": ["x"]}), fence=2)

    rows = sorted(lake.read().to_pylist(), key=lambda row: row["id"])
    assert [row["note"] for row in rows] == [None, None, "x"]
    assert [row["country"] for row in rows] == ["de", "a/b%", "de"]
    assert len({key.split("/")[3] for key in lake.data_keys()}) == 2
    with pytest.raises(InvalidConfigError, match="partition_by of"):
        store.publish(3, pa.table({"id": [3], "country": ["de"], "note": ["x"]}), fence=3)


def test_files_are_uploaded_while_more_is_staged(store: StoreLake) -> None:
    lake = store.having(settings={"file_rows": 10})
    with lake.session() as session:
        staged = [session.stage(Batch(ids(*range(35))))]
        assert len(lake.data_keys()) == 3
        assert len(lake.staged()) == 1
        receipt = session.commit(lake.identity(1), staged)
    assert receipt.record.rows == 35
    assert len(receipt.record.files) == 4
    assert lake.numbers() == list(range(35))


def test_the_same_commit_again_does_nothing(store: StoreLake) -> None:
    store.publish(1, ids(1))
    first = store.publish(2, ids(2), fence=2)
    with store.session(fence=2) as session:
        again = session.commit(store.identity(2, fence=2), [])
        older = session.commit(store.identity(1, fence=2), [])

    assert again.replayed
    assert older.replayed
    assert again.record == first.record
    assert again.size_bytes == first.size_bytes
    assert store.numbers() == [1, 2]


def test_an_epoch_is_published_under_one_id_only(store: StoreLake) -> None:
    store.publish(1, ids(1))
    with store.session(fence=2) as session:
        with pytest.raises(ConcurrencyError, match="is published already") as told:
            session.commit(store.identity(1, "other", fence=2), [])
        with pytest.raises(StateError, match="cannot follow epoch 1"):
            session.commit(store.identity(3, fence=2), [])
    assert told.value.details["fence"] == 1


def test_aborted_files_go(store: StoreLake) -> None:
    lake = store.having(settings={"file_rows": 2})
    with lake.session() as session:
        session.stage(Batch(ids(1, 2, 3, 4, 5)))
        assert len(lake.data_keys()) == 2
        session.abort()
        assert lake.data_keys() == []
        session.commit(lake.identity(1), [session.stage(Batch(ids(7)))])
    assert lake.numbers() == [7]
    assert len(lake.data_keys()) == 1
    assert lake.staged() == []


def test_the_place_of_another_job_is_left_alone(store: StoreLake) -> None:
    store.publish(1, ids(1))
    before = store.stored()
    with store.session(job_id="other", fence=9) as session:
        last = session.last_commit()
        with pytest.raises(StateError, match="belongs to the job 'job'"):
            session.stage(Batch(ids(2)))
    assert last is not None
    assert last.commit.job_id == "job"
    assert store.stored() == before


def test_a_job_may_have_a_place_where_another_only_began(store: StoreLake) -> None:
    store.open(job_id="other", fence=9)
    store.publish(1, ids(1))
    assert store.numbers() == [1]


def test_large_files_go_up_in_parts(store: StoreLake) -> None:
    text = pa.array([f"{number * 7919 % 999983:09d}" * 4 for number in range(600_000)])
    lake = store.having(settings={"compression": "none"}, storage={"timeout_seconds": 30.0})
    receipt = lake.publish(1, pa.table({"id": range(600_000), "text": text}))

    assert receipt.size_bytes > 16 << 20
    assert any("partNumber=3" in path for _, path, _ in lake.proxy.seen)
    assert lake.server.uploads(lake.bucket) == []
    assert lake.read().num_rows == 600_000


def test_types_come_back_as_the_source_gave_them(store: StoreLake) -> None:
    table = pa.table(
        {
            "view": pa.array(["a", None, "b"], pa.string_view()),
            "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
            "span": pa.array([(1, 2, 3), None, (0, 0, 1)], pa.month_day_nano_interval()),
        }
    )
    store.publish(1, table)

    assert store.read().schema == table.schema
    assert store.read().to_pylist() == table.to_pylist()


def test_merged_versions_are_resolved(store: StoreLake) -> None:
    lake = store.merging()
    lake.publish(1, pa.table({"id": [1, 2, 3], "v": ["a", "b", "c"]}))
    with lake.session(fence=2) as session:
        staged = [
            session.stage(Batch(pa.table({"id": [2], "v": ["B"]}), sequence=1)),
            session.stage(Batch(ids(3), op=Operation.DELETE, sequence=2)),
        ]
        session.commit(lake.identity(2, fence=2), staged)

    rows = {row["id"]: row["v"] for row in lake.read().to_pylist()}
    assert rows == {1: "a", 2: "B"}


def test_any_reader_can_open_the_files(store: StoreLake) -> None:
    store.publish(1, ids(1, 2))
    found = store.objects().read(store.data_keys()[0])
    assert found is not None
    assert pq.read_table(pa.BufferReader(found.data))["id"].to_pylist() == [1, 2]


def test_a_scan_gives_what_is_published(store: StoreLake) -> None:
    lake = store.having(options=by("country"))
    lake.publish(1, pa.table({"id": [1, 2], "country": ["de", "a/b%"]}))
    lake.publish(2, pa.table({"id": [3], "country": ["de"], "note": ["x"]}), fence=2)
    with lake.session(fence=3) as session:
        session.stage(Batch(pa.table({"id": [9], "country": ["de"], "note": ["unpublished"]})))
        storage = lake.config.storage
        frame = scan(lake.url, lake.stream, storage=storage).sort("id").collect()
        again = scan(f"{lake.url}/{lake.stream}", storage=storage).sort("id").collect()

    assert frame.rows() == [(1, "de", None), (2, "a/b%", None), (3, "de", "x")]
    assert again.equals(frame)


def test_a_scan_of_nothing_is_told(store: StoreLake, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ResourceNotFoundError, match="nothing is published"):
        scan(store.url, store.stream, storage=store.config.storage)
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.proxy.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    with pytest.raises(ResourceNotFoundError, match="nothing is published"):
        scan(store.url, store.stream)


def test_a_scan_waits_for_a_store_that_is_busy(
    store: StoreLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_scan, "_WAITS_SECONDS", (0.0, 0.0))
    lake = store.merging()
    lake.publish(1, pa.table({"id": [1, 2], "v": ["a", "b"]}))
    lake.publish(2, pa.table({"id": [2], "v": ["B"]}), fence=2)
    with lake.proxy.failing(Fault(method="GET", path="log", status=503, code="SlowDown", times=2)):
        frame = scan(lake.url, lake.stream, storage=lake.config.storage).sort("id").collect()
    assert frame.rows() == [(1, "a"), (2, "B")]
    expired = Fault(method="GET", status=400, code="ExpiredToken")
    with lake.proxy.failing(expired), pytest.raises(TokenExpiredError):
        scan(lake.url, lake.stream, storage=lake.config.storage)


def test_a_compaction_is_one_entry(store: StoreLake) -> None:
    lake = store.merging()
    lake.publish(1, pa.table({"id": [1, 2, 3], "v": ["a", "b", "c"]}))
    with lake.session(fence=2) as session:
        staged = [
            session.stage(Batch(pa.table({"id": [2], "v": ["B"]}), sequence=1)),
            session.stage(Batch(ids(3), op=Operation.DELETE, sequence=2)),
        ]
        last = session.commit(lake.identity(2, fence=2), staged).record
    result = compact(lake.config, lake.request, lake.asking(fence=3))

    assert (result.rows, result.files_before, result.files_after) == (2, 2, 1)
    assert {row["id"]: row["v"] for row in lake.read().to_pylist()} == {1: "a", 2: "B"}
    log = lake.log()
    assert [entry.sequence for entry in log.commits()] == [log.head]
    with lake.session(fence=4) as session:
        known = session.last_commit()
        assert known is not None
        assert known.commit == last.commit
        again = session.commit(lake.identity(2, fence=4), [])
        assert again.replayed
        session.commit(
            lake.identity(3, fence=4),
            [session.stage(Batch(pa.table({"id": [1], "v": ["A"]}), sequence=1))],
        )
    assert {row["id"]: row["v"] for row in lake.read().to_pylist()} == {1: "A", 2: "B"}


def test_a_compaction_that_was_overtaken_changes_nothing(store: StoreLake) -> None:
    for epoch in (1, 2):
        store.publish(epoch, ids(epoch), fence=epoch)
    direct = store.having(storage={"endpoint": store.server.url})
    overtaken = Fault(
        method="PUT",
        path="/data/",
        outcome=Outcome.FORWARD,
        call=lambda: direct.publish(3, ids(3), fence=9, run_id="quick"),
    )
    with store.proxy.failing(overtaken), pytest.raises(ConcurrencyError):
        compact(store.config, store.request, store.asking(fence=3))
    assert store.numbers() == [1, 2, 3]
    assert len(store.data_keys()) == 3


def test_deletions_by_a_scan_of_keys(store: StoreLake) -> None:
    lake = store.merging()
    lake.publish(1, pa.table({"id": [1, 2, 3], "v": ["a", "b", "c"]}))
    with lake.session(fence=2) as session:
        part = session.stage(Batch(pa.table({"id": [4], "v": ["d"]}), sequence=1))
        gone = session.delete_missing(Batch(ids(1, 3, 4), sequence=2))  # type: ignore[attr-defined] # a session that deletes
        session.commit(lake.identity(2, fence=2), [part, gone])
    assert gone.rows == 1
    assert sorted(lake.read()["id"].to_pylist()) == [1, 3, 4]


def test_a_plan_says_where_and_on_what_it_rests(store: StoreLake) -> None:
    read = ReadPlan(rows=10, partitions=1)
    first = plan_write(store.config, store.request, read, store.asking())
    receipt = store.publish(1, ids(1))
    second = plan_write(store.config, store.request, read, store.asking())

    assert first.place == f"{store.url}/public.orders/data"
    assert first.files == 1
    assert first.last_commit is None
    assert second.last_commit == receipt.record
    assert any("commit log" in text for text in first.assumptions)


def test_large_files_are_read_in_pieces(store: StoreLake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_files, "_PIECE_BYTES", 5_000)
    monkeypatch.setattr(_files, "_TAIL_BYTES", 700)
    store.publish(1, ids(*range(40_000)))
    assert store.numbers() == list(range(40_000))
    with open_parquet(store.objects(), store.log().commits()[0].files[0]) as parquet:
        assert parquet.metadata.num_rows == 40_000


def test_a_disk_that_is_full_is_no_failure_of_the_store(
    store: StoreLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with store.session() as session:
        monkeypatch.setattr(StagedFile, "append", full)
        with pytest.raises(DiskFullError, match=str(store.path)):
            session.stage(Batch(ids(1)))


def test_what_cannot_be_read_as_it_was_written_is_told(
    store: StoreLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(*_: object, **__: object) -> None:
        raise pa.ArrowInvalid("Corrupt snappy compressed data")

    store.publish(1, ids(1))
    monkeypatch.setattr(_read, "rows_of", torn)
    with pytest.raises(DataValidationError, match="Corrupt"):
        store.read()
