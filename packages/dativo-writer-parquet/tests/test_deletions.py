"""Deletions by a scan of keys: what is published and was not scanned gets a tombstone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from uuid import UUID

import pyarrow as pa
import pytest
from parquet_lake import Lake, by, ids

from dativo.contract import Batch, DeletingSession, Operation, Staged, WriteSession
from dativo.errors import ContractViolationError, DataValidationError


def _deleting(session: WriteSession) -> DeletingSession:
    assert callable(getattr(session, "delete_missing", None))
    return session  # type: ignore[return-value]  # the line above makes sure


def _scan(lake: Lake, epoch: int, keys: pa.Table, *batches: Batch) -> Staged:
    """One epoch with *batches*, then a scan that finds *keys*."""
    with lake.session() as session:
        staged = [session.stage(batch) for batch in batches]
        found = _deleting(session).delete_missing(Batch(keys, sequence=len(staged) + 1))
        session.commit(lake.identity(epoch), [*staged, found])
        return found


def test_what_the_scan_did_not_find_is_deleted(merged: Lake) -> None:
    merged.publish(1, ids(1, 2, 3))
    staged = _scan(merged, 2, ids(2, 4), Batch(ids(4), sequence=1))

    assert staged.rows == 1 + 1
    assert merged.numbers() == [2, 4]
    assert _scan(merged, 3, ids(2, 4), Batch(ids(), sequence=1)).rows == 0
    assert _scan(merged, 4, ids(), Batch(ids(), sequence=1)).rows == 2
    assert merged.read().num_rows == 0


def test_what_the_epoch_upserts_is_not_deleted(merged: Lake) -> None:
    merged.publish(1, ids(1, 2))
    _scan(merged, 2, ids(), Batch(ids(1, 5), sequence=1))

    assert merged.numbers() == [1, 5]


def test_nothing_published_is_nothing_deleted_and_the_keys_are_drained(merged: Lake) -> None:
    drained = []

    def batches() -> Iterator[pa.RecordBatch]:
        yield from ids(1, 2).to_batches()
        drained.append(True)

    keys = pa.RecordBatchReader.from_batches(ids().schema, batches())
    with merged.session() as session:
        staged = [session.stage(Batch(ids(1, 2), sequence=1))]
        found = _deleting(session).delete_missing(Batch(keys))
        session.commit(merged.identity(1), [*staged, found])

    assert (found.rows, drained) == (0, [True])
    assert merged.numbers() == [1, 2]


def test_deletions_without_upserts_are_an_epoch(merged: Lake) -> None:
    merged.publish(1, pa.table({"id": [1, 2], "n": [1, 2]}))
    _scan(merged, 2, ids(2))
    merged.publish(3, pa.table({"id": [1], "n": [3]}))

    assert merged.numbers() == [1, 2]


@pytest.mark.parametrize("buffer_bytes", [4096, 1 << 24])
@pytest.mark.parametrize("seed", range(4))
def test_many_keys_in_bounded_memory(merged: Lake, seed: int, buffer_bytes: int) -> None:
    source = random.Random(seed)
    numbers = list(range(5000))
    kept = source.sample(numbers, 4000)
    arrow = pa.uuid() if seed % 2 else pa.string()

    def table(chosen: list[int]) -> pa.Table:
        values = [UUID(int=n << 50).bytes if seed % 2 else f"key-{n}" for n in chosen]
        return pa.table({"id": pa.array(values, arrow), "part": [n % 3 for n in chosen]})

    merged = merged.having(
        context={"buffer_bytes": buffer_bytes},
        primary_key=("part", "id"),
        options=by("part") if seed > 1 else None,
    )
    merged.publish(1, table(numbers))
    merged.publish(2, Batch(table(numbers[:10]), op=Operation.DELETE))
    staged = _scan(merged, 3, table(kept))

    gone = set(numbers[10:]) - set(kept)
    assert staged.rows == len(gone), f"seed {seed}"
    found = sorted(merged.read().to_pylist(), key=str)
    expected = table(sorted(set(numbers[10:]) & set(kept))).to_pylist()
    assert found == sorted(expected, key=str)


def test_a_scan_that_fails_commits_nothing(merged: Lake) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from ids(1).to_batches()
        raise OSError("gone")

    merged.publish(1, ids(1, 2))
    keys = pa.RecordBatchReader.from_batches(ids().schema, broken())
    with merged.session() as session:
        with pytest.raises(Exception, match="gone"):
            _deleting(session).delete_missing(Batch(keys))
        with pytest.raises(Exception, match="a part of the epoch"):
            session.commit(merged.identity(2), [])
        session.abort()
        session.commit(merged.identity(2), [])

    assert merged.numbers() == [1, 2]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (pa.table({"x": [1]}), "the key column 'id' is missing"),
        (pa.table({"id": ["1"]}), "'id' is of string, not of int64"),
        (pa.table({"id": pa.array([1, None], pa.int64())}), "found a key that is NULL"),
    ],
)
def test_a_scan_of_something_else_is_refused(merged: Lake, keys: pa.Table, message: str) -> None:
    merged.publish(1, ids(1))
    with merged.session() as session, pytest.raises(DataValidationError, match=message):
        _deleting(session).delete_missing(Batch(keys))


def test_only_merge_mode_deletes_what_is_missing(lake: Lake) -> None:
    with lake.session() as session, pytest.raises(ContractViolationError, match="of append mode"):
        _deleting(session).delete_missing(Batch(ids(1)))
