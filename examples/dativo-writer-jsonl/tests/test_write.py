from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import attrs
import pyarrow as pa
import pytest
from dativo_writer_jsonl import plan_write, read_back
from dativo_writer_jsonl._layout import folder_name
from lake import Lake, Run, numbers

from dativo.contract import Batch, Operation, WriteMode, WriteRequest
from dativo.errors import (
    CapabilityMissingError,
    ConcurrencyError,
    ContractViolationError,
    DataValidationError,
    InsufficientPermissionsError,
    ResourceNotFoundError,
    StateError,
    StateUnreadableError,
    WriteFailedError,
)


def test_an_epoch_is_one_folder_with_its_record(lake: Lake) -> None:
    receipt = lake.write(1, numbers(1, 2), numbers(3))

    assert sorted(lake.read()["n"].to_pylist()) == [1, 2, 3]
    assert receipt.record.rows == 3
    assert [lake.data / name for name in receipt.record.files] == lake.files()
    assert receipt.size_bytes == sum(path.stat().st_size for path in lake.files())
    with lake.session() as session:
        assert session.last_commit() == receipt.record


def test_nothing_is_visible_before_the_commit_or_after_an_abort(lake: Lake) -> None:
    with lake.session() as session:
        staged = session.stage(Batch(numbers(1)))
        assert lake.files() == []
        session.abort()
        assert list(lake.path.rglob("*.part")) == []
        staged = session.stage(Batch(numbers(2)))
        session.commit(lake.commit(1), [staged])

    assert lake.read()["n"].to_pylist() == [2]
    assert list(lake.path.glob(".dativo/jsonl/things/sessions/*")) == []


def test_the_same_commit_again_does_nothing(lake: Lake) -> None:
    first = lake.write(1, numbers(1))
    lake.write(2, numbers(2))

    again = lake.write(1, numbers(1))

    assert again.replayed
    assert again.record == first.record
    assert again.size_bytes == first.size_bytes
    assert lake.read()["n"].to_pylist() == [1, 2]


def test_the_same_epoch_of_another_commit_is_refused(lake: Lake) -> None:
    lake.write(1, numbers(1))
    with lake.session() as session, pytest.raises(ConcurrencyError, match="published already"):
        session.commit(lake.commit(1, commit_id="other"), [])
    with lake.session() as session, pytest.raises(StateError, match="cannot follow"):
        session.commit(lake.commit(3), [])


def test_a_replace_is_one_exchange_and_keeps_the_old_files_for_a_while(lake: Lake) -> None:
    lake.write(1, numbers(1))
    lake.write(2, numbers(2))
    old = lake.files()

    lake.write(3, numbers(3), mode=WriteMode.REPLACE)

    assert lake.read()["n"].to_pylist() == [3]
    assert [path.parent.name for path in lake.path.glob("things/*/*.jsonl")] == ["epoch-0000000003"]
    assert len(list(lake.path.glob(".dativo/jsonl/things/retired/*/epoch-*/*.jsonl"))) == len(old)
    lake.settings = {"grace_seconds": 0.0}
    with lake.session(WriteMode.REPLACE) as session, pytest.raises(ConcurrencyError):
        session.commit(lake.commit(2, WriteMode.REPLACE, commit_id="x"), [])
    assert list(lake.path.glob(".dativo/jsonl/things/retired/*")) == []


def test_a_reader_that_began_before_a_replace_reads_to_its_end(lake: Lake) -> None:
    lake.write(1, numbers(1))
    lake.write(2, numbers(2))
    request = WriteRequest(stream="things")
    reader = pa.RecordBatchReader.from_stream(read_back(lake.config, request, lake.run))

    lake.write(3, numbers(3), mode=WriteMode.REPLACE)

    assert reader.read_all()["n"].to_pylist() == [1, 2]


def test_merge_is_refused(lake: Lake) -> None:
    with pytest.raises(CapabilityMissingError), lake.session(WriteMode.MERGE):
        pass


def test_a_replace_by_nothing_keeps_the_schema(lake: Lake) -> None:
    lake.write(1, numbers(1))

    lake.write(2, numbers(), mode=WriteMode.REPLACE)

    assert lake.read().num_rows == 0
    assert lake.read().schema == numbers().schema


def test_an_epoch_without_batches_keeps_data_and_schema(lake: Lake) -> None:
    lake.write(1, numbers(1))
    lake.write(2)

    assert lake.read()["n"].to_pylist() == [1]
    assert lake.read().schema == numbers().schema


