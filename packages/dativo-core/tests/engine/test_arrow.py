from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator

import arro3.core as arro3
import polars as pl
import pyarrow as pa
import pytest

from dativo.engine import _capsules
from dativo.engine._arrow import LazyReader, Tap, fields_of, lazy, read_schema
from dativo.engine._capsules import ArrowStreamError
from dativo.errors import ContractViolationError, DataValidationError

SCHEMA = pa.schema(
    [
        pa.field("d", pa.decimal256(60, 10), nullable=False, metadata={"k": "v"}),
        pa.field("i", pa.month_day_nano_interval()),
        pa.field("u", pa.uuid()),
        pa.field("j", pa.json_()),
        pa.field("s", pa.string_view()),
        pa.field("t", pa.timestamp("us", "UTC")),
        pa.field("e", pa.dictionary(pa.int32(), pa.string())),
    ],
    metadata={"x": "y"},
)
ROW = {"d": 1, "i": (1, 2, 3), "u": b"1" * 16, "j": "{}", "s": "x", "t": 5, "e": "q"}
BATCH = pa.RecordBatch.from_pylist([ROW], schema=SCHEMA)


def nothing() -> None:
    pass


def tap(data: object, *, check: Callable[[], None] = nothing) -> Tap:
    return Tap(data, tell=lambda rows, size: None, check=check)  # type: ignore[arg-type]


def test_passes_every_type_and_all_metadata_on_untouched() -> None:
    table = pa.table(pa.RecordBatchReader.from_stream(tap(LazyReader(SCHEMA, iter([BATCH])))))

    assert table.schema.equals(SCHEMA, check_metadata=True)
    assert table.equals(pa.Table.from_batches([BATCH]))


@pytest.mark.parametrize(
    "data",
    [
        pl.DataFrame({"a": [1, 2]}),
        pa.table({"a": [1, 2]}),
        arro3.Table.from_pydict({"a": arro3.Array([1, 2], arro3.DataType.int64())}),
    ],
)
def test_counts_rows_of_any_frame(data: object) -> None:
    counted = tap(data)

    assert pa.RecordBatchReader.from_stream(counted).read_all().num_rows == 2
    assert counted.rows == 2
    assert counted.size_bytes > 0


def test_nothing_is_pulled_before_the_first_pull() -> None:
    pulled: list[int] = []

    def batches() -> Iterator[pa.RecordBatch]:
        pulled.append(1)
        yield BATCH

    reader = pa.RecordBatchReader.from_stream(tap(LazyReader(SCHEMA, batches())))
    before = list(pulled)
    reader.read_all()

    assert before == []
    assert pulled == [1]


def test_keeps_the_error_of_the_source() -> None:
    error = ValueError("the cause")

    def batches() -> Iterator[pa.RecordBatch]:
        yield BATCH
        raise error

    counted = tap(LazyReader(SCHEMA, batches()))
    with pytest.raises(Exception, match="the cause"):
        pa.RecordBatchReader.from_stream(counted).read_all()

    assert counted.error is error


def test_stops_when_told() -> None:
    error = RuntimeError("stop")

    def check() -> None:
        raise error

    counted = tap(LazyReader(SCHEMA, [BATCH] * 5), check=check)
    with pytest.raises(Exception, match="stop"):
        pa.RecordBatchReader.from_stream(counted).read_all()

    assert counted.error is error
    assert counted.rows == 1


def test_batch_of_another_schema_is_refused_by_name() -> None:
    other = pa.RecordBatch.from_pylist([{"d": 1}])
    counted = tap(LazyReader(SCHEMA, [other]))

    with pytest.raises(Exception, match="schema"):
        pa.RecordBatchReader.from_stream(counted).read_all()

    assert isinstance(counted.error, DataValidationError)
    assert "d, i, u" in str(counted.error)


def test_lazy_reader_can_be_read_once() -> None:
    reader = LazyReader(SCHEMA, [BATCH])
    list(reader.batches())

    with pytest.raises(ContractViolationError, match="once"):
        reader.batches()
    with pytest.raises(ContractViolationError, match="once"):
        pa.RecordBatchReader.from_stream(reader)


def test_unread_generator_is_closed_with_its_reader() -> None:
    closed: list[int] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield BATCH
            yield BATCH
        finally:
            closed.append(1)

    pulled = LazyReader(SCHEMA, batches()).batches()
    next(pulled)
    pulled.close()

    assert closed == [1]


