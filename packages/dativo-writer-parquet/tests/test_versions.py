"""What merge mode stores: every version, and what orders them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquet_lake import Lake, by, ids

from dativo.contract import Batch, Operation, WriteMode
from dativo.errors import (
    ContractViolationError,
    DataValidationError,
    InvalidConfigError,
    SchemaValidationError,
    WriteFailedError,
)
from dativo_writer_parquet._versions import comparable


def _rows(lake: Lake) -> list[dict[str, Any]]:
    """All versions as the files hold them, in their order."""
    files = [pq.ParquetFile(lake.data / name).read() for name in lake.files()]
    table = pa.concat_tables(files, promote_options="default")
    rows: list[dict[str, Any]] = table.sort_by(
        [("_dativo_epoch", "ascending"), ("_dativo_sequence", "ascending")]
    ).to_pylist()
    return rows


def _deletion(*numbers: int, sequence: int = 0) -> Batch:
    return Batch(ids(*numbers), op=Operation.DELETE, sequence=sequence)


def test_every_version_is_stored_with_what_orders_it(merged: Lake) -> None:
    table = pa.table({"id": [1, 2], "text": ["a", "b"]})
    merged.publish(1, Batch(table, sequence=5))
    merged.publish(2, _deletion(2, sequence=3), Batch(table.slice(0, 1), sequence=1))

    columns = ("id", "text", "_dativo_epoch", "_dativo_sequence", "_dativo_deleted")
    assert [tuple(row[name] for name in columns) for row in _rows(merged)] == [
        (1, "a", 1, 5 << 40, False),
        (2, "b", 1, (5 << 40) + 1, False),
        (1, "a", 2, 1 << 40, False),
        (2, None, 2, 3 << 40, True),
    ]


def test_positions_count_through_all_pieces_of_a_batch(merged: Lake) -> None:
    merged = merged.having(context={"buffer_bytes": 4096}, settings={"file_rows": 70})
    merged.publish(1, Batch(pa.table({"id": range(1000)}), sequence=1))

    rows = _rows(merged)
    assert [row["id"] for row in rows] == list(range(1000))
    assert [row["_dativo_sequence"] for row in rows] == [(1 << 40) + n for n in range(1000)]


def test_batches_without_a_number_are_ordered_as_they_come(merged: Lake) -> None:
    merged.publish(1, ids(1), ids(2), ids(3))

    assert [row["_dativo_sequence"] for row in _rows(merged)] == [1 << 40, 2 << 40, 3 << 40]


def test_columns_beside_the_key_are_nullable_in_files_only(merged: Lake) -> None:
    schema = pa.schema(
        [pa.field("id", pa.int64(), nullable=False), pa.field("n", pa.int64(), nullable=False)]
    )
    merged.publish(1, pa.table({"id": [1], "n": [1]}, schema=schema))
    merged.publish(2, _deletion(1))
    holed = pa.table({"id": [2], "n": [None]}, schema=schema)

    stored = pq.read_schema(merged.data / merged.files()[0])
    assert [stored.field(name).nullable for name in ("id", "n")] == [False, True]
    with pytest.raises(DataValidationError, match="'n' is declared as never NULL"):
        merged.publish(3, holed)


@pytest.mark.parametrize("operation", list(Operation))
def test_a_key_that_is_null_is_refused(merged: Lake, operation: Operation) -> None:
    table = pa.table({"id": pa.array([1, None, None], pa.int64())})
    with pytest.raises(DataValidationError, match="'id' is NULL in 2 records"):
        merged.publish(1, Batch(table, op=operation))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"x": [1]}), "no column 'id' for the primary key"),
        (pa.table({"id": [1.5]}), "'id' is of double, which has no exact equality"),
        (pa.table({"id": [[1]]}), "no exact equality"),
        (pa.table({"id": [1], "_dativo_epoch": [1]}), "'_dativo_epoch' has a name that merge mode"),
        (pa.table({"id": [1], "_Dativo_Deleted": [1]}), "'_Dativo_Deleted' has a name"),
    ],
)
def test_what_cannot_be_merged_is_refused(merged: Lake, table: pa.Table, message: str) -> None:
    with pytest.raises(SchemaValidationError, match=message):
        merged.publish(1, table)


@pytest.mark.parametrize(
    ("arrow", "compared"),
    [
        (pa.string(), pa.large_binary()),
        (pa.string_view(), pa.large_binary()),
        (pa.dictionary(pa.int8(), pa.string()), pa.large_binary()),
        (pa.uuid(), pa.binary(16)),
        (pa.decimal64(12, 2), pa.decimal128(12, 2)),
        (pa.decimal256(60, 2), pa.decimal256(60, 2)),
        (pa.timestamp("s", "UTC"), pa.timestamp("ms", "UTC")),
        (pa.bool_(), pa.bool_()),
        (pa.uint64(), pa.uint64()),
        (pa.float16(), None),
        (pa.month_day_nano_interval(), None),
        (pa.null(), None),
    ],
    ids=str,
)
def test_keys_are_compared_in_an_exact_type(
    arrow: pa.DataType, compared: pa.DataType | None
) -> None:
    assert comparable(arrow) == compared


def test_deletions_may_come_before_a_new_column(merged: Lake) -> None:
    merged.publish(1, ids(1, 2))
    merged.publish(2, _deletion(1), pa.table({"id": [3], "new": ["x"]}))

    assert [row.get("new") for row in _rows(merged)] == [None, None, None, "x"]


def test_deletions_must_name_the_key(merged: Lake) -> None:
    with pytest.raises(DataValidationError, match="the key column 'id' is missing"):
        merged.publish(1, ids(1), Batch(pa.table({"x": [1]}), op=Operation.DELETE))
    with pytest.raises(DataValidationError, match="'id' is of string, not of int64"):
        merged.publish(1, ids(1), Batch(pa.table({"id": ["1"]}), op=Operation.DELETE))


def test_deletions_lie_in_the_null_folder_unless_the_key_says_more(merged: Lake) -> None:
    table = pa.table({"id": [1], "day": [dt.date(2026, 1, 1)], "at": [Decimal("1.5")]})
    merged = merged.having(options=by("id", "day:month"))
    merged.publish(1, table)
    merged.publish(2, _deletion(1))

    folders = [name.rsplit("/", 1)[0] for name in merged.files()]
    assert folders == [
        "epoch-0000000001/id=1/day_month=2026-01",
        "epoch-0000000002/id=1/day_month=__HIVE_DEFAULT_PARTITION__",
    ]


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE])
def test_only_merge_mode_deletes(lake: Lake, mode: WriteMode) -> None:
    with pytest.raises(ContractViolationError, match=f"session of {mode} mode"):
        lake.having(mode=mode).publish(1, _deletion(1))


def test_merge_and_append_do_not_follow_each_other(merged: Lake) -> None:
    appended = merged.having(mode=WriteMode.APPEND)
    appended.publish(1, ids(1))
    with pytest.raises(InvalidConfigError, match="is appended, not merged by id") as caught:
        merged.publish(2, ids(2))
    assert "--full-refresh" in caught.value.fix
    merged.having(mode=WriteMode.REPLACE, versioned=True).publish(2, ids(1))
    with pytest.raises(InvalidConfigError, match="is merged by id, not appended"):
        appended.publish(3, ids(2))
    merged.publish(3, ids(2))
    with pytest.raises(InvalidConfigError, match="is merged by id, not appended"):
        appended.publish(4, ids(2))
    merged.having(mode=WriteMode.REPLACE).publish(4, ids(1))
    with pytest.raises(InvalidConfigError, match="is replaced, not merged by id"):
        merged.publish(5, ids(2))
    appended.publish(5, ids(2))


def test_another_key_is_refused_until_everything_is_replaced(merged: Lake) -> None:
    table = pa.table({"id": [1], "n": [1]})
    other = merged.having(primary_key=("n",))
    merged.having(primary_key=("id", "n")).publish(1, table)
    merged.having(primary_key=("n", "id")).publish(2, table)
    with pytest.raises(InvalidConfigError, match="merged by n, id, not merged by n"):
        other.publish(3, table)
    other.having(mode=WriteMode.REPLACE, versioned=True).publish(3, table)
    other.publish(4, table)


def test_what_was_staged_as_another_epoch_is_staged_anew(merged: Lake) -> None:
    with merged.session() as late:
        staged = [late.stage(Batch(ids(1)))]
        merged.publish(1, ids(2))
        with pytest.raises(WriteFailedError, match="stage what belongs to 2 anew"):
            late.commit(merged.identity(2), staged)
        late.abort()
        late.commit(merged.identity(2), [late.stage(Batch(ids(1)))])

    assert [(row["id"], row["_dativo_epoch"]) for row in _rows(merged)] == [(2, 1), (1, 2)]


def test_more_batches_than_can_be_numbered_are_refused(merged: Lake) -> None:
    with pytest.raises(ContractViolationError, match="at most 8388607 batches"):
        merged.publish(1, Batch(ids(1), sequence=1 << 23))
