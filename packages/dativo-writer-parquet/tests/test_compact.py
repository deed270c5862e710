"""Compaction: the same records in fewer files, in one step, under the newest record."""

from __future__ import annotations

import errno
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquet_lake import Lake, by, ids

from dativo.contract import Batch, CompactResult, Operation, WriteMode
from dativo.errors import (
    CapabilityMissingError,
    ConcurrencyError,
    InvalidConfigError,
    RunInterruptedError,
    StateError,
    WriteFailedError,
)
from dativo_test_support.context import FakeContext
from dativo_test_support.figures import figure
from dativo_writer_parquet import _local, _open, compact


def _compact(lake: Lake, **context: Any) -> CompactResult:
    known = FakeContext(**{"run_id": "compaction", "fence": 50, **lake.context, **context})
    result = compact(lake.config, lake.request, known)
    assert result is not None
    return result


def _sorted(lake: Lake) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = sorted(lake.read().to_pylist(), key=str)
    return rows


def _retired(lake: Lake) -> list[Path]:
    return sorted((lake.staging.parent / "retired").glob("*"))


def test_many_small_files_become_one_in_the_same_order(lake: Lake) -> None:
    for epoch in range(1, 6):
        lake.publish(epoch, ids(epoch * 10), ids(epoch * 10 + 1))
    before = lake.read()
    with lake.session() as session:
        record = session.last_commit()

    result = _compact(lake)

    assert (result.rows, result.files_before, result.files_after) == (10, 5, 1)
    assert result.bytes_before > result.bytes_after > 0
    assert lake.read().equals(before)
    assert len(lake.files()) == 1
    assert lake.files()[0].startswith("epoch-0000000005/")
    with lake.session(fence=51) as session:
        last = session.last_commit()
    assert record is not None
    assert last is not None
    assert last.commit == record.commit
    assert list(last.files) == lake.files()


def test_the_next_epoch_follows_and_an_old_one_never_does(lake: Lake) -> None:
    for epoch in (1, 2, 3):
        lake.publish(epoch, ids(epoch))
    _compact(lake)
    later: dict[str, Any] = {"fence": 51, "run_id": "later"}
    for epoch in (1, 2, 3):
        with pytest.raises(ConcurrencyError, match="published already"):
            lake.publish(epoch, ids(9), commit_id=f"other{epoch}", **later)
    with lake.session(**later) as session:
        own = lake.identity(3, run_id="later", fence=51)
        assert session.commit(own, []).replayed
    lake.publish(4, ids(4), **later)

    assert lake.numbers() == [1, 2, 3, 4]


@pytest.mark.slow
@pytest.mark.parametrize("levels", [(), ("part",)], ids=["plain", "folders"])
@pytest.mark.parametrize("seed", figure(range(2), range(50)))
def test_merged_streams_keep_live_rows_and_their_order(
    merged: Lake, seed: int, levels: tuple[str, ...]
) -> None:
    source = random.Random(seed)
    merged = merged.having(options=by(*levels), settings={"file_rows": 40})
    expected: dict[int, dict[str, Any]] = {}
    fence = 1
    for epoch in range(1, 9):
        rows: list[dict[str, Any]] = [
            {"id": source.randrange(100), "part": source.choice("ab"), "n": source.random()}
            for _ in range(60)
        ]
        gone = [source.randrange(100) for _ in range(20)]
        expected |= {row["id"]: row for row in rows}
        for key in gone:
            expected.pop(key, None)
        deletion = Batch(ids(*gone), op=Operation.DELETE, sequence=2)
        table = Batch(pa.Table.from_pylist(rows), sequence=1)
        merged.publish(epoch, deletion, table, run_id=f"run{fence}", fence=fence)
        if source.random() < 0.5:
            fence += 1
            result = _compact(merged, run_id=f"run{fence}", fence=fence)
            assert result.rows == len(expected)
            stored = pq.read_table(merged.data / merged.files()[0]).schema.names
            assert {"_dativo_epoch", "_dativo_sequence", "_dativo_deleted"} <= set(stored)

        found = sorted(merged.read().to_pylist(), key=str)
        assert found == sorted(expected.values(), key=str), f"seed {seed}, epoch {epoch}"


