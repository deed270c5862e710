from __future__ import annotations

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from parquet_lake import Lake, ids

from dativo.contract import Batch, WriteMode
from dativo.errors import DataValidationError
from dativo_writer_parquet._config import MIB

WIDE = pa.table({"id": [2], "note": ["x"]})


def test_a_new_nullable_column_is_taken_and_recorded(lake: Lake) -> None:
    lake.publish(1, ids(1))
    receipt = lake.publish(2, WIDE)

    assert receipt.record.schema == "id: int64\nnote: string"
    assert lake.read().to_pylist() == [{"id": 1, "note": None}, {"id": 2, "note": "x"}]


def test_mixed_schemas_read_with_the_documented_options(lake: Lake) -> None:
    lake.publish(1, ids(1))
    lake.publish(2, WIDE)
    rows = [(1, None), (2, "x")]
    newest = max(lake.data.rglob("*.parquet"))

    schema = pl.read_parquet_schema(newest)
    frame = pl.scan_parquet(lake.data, schema=schema, missing_columns="insert").collect()
    assert sorted(frame.rows()) == rows
    table = ds.dataset(lake.data, schema=pq.read_schema(newest)).to_table()
    assert sorted((r["id"], r["note"]) for r in table.to_pylist()) == rows
    query = "select * from read_parquet(?, union_by_name=true)"
    assert sorted(duckdb.execute(query, [str(lake.data / "**/*.parquet")]).fetchall()) == rows


def test_columns_may_come_in_another_order_and_encoding(lake: Lake) -> None:
    lake.publish(1, WIDE)
    other = pa.table({"note": pa.array(["y"], pa.string_view()), "id": [3]})
    lake.publish(2, other)
    lake.publish(3, pa.table({"id": [4], "note": pa.array(["z"]).dictionary_encode()}))

    assert lake.read().schema == WIDE.schema
    assert lake.read()["note"].to_pylist() == ["x", "y", "z"]


NUMBER = pa.schema([pa.field("id", pa.int64()), pa.field("n", pa.int32())])


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (pa.field("n", pa.int64()), "the column 'n' changed from int32 to int64"),
        (pa.field("n", pa.string()), "the column 'n' changed from int32 to string"),
        (pa.field("n", pa.int32(), nullable=False), "the column 'n' is newly required"),
        (pa.field("m", pa.int32()), "the column 'n' is gone"),
        (pa.field("m", pa.int32(), nullable=False), "the new column 'm' is required"),
    ],
)
def test_what_published_records_cannot_follow_is_refused(
    lake: Lake, field: pa.Field, message: str
) -> None:
    lake.publish(1, pa.table({"id": [1], "n": pa.array([1], pa.int32())}))
    schema = pa.schema([NUMBER.field("id"), field])
    before = lake.files()
    with pytest.raises(DataValidationError, match=message) as caught:
        lake.publish(2, schema.empty_table())

    assert caught.value.exit_code == 30
    assert message in "; ".join(caught.value.details["problems"])  # type: ignore[arg-type]
    assert lake.files() == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (pa.decimal128(10, 2), pa.decimal128(10, 3)),
        (pa.timestamp("us"), pa.timestamp("us", "UTC")),
        (pa.timestamp("us", "UTC"), pa.timestamp("us", "Europe/Berlin")),
        (pa.timestamp("us"), pa.timestamp("ns")),
        (pa.list_(pa.int32()), pa.list_(pa.int64())),
        (pa.list_(pa.int32(), 2), pa.list_(pa.int32(), 3)),
        (pa.struct([("a", pa.int8())]), pa.struct([("a", pa.int8()), ("b", pa.int8())])),
        (pa.map_(pa.string(), pa.int8()), pa.map_(pa.string(), pa.int16())),
        (pa.string(), pa.binary()),
        (pa.string(), pa.json_()),
        (pa.null(), pa.string()),
    ],
    ids=str,
)
def test_changed_types_are_refused(lake: Lake, before: pa.DataType, after: pa.DataType) -> None:
    lake.publish(1, pa.schema([("v", before)]).empty_table())
    with pytest.raises(DataValidationError, match="the column 'v' changed from"):
        lake.publish(2, pa.schema([("v", after)]).empty_table())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (pa.string(), pa.large_string()),
        (pa.binary_view(), pa.binary()),
        (pa.decimal64(10, 2), pa.decimal128(10, 2)),
        (pa.list_(pa.string()), pa.large_list(pa.string_view())),
        (pa.list_(pa.int8()), pa.list_view(pa.int8())),
        (pa.dictionary(pa.int8(), pa.string()), pa.string()),
        (pa.json_(), pa.json_(pa.string_view())),
        (pa.run_end_encoded(pa.int16(), pa.int64()), pa.int64()),
        (pa.struct([("a", pa.string())]), pa.struct([("a", pa.large_string())])),
        (pa.map_(pa.string(), pa.int8()), pa.map_(pa.string_view(), pa.int8())),
    ],
    ids=str,
)
def test_other_encodings_of_a_type_are_taken(
    lake: Lake, before: pa.DataType, after: pa.DataType
) -> None:
    lake.publish(1, pa.schema([("v", before)]).empty_table())
    lake.publish(2, pa.table({"v": pa.nulls(2, after)}))

    assert lake.read().schema == pa.schema([("v", before)])
    assert lake.read().num_rows == 2


