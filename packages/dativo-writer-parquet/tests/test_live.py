"""The live rows of merged streams, compared with a plain reckoning of the same operations."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from parquet_lake import Lake, by, ids

from dativo.contract import Batch, Operation, WriteMode
from dativo_test_support.figures import figure
from dativo_writer_parquet._buckets import Buckets, bucket_of


def _deletion(table: pa.Table) -> Batch:
    return Batch(table, op=Operation.DELETE)


class Reckoning:
    """What a merged stream must hold: a mapping that is told the same operations."""

    def __init__(self, seed: int, keys: int) -> None:
        self.rows: dict[int, tuple[Any, ...]] = {}
        self._random = random.Random(seed)
        self._keys = keys

    def epoch(self) -> Iterator[Batch]:
        for number in range(1, self._random.randint(2, 6)):
            keys = [self._random.randrange(self._keys) for _ in range(self._random.randint(0, 60))]
            if self._random.random() < 0.3:
                for key in keys:
                    self.rows.pop(key, None)
                yield Batch(_keys(keys), op=Operation.DELETE, sequence=number)
            else:
                rows = [(key, self._random.choice("abc"), self._random.random()) for key in keys]
                self.rows |= {row[0]: row for row in rows}
                yield Batch(_table(rows), sequence=number)


def _keys(keys: list[int]) -> pa.Table:
    return pa.table({"id": pa.array(keys, pa.int64())})


def _table(rows: list[tuple[Any, ...]]) -> pa.Table:
    schema = pa.schema([("id", pa.int64()), ("part", pa.string()), ("value", pa.float64())])
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)],
        schema=schema,
    )


def _found(lake: Lake) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in lake.read().to_pylist())


@pytest.mark.slow
@pytest.mark.parametrize("seed", figure(range(6), range(60)))
def test_the_last_version_of_each_key_is_live(merged: Lake, seed: int) -> None:
    merged = merged.having(
        options=by("part") if seed % 2 else None,
        settings={"file_rows": 25},
        context={"buffer_bytes": 2048 if seed % 3 else 1 << 24},
    )
    expected = Reckoning(seed, keys=80)
    for epoch in range(1, 6):
        merged.publish(epoch, *expected.epoch(), *([_table([])] if epoch == 1 else []))

        assert _found(merged) == sorted(expected.rows.values()), f"seed {seed}, epoch {epoch}"


def test_a_later_batch_wins_whatever_arrives_first(merged: Lake) -> None:
    tables = [pa.table({"id": [1], "n": [n]}) for n in (1, 2, 3)]
    with merged.session() as session:
        staged = [session.stage(Batch(tables[n - 1], sequence=n)) for n in (2, 3, 1)]
        session.commit(merged.identity(1), staged)

    assert merged.read().to_pylist() == [{"id": 1, "n": 3}]


def test_a_later_record_of_a_batch_wins(merged: Lake) -> None:
    merged.publish(1, pa.table({"id": [1, 2, 1], "n": [1, 2, 3]}))

    assert sorted(merged.read()["n"].to_pylist()) == [2, 3]


def test_records_come_back_as_the_source_gave_them(merged: Lake) -> None:
    schema = pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False, metadata={"a": "b"}),
            pa.field("text", pa.dictionary(pa.int8(), pa.string()), nullable=False),
            pa.field("gap", pa.month_day_nano_interval()),
            pa.field("inner", pa.struct([pa.field("u", pa.uuid(), nullable=False)])),
        ],
        metadata={"origin": "test"},
    )
    rows = {"id": [1, 2], "text": ["x", "y"], "gap": [None, (1, 2, 3)], "inner": [None, None]}
    given = pa.table(
        [
            pa.array(rows[field.name], field.type)
            if field.name != "inner"
            else pa.StructArray.from_arrays(
                [pa.array([bytes(16)] * 2, pa.uuid())],
                fields=list(field.type),
                mask=pa.array([True, False]),
            )
            for field in schema
        ],
        schema=schema,
    )
    merged.publish(1, given)
    merged.publish(2, _deletion(ids(1)))

    table = merged.read()
    assert table.schema.equals(schema, check_metadata=True)
    assert table.to_pylist() == given.slice(1).to_pylist()


KEYS: dict[str, tuple[pa.DataType, Callable[[int], Any]]] = {
    "text": (pa.string(), lambda n: f"{n:x}" * 20),
    "view": (pa.string_view(), lambda n: "x" * (n % 9) + str(n)),
    "dictionary": (pa.dictionary(pa.int16(), pa.string()), lambda n: f"k{n}"),
    "bytes": (pa.binary(), lambda n: b"\0" * n),
    "fixed": (pa.binary(3), lambda n: n.to_bytes(3, "big")),
    "uuid": (pa.uuid(), lambda n: UUID(int=n << 64).bytes),
    "decimal": (pa.decimal128(20, 2), lambda n: Decimal(n) / 100),
    "wide": (pa.decimal256(60, 2), lambda n: Decimal(10**40 + n)),
    "small": (pa.decimal32(7, 2), Decimal),
    "date": (pa.date32(), lambda n: dt.date(2026, 1, 1) + dt.timedelta(n)),
    "time": (pa.time32("s"), lambda n: dt.time(0, n % 60, n // 60)),
    "seconds": (pa.timestamp("s", "Europe/Berlin"), lambda n: n),
    "nanoseconds": (pa.timestamp("ns"), lambda n: n * 1000),
    "duration": (pa.duration("us"), lambda n: n),
    "byte": (pa.uint8(), lambda n: n),
    "large": (pa.uint64(), lambda n: 2**64 - 1 - n),
}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("buffer_bytes", [4096, 1 << 24])
def test_any_key_that_can_be_compared(merged: Lake, kind: str, buffer_bytes: int) -> None:
    arrow, value = KEYS[kind]
    merged = merged.having(context={"buffer_bytes": buffer_bytes})

    def table(numbers: range, text: str) -> pa.Table:
        return pa.table({"id": pa.array(map(value, numbers), arrow), "n": [text] * len(numbers)})

    merged.publish(1, table(range(200), "old"))
    merged.publish(2, table(range(100, 250), "new"))
    merged.publish(3, _deletion(table(range(150), "").select(["id"])))

    kept = [*table(range(150, 250), "new").to_pylist()]
    found = merged.read().to_pylist()
    assert sorted(found, key=str) == sorted(kept, key=str)


def test_keys_of_several_columns_may_be_folders(merged: Lake) -> None:
    merged = merged.having(primary_key=("part", "id"), options=by("part"))
    table = pa.table({"id": [1, 1, 2], "part": ["a", "b", "a"], "n": [1, 2, 3]})
    merged.publish(1, table)
    merged.publish(2, table.slice(0, 1), _deletion(table.slice(1, 1)))
    merged.publish(3, _deletion(pa.table({"id": [1], "part": ["nowhere"]})))

    assert _found(merged) == [(1, "a", 1), (2, "a", 3)]


def test_a_key_that_is_only_a_folder(merged: Lake) -> None:
    merged = merged.having(primary_key=("part",), options=by("part"))
    table = pa.table({"part": ["a", "b"], "n": [1, 2]})
    merged.publish(1, table)
    merged.publish(2, pa.table({"part": ["b"], "n": [3]}))

    assert _found(merged) == [("a", 1), ("b", 3)]


def test_a_record_may_move_to_another_folder(merged: Lake) -> None:
    merged = merged.having(options=by("part"))
    merged.publish(1, pa.table({"id": [1], "part": ["a"]}))
    merged.publish(2, pa.table({"id": [1], "part": ["b"]}))

    assert _found(merged) == [(1, "b")]


def test_a_refresh_has_versions_too(merged: Lake) -> None:
    refreshed = merged.having(mode=WriteMode.REPLACE, versioned=True)
    merged.publish(1, ids(1, 2, 3))
    refreshed.publish(2, ids(4, 5, 6, 4))
    assert merged.numbers() == [4, 5, 6]
    merged.publish(3, ids(7), _deletion(ids(5)))

    assert merged.numbers() == [4, 6, 7]


def test_columns_that_came_later_are_null_before(merged: Lake) -> None:
    merged.publish(1, ids(1, 2))
    merged.publish(2, pa.table({"id": [2], "new": ["x"]}))

    assert _found(merged.having()) == [(1, None), (2, "x")]


def test_buckets_hold_equal_keys_together(tmp_path: Path) -> None:
    texts = pa.array([f"{n % 500:>60}x{n % 500}" for n in range(5000)], pa.large_binary())
    codes = bucket_of([texts], 16).to_pylist()
    counts = [codes.count(bucket) for bucket in range(16)]
    schema = pa.schema([("key0", pa.large_binary()), ("n", pa.int64())])

    assert codes == codes[:500] * 10
    assert min(counts) > 5000 / 16 / 3, counts
    with Buckets(schema, keys=1, number=16, folder=tmp_path, buffer_bytes=50_000) as buckets:
        for start in range(0, 5000, 100):
            rows = pa.arange(start, start + 100)
            buckets.add(pa.RecordBatch.from_arrays([texts.slice(start, 100), rows], schema=schema))
        found = [buckets.whole(bucket) for bucket in range(16)]
        assert list(tmp_path.iterdir()) == []
    assert sorted(n for table in found for n in table["n"].to_pylist()) == list(range(5000))
    assert [table.num_rows for table in found] == counts
