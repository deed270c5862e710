from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dativo.contract import Batch, Checkpoint, ReadMode, ReadPlan, StreamRequest
from dativo.contract.v0 import DiscoveryResult
from dativo.errors import (
    CapabilityMissingError,
    ContractViolationError,
    DataNotFoundError,
    DataValidationError,
    InvalidConfigError,
    NetworkError,
    StateUnreadableError,
)
from dativo.plugins._class_style import _reader
from dativo.plugins._class_style._reader import Reader
from dativo.plugins._class_style._settings import ReaderOptions, ReaderSettings
from dativo_test_support.context import FakeContext


class Numbers:
    """Reads what ``engine`` says, and keeps the last id as its state."""

    def __init__(self, source_config: Any) -> None:
        self.config = source_config

    def extract(self, state_manager: Any = None) -> Iterator[list[dict[str, Any]]]:
        path = (self.config.incremental or {}).get("state_path")
        last = state_manager.read_state(path).get("last", 0) if state_manager else 0
        for records in self.config.engine["lists"]:
            yield [record for record in records if record["id"] > last]
        if state_manager and self.config.engine.get("keeps", True):
            ids = [record["id"] for records in self.config.engine["lists"] for record in records]
            state_manager.write_state(path, {"last": max([last, *ids])})

    def discover(self) -> DiscoveryResult:
        return DiscoveryResult(self.config.engine["objects"])


def settings(*lists: list[dict[str, Any]], **engine: Any) -> ReaderSettings:
    return ReaderSettings(engine={"lists": lists, **engine})


def request(mode: ReadMode = ReadMode.FULL, **about: Any) -> StreamRequest:
    schema = about.pop("schema", {})
    return StreamRequest(stream="numbers", mode=mode, options=ReaderOptions(schema=schema), **about)


@pytest.fixture
def context(tmp_path: Path) -> FakeContext:
    return FakeContext(workdir=tmp_path)


@pytest.fixture
def reader() -> Reader:
    return Reader("numbers", Numbers, discovers=False)