@pytest.mark.parametrize("wrong", [None, 1, "text", [1, 2]])
def test_what_is_no_arrow_breaks_the_contract(wrong: object) -> None:
    with pytest.raises(ContractViolationError):
        lazy(wrong)
    with pytest.raises(ContractViolationError):
        read_schema(wrong)  # type: ignore[arg-type]


def test_fields_say_their_types() -> None:
    fields = {field.name: (field.type, field.nullable) for field in fields_of(SCHEMA)}

    assert fields["d"] == ("decimal256(60, 10)", False)
    assert fields["u"] == ("arrow.uuid", True)
    assert fields["j"] == ("arrow.json", True)
    assert fields_of(None) == ()


class Wrapped:
    """An Arrow stream of a library that only gives capsules."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def test_native_stream_keeps_every_type_and_all_metadata() -> None:
    expected = pa.Table.from_batches([BATCH, BATCH])

    found = pa.table(pa.RecordBatchReader.from_stream(tap(Wrapped(expected))))

    assert found.schema.equals(SCHEMA, check_metadata=True)
    assert found.equals(expected)


def test_error_of_a_native_stream_has_its_text() -> None:
    def fails() -> Iterator[pa.RecordBatch]:
        yield BATCH
        raise ValueError("native trouble")

    reader = pa.RecordBatchReader.from_batches(SCHEMA, fails())

    counted = tap(reader)
    with pytest.raises(Exception, match="native trouble"):
        pa.RecordBatchReader.from_stream(counted).read_all()

    assert isinstance(counted.error, ArrowStreamError)


def test_other_threads_run_while_a_native_stream_is_pulled() -> None:
    ticks: list[float] = []
    waiting, done = threading.Event(), threading.Event()

    def tick() -> None:
        waiting.wait(10)
        ticks.append(1)
        done.set()

    def batches() -> Iterator[pa.RecordBatch]:
        waiting.set()
        assert done.wait(10)
        yield BATCH

    thread = threading.Thread(target=tick)
    thread.start()
    reader = pa.RecordBatchReader.from_batches(SCHEMA, batches())
    assert pa.RecordBatchReader.from_stream(tap(reader)).read_all().num_rows == 1
    thread.join()

    assert ticks == [1]


def test_reader_that_is_dropped_in_a_garbage_collection_under_a_pull() -> None:
    """Such a drop comes without the GIL, in the middle of Python code that native code called."""

    def leave_a_cycle() -> None:
        reader = pa.RecordBatchReader.from_stream(tap(LazyReader(SCHEMA, iter([BATCH]))))
        cycle: list[object] = [reader]
        cycle.append(cycle)

    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(20):
            leave_a_cycle()
            gc.collect()
            yield BATCH

    found = pa.RecordBatchReader.from_stream(tap(LazyReader(SCHEMA, batches()))).read_all()

    assert found.num_rows == 20


def test_reader_that_is_dropped_while_its_error_is_on_its_way() -> None:
    def fails() -> Iterator[pa.RecordBatch]:
        yield BATCH
        raise ValueError("the cause")

    for _ in range(50):
        with pytest.raises(OSError, match="the cause"):
            pa.RecordBatchReader.from_stream(tap(LazyReader(SCHEMA, fails()))).read_all()


def test_closed_reader_gives_up_what_it_reads_from() -> None:
    closed: list[int] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield BATCH
            yield BATCH
        finally:
            closed.append(1)

    counted = tap(LazyReader(SCHEMA, batches()))
    reader = pa.RecordBatchReader.from_stream(counted)
    reader.read_next_batch()
    counted.close()
    del counted

    assert closed == [1]
    with pytest.raises(pa.ArrowInvalid):
        reader.read_next_batch()


def test_nothing_is_kept_of_a_stream_that_ended() -> None:
    reader = LazyReader(SCHEMA, iter([BATCH]))
    pa.RecordBatchReader.from_stream(reader).read_all()

    assert reader._export is not None
    assert reader._export.key not in _capsules._exports


def test_error_text_survives_odd_characters() -> None:
    def fails() -> Iterator[pa.RecordBatch]:
        yield BATCH
        raise ValueError("nul \0 and surrogate \ud800")

    with pytest.raises(OSError, match=r"nul \? and surrogate \?"):
        pa.RecordBatchReader.from_stream(LazyReader(SCHEMA, fails())).read_all()


def test_polars_reads_a_lazy_reader() -> None:
    plain = pa.record_batch({"a": [1, 2], "b": ["x", None]})

    frame = pl.DataFrame(LazyReader(plain.schema, iter([plain, plain])))

    assert frame.rows() == [(1, "x"), (2, None)] * 2
