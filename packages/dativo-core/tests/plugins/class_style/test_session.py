from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
import pytest

from dativo.contract import Batch, Commit, Staged, WriteMode
from dativo.errors import (
    ConcurrencyError,
    ContractViolationError,
    DataValidationError,
    NetworkError,
    WriteFailedError,
)
from dativo.plugins._class_style._ledger import Ledger
from dativo.plugins._class_style._session import Session
from dativo_test_support.context import FakeContext


class Files:
    """Notes what it is asked, and answers as it is told."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[dict[str, Any]]]] = []
        self.commits: list[list[dict[str, Any]]] = []
        self.schemas: list[Any] = []
        self.answer: Any = lambda counter: [{"path": f"part-{counter}", "size_bytes": 10}]
        self.status: Any = {"status": "success"}

    def make(self, schema: Any) -> Files:
        self.schemas.append(schema)
        return self

    def write_batch(self, records: list[dict[str, Any]], file_counter: int) -> Any:
        self.batches.append((file_counter, records))
        return self.answer(file_counter)

    def commit_files(self, file_metadata: list[dict[str, Any]]) -> Any:
        self.commits.append(file_metadata)
        return self.status


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "out" / "a.json")


@pytest.fixture
def context(tmp_path: Path) -> FakeContext:
    return FakeContext(workdir=tmp_path / "work")


Opened = Callable[[], Session]


@pytest.fixture
def opened(files: Files, ledger: Ledger, context: FakeContext) -> Opened:
    return lambda: Session(files.make, ledger, context)


def commit(epoch: int = 1, commit_id: str = "c") -> Commit:
    return Commit(
        job_id="job",
        stream="a",
        epoch=epoch,
        commit_id=commit_id,
        run_id="run",
        fence=1,
        mode=WriteMode.APPEND,
        checkpoint=None,
        fingerprint={},
    )


def batch(**columns: list[Any]) -> Batch:
    return Batch(pa.table(columns or {"id": [1, 2]}))


def test_the_class_sees_nothing_before_the_commit(opened: Opened, files: Files) -> None:
    session = opened()
    staged = session.stage(batch())

    assert (staged.rows, files.batches, files.schemas) == (2, [], [])

    receipt = session.commit(commit(), [staged])

    assert files.batches == [(0, [{"id": 1}, {"id": 2}])]
    assert files.commits == [[{"path": "part-0", "size_bytes": 10}]]
    assert files.schemas == [[{"name": "id", "type": "integer", "required": False}]]
    assert (receipt.record.rows, receipt.record.files, receipt.size_bytes) == (2, ("part-0",), 10)
    assert session.last_commit() == receipt.record


def test_the_class_gets_batches_in_the_order_of_the_epoch(opened: Opened, files: Files) -> None:
    session = opened()
    later = session.stage(attrs.evolve(batch(id=[3]), sequence=2))
    earlier = session.stage(attrs.evolve(batch(id=[1]), sequence=1))

    session.commit(commit(), [later, earlier])

    assert [records for _, records in files.batches] == [[{"id": 1}], [{"id": 3}]]


def test_counters_go_on_from_commit_to_commit_and_run_to_run(opened: Opened, files: Files) -> None:
    session = opened()
    parts = [session.stage(batch()), session.stage(batch())]
    session.commit(commit(1), parts)
    session.close()
    session = opened()
    session.commit(commit(2), [session.stage(batch())])

    assert [counter for counter, _ in files.batches] == [0, 1, 2]


def test_an_epoch_without_records_does_not_call_the_class(opened: Opened, files: Files) -> None:
    session = opened()
    first = session.commit(commit(1), [session.stage(batch())])
    second = session.commit(commit(2), [])
    empty = session.stage(batch(id=pa.array([], pa.int64())))
    third = session.commit(commit(3), [empty])

    assert (len(files.batches), len(files.commits)) == (1, 1)
    assert (second.record.rows, second.record.schema) == (0, first.record.schema)
    assert (third.record.rows, third.record.files) == (0, ())


def test_the_same_commit_again_does_nothing(opened: Opened, files: Files) -> None:
    session = opened()
    staged = [session.stage(batch())]
    first = session.commit(commit(), staged)
    again = session.commit(commit(), staged)

    assert (again.record, again.replayed) == (first.record, True)
    assert len(files.batches) == 1
    with pytest.raises(ConcurrencyError):
        session.commit(commit(1, "other"), [])


def test_abort_and_close_leave_no_temporary_file(
    opened: Opened, context: FakeContext, files: Files
) -> None:
    session = opened()
    session.stage(batch())
    session.abort()
    session.close()
    session.close()

    assert list(context.workdir.iterdir()) == []
    assert files.batches == []


def test_a_class_that_fails_in_mid_commit_leaves_a_note_for_the_next_run(
    opened: Opened, files: Files, context: FakeContext
) -> None:
    session = opened()
    staged = [session.stage(batch()), session.stage(batch())]

    def fail_later(counter: int) -> Any:
        if counter:
            raise ValueError("no luck")
        return [{}]

    files.answer = fail_later
    with pytest.raises(WriteFailedError, match="ValueError: no luck"):
        session.commit(commit(), staged)
    assert session.last_commit() is None
    opened()

    assert "epoch 1 has begun and not ended" in context.logs[-1][1]
    assert context.logs[-1][0] == "warning"


def test_an_error_of_the_style_keeps_its_code(opened: Opened, files: Files) -> None:
    class StyleError(Exception):
        error_code = "NETWORK_ERROR"

    def fail(_: int) -> Any:
        raise StyleError

    files.answer = fail
    session = opened()
    with pytest.raises(NetworkError):
        session.commit(commit(), [session.stage(batch())])


def test_a_commit_of_the_class_that_fails_is_no_commit(opened: Opened, files: Files) -> None:
    files.status = {"status": "error"}
    session = opened()

    with pytest.raises(WriteFailedError, match="'error'"):
        session.commit(commit(), [session.stage(batch())])
    assert session.last_commit() is None


@pytest.mark.parametrize("status", [None, {}, {"files_added": 1}])
def test_a_commit_of_the_class_that_says_nothing_is_one(
    opened: Opened, files: Files, status: object
) -> None:
    files.status = status
    session = opened()

    assert session.commit(commit(), [session.stage(batch())]).record.rows == 2


@pytest.mark.parametrize("answer", ["part", {"path": "x"}, ["part"]])
def test_another_answer_of_write_batch_is_a_violation(
    opened: Opened, files: Files, answer: object
) -> None:
    files.answer = lambda _: answer
    session = opened()

    with pytest.raises(ContractViolationError, match="write_batch"):
        session.commit(commit(), [session.stage(batch())])


def test_a_class_that_tells_no_files_has_written_one_thing(opened: Opened, files: Files) -> None:
    files.answer = lambda _: None
    session = opened()
    session.commit(commit(), [session.stage(batch())])
    receipt = session.commit(commit(2), [session.stage(batch())])

    assert [counter for counter, _ in files.batches] == [0, 1]
    assert receipt.size_bytes == 0


def test_a_class_without_commit_files_is_complete(
    ledger: Ledger, context: FakeContext, files: Files
) -> None:
    class Plain:
        write_batch = staticmethod(files.write_batch)

    session = Session(lambda _: Plain(), ledger, context)

    assert session.commit(commit(), [session.stage(batch())]).record.rows == 2


@pytest.mark.parametrize("columns", [{"id": ["x"]}, {"other": [1]}])
def test_a_field_that_is_gone_or_another_is_not_published(
    opened: Opened, columns: dict[str, list[Any]], files: Files
) -> None:
    session = opened()
    session.commit(commit(), [session.stage(batch())])

    with pytest.raises(DataValidationError, match="the fields id"):
        session.commit(commit(2), [session.stage(batch(**columns))])
    assert len(files.batches) == 1


def test_a_new_field_is_taken_if_it_may_be_missing(opened: Opened) -> None:
    session = opened()
    session.commit(commit(), [session.stage(batch())])
    session.commit(commit(2), [session.stage(batch(id=[3], more=["x"]))])
    schema = pa.schema(
        [("id", pa.int64()), ("more", pa.string()), pa.field("now", pa.int64(), nullable=False)]
    )
    table = pa.table([[4], ["y"], [1]], schema=schema)

    with pytest.raises(DataValidationError, match="the fields now"):
        session.commit(commit(3), [session.stage(Batch(table))])


def test_what_another_writer_staged_is_none_of_ours(opened: Opened) -> None:
    assert opened().commit(commit(), [Staged(rows=0)]).record.rows == 0


def test_the_record_is_readable_json(opened: Opened, ledger: Ledger) -> None:
    session = opened()
    session.commit(commit(), [session.stage(batch())])

    assert json.loads(ledger.path.read_text())["counter"] == 1