def test_a_newer_run_keeps_the_older_one_out(lake: Lake) -> None:
    newer = attrs.evolve(lake, run=Run(run_id="run-2", fence=2))
    with lake.session() as late:
        staged = late.stage(Batch(numbers(1)))
        newer.write(1, numbers(2))
        with pytest.raises(ConcurrencyError) as caught:
            late.commit(lake.commit(1), [staged])
        assert lake.read()["n"].to_pylist() == [2]
        with pytest.raises(ConcurrencyError) as caught:
            late.commit(lake.commit(2), [staged])
    assert caught.value.details["fence"] == 2
    with pytest.raises(ConcurrencyError), lake.session():
        pass
    twin = attrs.evolve(lake, run=Run(run_id="run-3", fence=2))
    with pytest.raises(ConcurrencyError), twin.session():
        pass


def test_another_job_may_look_but_not_write(lake: Lake) -> None:
    record = lake.write(1, numbers(1)).record
    other = attrs.evolve(lake, run=Run(job_id="other", run_id="run-9", fence=9))

    with other.session() as session:
        assert session.last_commit() == record
        with pytest.raises(StateError, match="belongs to the job 'job'"):
            session.stage(Batch(numbers(2)))
    assert lake.write(2, numbers(2)).record.rows == 1


def test_threads_stage_at_once(lake: Lake) -> None:
    with lake.session() as session:
        results = []

        def work(start: int) -> None:
            for at in range(start, start + 10):
                table = numbers(*range(at * 100, at * 100 + 100))
                results.append(session.stage(Batch(table)))

        threads = [threading.Thread(target=work, args=(start,)) for start in (0, 10, 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        receipt = session.commit(lake.commit(1), results)

    assert receipt.record.rows == 3000
    assert sorted(lake.read()["n"].to_pylist()) == list(range(3000))
    assert len(lake.files()) <= 3


def test_files_end_at_their_size_and_records_are_never_cut(lake: Lake) -> None:
    lake.settings = {"rotate_mib": 1}
    table = pa.table({"n": range(40_000), "text": ["x" * 100] * 40_000})

    lake.write(1, table)

    sizes = [path.stat().st_size for path in lake.files()]
    assert len(sizes) > 3
    assert all(size < 2 << 20 for size in sizes)
    assert lake.read().equals(table)
    assert all(
        json.loads(line)["text"] == "x" * 100
        for path in lake.files()
        for line in path.read_text().splitlines()[-1:]
    )


def test_after_a_failure_nothing_is_committed(lake: Lake) -> None:
    schema = numbers().schema

    def broken() -> object:
        yield numbers(1).to_batches()[0]
        raise ValueError("gone")

    with lake.session() as session:
        first = session.stage(Batch(numbers(0)))
        with pytest.raises(ValueError, match="gone"):
            session.stage(Batch(pa.RecordBatchReader.from_batches(schema, broken())))
        with pytest.raises(WriteFailedError):
            session.commit(lake.commit(1), [first])
        session.abort()
        session.commit(lake.commit(1), [session.stage(Batch(numbers(5)))])
    assert lake.read()["n"].to_pylist() == [5]


def test_a_commit_takes_all_that_is_staged_and_only_of_its_own(lake: Lake) -> None:
    with lake.session() as session:
        session.stage(Batch(numbers(1)))
        with pytest.raises(ContractViolationError):
            session.commit(lake.commit(1), [])
        with pytest.raises(ContractViolationError):
            session.commit(lake.commit(1, job_id="x"), [])
        with pytest.raises(ContractViolationError):
            session.stage(Batch(numbers(1), op=Operation.DELETE))
    with pytest.raises(ContractViolationError):
        session.stage(Batch(numbers(1)))


def test_columns_may_come_and_nothing_else(lake: Lake) -> None:
    lake.write(1, numbers(1))
    more = pa.table({"new": ["a"], "n": pa.array([2], pa.int64())})
    lake.write(2, more)

    assert lake.read().to_pylist() == [{"new": None, "n": 1}, {"new": "a", "n": 2}]
    required = pa.schema([*more.schema, pa.field("r", pa.int64(), nullable=False)])
    tighter = more.schema.set(1, pa.field("n", pa.int64(), nullable=False))
    for bad, why in (
        (pa.table({"n": pa.array([1], pa.int64())}), "new of things is gone"),
        (pa.table({"new": ["a"], "n": ["1"]}), "was int64 and is string"),
        (more.append_column("r", pa.array([1])).cast(required), "is new and required"),
        (more.cast(tighter), "is required now"),
    ):
        with pytest.raises(DataValidationError, match=why):
            lake.write(3, bad)
    with lake.session() as session:
        session.stage(Batch(more))
        with pytest.raises(DataValidationError, match="within one epoch"):
            session.stage(Batch(more.select(["n", "new"])))


def test_foreign_files_are_left_alone_and_told(lake: Lake) -> None:
    lake.write(1, numbers(1))
    (lake.data / "mine.txt").write_text("mine")

    with pytest.raises(StateError, match=r"mine\.txt"):
        lake.write(2, numbers(2), mode=WriteMode.REPLACE)
    assert (lake.data / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', '{"format": 1}'])
def test_a_damaged_record_is_never_no_record(lake: Lake, text: str) -> None:
    lake.write(1, numbers(1))
    (lake.data / "epoch-0000000001" / ".commit.json").write_text(text)

    with pytest.raises(StateUnreadableError), lake.session():
        pass


def test_a_missing_record_and_a_damaged_claim_are_told(lake: Lake) -> None:
    lake.write(1, numbers(1))
    claim = lake.path / ".dativo/jsonl/things/claim.json"
    claim.write_text("{}")
    with pytest.raises(StateUnreadableError, match="claim"), lake.session():
        pass
    claim.unlink()
    (lake.data / "epoch-0000000001" / ".commit.json").unlink()
    with pytest.raises(StateUnreadableError, match="without a commit record"), lake.session():
        pass


KILL = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from lake import Lake, Run, numbers
from dativo.contract import WriteMode
lake = Lake(Path(sys.argv[2]), run=Run(run_id="run-2", fence=2))
lake.write(2, numbers(2), mode=WriteMode(sys.argv[3]))
"""


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE])
@pytest.mark.parametrize(
    ("point", "is_published"),
    [
        ("sealed", False),
        ("publish.before", False),
        ("publish.after", True),
        ("publish.durable", True),
    ],
)
def test_after_a_kill_readers_see_the_epoch_or_not_at_all(
    lake: Lake, mode: WriteMode, point: str, is_published: bool
) -> None:
    lake.write(1, numbers(1))
    environment = {**os.environ, "DATIVO_FAILPOINT": f"jsonl.{point}"}
    arguments = [sys.executable, "-c", KILL, str(Path(__file__).parent), str(lake.path), mode.value]
    done = subprocess.run(arguments, env=environment, check=False)
    assert done.returncode == 137

    both = [2] if mode is WriteMode.REPLACE else [1, 2]
    assert lake.read()["n"].to_pylist() == (both if is_published else [1])
    next_run = attrs.evolve(lake, run=Run(run_id="run-3", fence=3))
    with next_run.session() as session:
        record = session.last_commit()
        assert record is not None
        assert record.commit.epoch == (2 if is_published else 1)
    assert list(lake.path.glob(".dativo/jsonl/things/sessions/*")) == []
    next_run.write(record.commit.epoch + 1, numbers(3))
    assert lake.read()["n"].to_pylist()[-1] == 3


def test_names_of_streams_never_lead_elsewhere(lake: Lake) -> None:
    names = ["../x", "a/b", "A", "a", ".hidden", "x" * 300, "ä", "a~b", "..", ""]
    folders = [folder_name(name) for name in names]

    assert len({folder.lower() for folder in folders}) == len(names)
    assert all(Path(folder).name == folder and folder[0] != "." for folder in folders)


def test_a_plan_touches_nothing(lake: Lake) -> None:
    from dativo.contract import ReadPlan

    request = WriteRequest(stream="things")
    plan = plan_write(lake.config, request, ReadPlan(size_bytes=300 << 20), lake.run)
    assert (plan.files, plan.last_commit, plan.knows_last_commit) == (2, None, True)
    assert not lake.path.exists()
    with pytest.raises(ResourceNotFoundError):
        read_back(lake.config, request, lake.run)
    record = lake.write(1, numbers(1)).record
    assert plan_write(lake.config, request, ReadPlan(), lake.run).last_commit == record


def test_what_the_disk_refuses_is_told_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResourceNotFoundError, match="file") as caught:
        Lake(tmp_path / "file" / "lake").write(1, numbers(1))
    assert caught.value.details["errno"] == "ENOTDIR"
    if os.geteuid() != 0:
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(InsufficientPermissionsError):
            Lake(tmp_path / "closed" / "lake").write(1, numbers(1))