def test_a_required_column_may_become_nullable(lake: Lake) -> None:
    required = pa.schema([pa.field("id", pa.int64(), nullable=False)])
    lake.publish(1, pa.table({"id": [1]}, schema=required))
    lake.publish(2, pa.table({"id": pa.array([None], pa.int64())}))

    assert lake.read()["id"].to_pylist() == [1, None]
    assert pl.read_parquet(lake.data)["id"].to_list() == [1, None]


def test_a_new_column_waits_for_the_next_epoch(lake: Lake) -> None:
    with lake.session() as session:
        first = session.stage(Batch(ids(1)))
        with pytest.raises(DataValidationError, match="'note' is new within an epoch"):
            session.stage(Batch(WIDE))
        session.abort()
        session.commit(lake.identity(1), [session.stage(Batch(ids(1)))])
        session.commit(lake.identity(2), [session.stage(Batch(WIDE))])
        session.commit(lake.identity(3), [session.stage(Batch(WIDE))])

    assert first.rows == 1
    assert lake.read().num_rows == 3


def test_replace_may_change_everything(lake: Lake) -> None:
    lake.publish(1, WIDE)
    lake.having(mode=WriteMode.REPLACE).publish(2, pa.table({"id": ["text"]}))

    assert lake.read() == pa.table({"id": ["text"]})


# --- sizes --------------------------------------------------------------------------------------


def test_files_roll_by_rows(lake: Lake) -> None:
    lake.having(settings={"file_rows": 100}).publish(1, ids(*range(250)))

    assert lake.row_groups() == [100, 100, 50] or sorted(lake.row_groups()) == [50, 100, 100]
    assert lake.numbers() == list(range(250))


def test_files_roll_by_size(lake: Lake) -> None:
    settings = {"file_size_bytes": 4096, "row_group_rows": 1000}
    lake.having(settings=settings).publish(1, pa.table({"id": range(20_000)}))

    assert len(lake.files()) > 2
    assert max(lake.row_groups()) == 1000
    assert lake.numbers() == list(range(20_000))


def test_row_groups_fit_the_memory_budget(lake: Lake) -> None:
    lake = lake.having(context={"buffer_bytes": MIB})
    lake.publish(1, ids(*range(200_000)))

    assert max(lake.row_groups()) * 8 <= MIB
    assert len(lake.files()) == 1


def test_many_small_batches_share_row_groups_and_files(lake: Lake) -> None:
    lake.publish(1, *(ids(i) for i in range(300)))

    assert lake.row_groups() == [300]


def test_slices_of_a_polars_frame_make_large_row_groups(lake: Lake) -> None:
    rows = 100_000
    frame = pl.DataFrame({"text": [f"a text that is longer than a view {i}" for i in range(rows)]})
    reader = pa.RecordBatchReader.from_stream(frame)
    batches = [batch.slice(i, 1000) for batch in reader for i in range(0, batch.num_rows, 1000)]
    lake.publish(1, pa.RecordBatchReader.from_batches(reader.schema, batches))

    assert lake.row_groups() == [rows]
    assert lake.read()["text"].to_pylist() == frame["text"].to_list()