def test_a_version_keeps_its_own_epoch_and_sequence(merged: Lake) -> None:
    merged.publish(1, Batch(ids(1), sequence=7))
    merged.publish(2, Batch(ids(2), sequence=4))
    _compact(merged)

    rows = pq.ParquetFile(merged.data / merged.files()[0]).read().to_pylist()
    assert [(row["_dativo_epoch"], row["_dativo_sequence"]) for row in rows] == [
        (1, 7 << 40),
        (2, 4 << 40),
    ]


def test_everything_deleted_leaves_an_empty_table(merged: Lake) -> None:
    merged.publish(1, pa.table({"id": [1], "text": ["x"]}))
    merged.publish(2, Batch(ids(1), op=Operation.DELETE))

    assert _compact(merged).rows == 0
    assert merged.read().schema.names == ["id", "text"]
    assert merged.read().num_rows == 0
    assert _compact(merged, fence=51).files_after == 1


def test_columns_that_came_later_and_folders_survive(lake: Lake) -> None:
    lake = lake.having(options=by("part", "day:month"))
    day = pa.array([0, 40], pa.date32())
    inner = pa.array([{"a": 1}] * 2, pa.struct([pa.field("a", pa.int8(), nullable=False)]))
    first = pa.table({"id": [1, 2], "part": ["a", None], "day": day})
    lake.publish(1, first)
    lake.publish(2, first.append_column("new", pa.array(["x", "y"]).dictionary_encode()))
    lake.publish(
        3,
        first.append_column("new", pa.array(["x", "z"]).dictionary_encode()).append_column(
            "inner", inner
        ),
    )
    before, schema = _sorted(lake), lake.read().schema

    result = _compact(lake)

    assert (result.files_before, result.files_after) == (6, 2)
    assert _sorted(lake) == before
    assert lake.read().schema.equals(schema, check_metadata=True)


def test_a_replaced_stream_is_compacted_too(lake: Lake) -> None:
    lake = lake.having(mode=WriteMode.REPLACE)
    lake.having(settings={"file_rows": 2}).publish(1, ids(*range(10)))

    assert (_compact(lake).files_before, len(lake.files())) == (5, 1)
    assert lake.numbers() == list(range(10))


def test_nothing_to_gain_changes_nothing(lake: Lake) -> None:
    assert _compact(lake) == CompactResult(rows=0, files_before=0, files_after=0)
    lake.publish(1, ids(1), run_id="next", fence=51)
    files = lake.files()
    result = _compact(lake, fence=52)

    assert (result.files_before, result.files_after, result.rows) == (1, 1, 1)
    assert result.bytes_before == result.bytes_after > 0
    assert lake.files() == files
    full = lake.having(settings={"file_rows": 1})
    full.publish(2, ids(2), run_id="more", fence=53)
    assert _compact(full, fence=54).files_after == 2