def rows(batches: list[Batch]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for batch in batches:
        table: Any = batch.data
        found += table.to_struct_array().combine_chunks().to_pylist()
    return found


def test_records_come_with_a_last_batch_that_has_the_checkpoint(
    reader: Reader, context: FakeContext
) -> None:
    config = settings([{"id": 1}, {"id": 2}], [{"id": 3}])

    batches = list(reader.extract(config, request(ReadMode.INCREMENTAL), None, context))

    assert rows(batches) == [{"id": 1}, {"id": 2}, {"id": 3}]
    assert [batch.rows for batch in batches] == [2, 1, 0]
    assert [batch.checkpoint is None for batch in batches] == [True, True, False]
    assert batches[-1].checkpoint == Checkpoint(
        {"state": {"last": 3}, "schema": [["id", "integer"]]}
    )


def test_a_state_that_is_written_early_is_no_checkpoint_before_the_end(
    context: FakeContext,
) -> None:
    class Hasty(Numbers):
        def extract(self, state_manager: Any = None) -> Iterator[list[dict[str, Any]]]:
            state_manager.write_state(self.config.incremental["state_path"], {"last": 9})
            yield [{"id": 1}]
            yield [{"id": 9}]

    reader = Reader("hasty", Hasty, discovers=False)
    batches = list(reader.extract(settings(), request(ReadMode.INCREMENTAL), None, context))

    assert [batch.checkpoint is None for batch in batches] == [True, True, False]


def test_an_increment_reads_on_and_holds_the_schema(reader: Reader, context: FakeContext) -> None:
    before = Checkpoint({"state": {"last": 2}, "schema": [["n", "number"], ["id", "integer"]]})
    config = settings([{"id": 1}, {"id": 3, "n": 1}])

    batches = list(reader.extract(config, request(ReadMode.INCREMENTAL), before, context))

    assert rows(batches) == [{"n": 1.0, "id": 3}]
    with pytest.raises(DataValidationError, match="'n', which is number"):
        list(
            reader.extract(
                settings([{"id": 4, "n": "x"}]), request(ReadMode.INCREMENTAL), before, context
            )
        )


def test_an_empty_increment_has_the_old_checkpoint(reader: Reader, context: FakeContext) -> None:
    before = Checkpoint({"state": {"last": 2}, "schema": [["id", "integer"]]})

    (batch,) = reader.extract(settings([]), request(ReadMode.INCREMENTAL), before, context)

    assert (batch.rows, batch.checkpoint) == (0, before)


def test_records_without_state_are_refused_in_an_increment(
    reader: Reader, context: FakeContext
) -> None:
    config = settings([{"id": 1}], keeps=False)

    with pytest.raises(CapabilityMissingError, match="kept no state"):
        list(reader.extract(config, request(ReadMode.INCREMENTAL), None, context))


def test_a_full_read_has_no_state(reader: Reader, context: FakeContext) -> None:
    batches = list(reader.extract(settings([{"id": 1}]), request(), None, context))

    assert all(batch.checkpoint is None for batch in batches)


def test_the_schema_is_inferred_from_many_records_at_once(
    reader: Reader, context: FakeContext
) -> None:
    lists = [[{"id": at}] for at in range(_reader._SAMPLE - 1)]
    config = settings(*lists, [{"id": 10**6, "late": "x"}])

    found = rows(list(reader.extract(config, request(), None, context)))

    assert found[0] == {"id": 1, "late": None}
    assert found[-1] == {"id": 10**6, "late": "x"}


def test_after_that_a_new_field_is_an_error(reader: Reader, context: FakeContext) -> None:
    lists = [[{"id": at + 1}] for at in range(_reader._SAMPLE)]
    config = settings(*lists, [{"id": 10**6, "late": "x"}])

    with pytest.raises(DataValidationError, match="record 1001 has the field 'late'"):
        list(reader.extract(config, request(), None, context))
    found = rows(list(reader.extract(config, request(schema={"late": "text"}), None, context)))
    assert found[-1] == {"late": "x", "id": 10**6}


def test_a_field_without_values_is_told(reader: Reader, context: FakeContext) -> None:
    list(reader.extract(settings([{"id": 1, "a": None}]), request(), None, context))

    assert context.logs == [("warning", "the fields a had no values and are taken for text")]


def test_a_stream_without_records_needs_a_declared_schema(
    reader: Reader, context: FakeContext
) -> None:
    with pytest.raises(DataNotFoundError, match="no records"):
        list(reader.extract(settings([]), request(), None, context))

    (batch,) = reader.extract(settings([]), request(schema={"id": "int"}), None, context)
    assert batch.rows == 0


def test_a_wrong_declared_type_is_an_error_of_the_job(reader: Reader, context: FakeContext) -> None:
    with pytest.raises(InvalidConfigError, match=r"options\.schema: unknown type 'money'"):
        list(reader.extract(settings([]), request(schema={"id": "money"}), None, context))


@pytest.mark.parametrize("schema", [5, ["a"], [["id", "money"]], "ab"])
def test_a_checkpoint_with_another_schema_is_an_error(
    reader: Reader, context: FakeContext, schema: Any
) -> None:
    before = Checkpoint({"state": {"last": 2}, "schema": schema})

    with pytest.raises(StateUnreadableError, match="schema that is none"):
        list(reader.extract(settings([]), request(ReadMode.INCREMENTAL), before, context))


def test_a_checkpoint_without_a_schema_is_read_on_from(
    reader: Reader, context: FakeContext
) -> None:
    before = Checkpoint({"state": {"last": 2}})
    config = settings([{"id": 2}, {"id": 3}])

    batches = list(reader.extract(config, request(ReadMode.INCREMENTAL), before, context))

    assert rows(batches) == [{"id": 3}]


def test_what_discover_declares_is_the_schema(context: FakeContext) -> None:
    reader = Reader("numbers", Numbers, discovers=True)
    columns = [{"name": "id", "type": "decimal(5,1)"}, {"name": "more", "type": "text"}]
    objects = [{"name": "numbers", "columns": columns}]

    found = rows(
        list(reader.extract(settings([{"id": 1}], objects=objects), request(), None, context))
    )

    assert [(str(row["id"]), row["more"]) for row in found] == [("1.0", None)]


def test_a_discover_that_declares_nothing_leaves_it_to_the_records(context: FakeContext) -> None:
    reader = Reader("numbers", Numbers, discovers=True)

    found = list(reader.extract(settings([{"id": 1}], objects=[]), request(), None, context))

    assert rows(found) == [{"id": 1}]


def test_large_lists_become_small_batches(reader: Reader, context: FakeContext) -> None:
    context.batch_rows = 2
    config = settings([{"id": at} for at in range(1, 6)])

    batches = list(reader.extract(config, request(), None, context))

    assert [batch.rows for batch in batches] == [2, 2, 1, 0]


def test_a_range_cannot_be_read_again(reader: Reader) -> None:
    info = reader.describe().source

    assert info is not None
    assert not info.ranges


@pytest.mark.parametrize("found", [None, 5])
def test_another_answer_of_extract_is_a_violation(found: object, context: FakeContext) -> None:
    class Odd(Numbers):
        def extract(self, state_manager: Any = None) -> Any:
            return found

    with pytest.raises(ContractViolationError, match="extract of the class gave"):
        list(Reader("odd", Odd, discovers=False).extract(settings(), request(), None, context))


def test_an_exception_of_the_style_in_mid_stream_becomes_ours(context: FakeContext) -> None:
    class LostError(Exception):
        error_code = "NETWORK_ERROR"

    class Lost(Numbers):
        def extract(self, state_manager: Any = None) -> Iterator[list[dict[str, Any]]]:
            yield [{"id": 1}] * _reader._SAMPLE
            raise LostError

    reader = Reader("lost", Lost, discovers=False)
    with pytest.raises(NetworkError):
        list(reader.extract(settings(), request(), None, context))


@pytest.mark.parametrize(("found", "rows"), [(5, 5), (None, None), (-1, None), (True, None)])
def test_an_estimate_is_the_plan_of_a_full_read(found: object, rows: int | None) -> None:
    class Guess(Numbers):
        def get_total_records_estimate(self) -> object:
            return found

    reader = Reader("guess", Guess, discovers=False)

    assert reader.plan_read(settings(), request()) == ReadPlan(rows=rows)
    assert reader.plan_read(settings(), request(ReadMode.INCREMENTAL)) == ReadPlan()