def test_a_compaction_that_was_taken_over_publishes_nothing(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.publish(1, ids(1))
    lake.publish(2, ids(2))
    files = lake.files()
    sealed = _local.Folder._sealed

    def overtaken(*args: Any) -> Any:
        done = sealed(*args)
        lake.open(run_id="newer", fence=60).close()
        return done

    monkeypatch.setattr(_local.Folder, "_sealed", overtaken)
    with pytest.raises(ConcurrencyError, match="taken over by run newer") as caught:
        _compact(lake)

    assert caught.value.details["fence"] == 60
    assert lake.files() == files
    assert list(lake.staging.iterdir()) == []


def test_a_commit_in_the_meantime_is_not_lost(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session of the same run is not fenced off; the newest record tells all the same."""
    lake.publish(1, ids(1))
    lake.publish(2, ids(2))
    sealed = _local.Folder._sealed

    def late(*args: Any) -> Any:
        monkeypatch.undo()
        done = sealed(*args)
        lake.publish(3, ids(3), run_id="compaction", fence=50)
        return done

    monkeypatch.setattr(_local.Folder, "_sealed", late)
    with pytest.raises(ConcurrencyError, match="was written while it was compacted"):
        _compact(lake)

    assert lake.numbers() == [1, 2, 3]


def test_an_older_run_cannot_compact(lake: Lake) -> None:
    lake.publish(1, ids(1), fence=9)
    with pytest.raises(ConcurrencyError, match="fence 9"):
        _compact(lake, fence=8)
    with pytest.raises(StateError, match="belongs to the job 'job'"):
        _compact(lake, job_id="other", fence=10)


def test_settings_that_do_not_fit_are_refused(lake: Lake, merged: Lake) -> None:
    lake.publish(1, ids(1))
    with pytest.raises(InvalidConfigError, match="is appended, not merged"):
        _compact(merged)


def test_a_compaction_can_be_stopped(lake: Lake) -> None:
    lake.publish(1, ids(1))
    lake.publish(2, ids(2))
    files = lake.files()
    with pytest.raises(RunInterruptedError):
        _compact(lake, is_cancelled=True)

    assert lake.files() == files


def test_rows_that_get_lost_on_the_way_are_noticed(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dativo_writer_parquet import _compact as module

    lake.publish(1, ids(1, 2))
    lake.publish(2, ids(3))
    rows = module._rows
    monkeypatch.setattr(module, "_rows", lambda *a: list(rows(*a))[1:])
    with pytest.raises(WriteFailedError, match="hold 1 records, but 3 were read"):
        _compact(lake)

    assert lake.numbers() == [1, 2, 3]


def test_without_exchange_it_is_refused(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.publish(1, ids(1))
    monkeypatch.setattr(_open, "can_exchange", lambda _folder: False)
    with pytest.raises(CapabilityMissingError, match="cannot exchange two folders"):
        _compact(lake)


# --- readers that have listed files, and what is kept for them ----------------------------------


def _reading(lake: Lake) -> pa.RecordBatchReader:
    """A reader that has listed the files, and not opened them."""
    from dativo_writer_parquet import read_back

    stream = read_back(lake.config, lake.request, FakeContext())
    return pa.RecordBatchReader.from_stream(stream)


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.MERGE], ids=str)
def test_a_reader_from_before_a_compaction_reads_on(merged: Lake, mode: WriteMode) -> None:
    lake = merged.having(mode=mode)
    for epoch in (1, 2, 3):
        lake.publish(epoch, ids(epoch, 10))
    expected = lake.numbers()
    reader = _reading(lake)
    _compact(lake)
    lake.publish(4, ids(4), run_id="next", fence=51)
    again = _reading(lake)
    assert _compact(lake, fence=52).files_before == 2

    assert sorted(reader.read_all()["id"].to_pylist()) == expected
    assert sorted(again.read_all()["id"].to_pylist()) == sorted([*expected, 4])


def test_a_reader_from_before_a_replace_reads_on(lake: Lake) -> None:
    lake = lake.having(mode=WriteMode.REPLACE)
    lake.publish(1, ids(1))
    reader = _reading(lake)
    lake.publish(2, ids(2))
    lake.publish(3, ids(3))

    assert reader.read_all()["id"].to_pylist() == [1]
    assert len(_retired(lake)) == 2
    assert lake.numbers() == [3]


def test_what_is_retired_goes_after_the_grace_time(lake: Lake) -> None:
    lake = lake.having(mode=WriteMode.REPLACE, settings={"grace_seconds": 1000})
    lake.publish(1, ids(1))
    lake.publish(2, ids(2))
    (kept,) = _retired(lake)
    stamp = int(kept.name.partition("-")[0])
    kept.rename(kept.with_name(f"{stamp - 1001 * 10**9:020d}-old"))
    (kept.parent / "something").mkdir()
    lake.open().close()

    assert _retired(lake) == []
    reader = _reading(lake)
    lake.having(settings={"grace_seconds": 0}).publish(3, ids(3))
    assert _retired(lake) == []
    with pytest.raises(pa.ArrowInvalid, match="was replaced while it was read"):
        reader.read_all()


def test_what_cannot_be_swept_does_not_take_back_a_commit(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake.having(mode=WriteMode.REPLACE)
    lake.publish(1, ids(1))
    with lake.session() as session:
        staged = session.stage(Batch(ids(2)))
        monkeypatch.setattr(_local, "sweep_retired", _failing)
        receipt = session.commit(lake.identity(2), [staged])

    assert receipt.record.rows == 1
    assert lake.numbers() == [2]


def _failing(*_: object, **__: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_lost_control_folder_is_made_anew(lake: Lake) -> None:
    lake.publish(1, ids(1))
    lake.publish(2, ids(2))
    shutil.rmtree(lake.path / ".dativo")

    assert _compact(lake).files_after == 1
    assert (lake.staging.parent / "retired").stat().st_mode & 0o777 == 0o700
