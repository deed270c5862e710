"""Reading the keys after another read of the same run, as ``deletes: key_scan`` does."""

from __future__ import annotations

from typing import Any

import pytest

from dativo_connector_postgres import _parts, describe


@pytest.fixture
def table(source: Any) -> Any:
    source.execute(
        "CREATE TABLE t (id int, part int, at int, v text, PRIMARY KEY (id, part)); "
        "INSERT INTO t SELECT i, 1, i, repeat('x', 100) FROM generate_series(1, 2000) i; "
        "INSERT INTO t VALUES (0, 1, NULL, 'x')"
    )
    return source


KEYS = {"columns": ("id", "part"), "primary_key": ("id", "part")}


def keys(source: Any, stream: str = "public.t", **parts: Any) -> list[int]:
    tables = [source.context.read(one.data) for one in source.batches(stream, **KEYS, **parts)]
    assert {tuple(table.schema.names) for table in tables} == {("id", "part")}
    return sorted(key for table in tables for key in table["id"].to_pylist())


def increment(source: Any, stream: str = "public.t", **parts: Any) -> list[int]:
    parts = {"mode": "incremental", "cursor": "at", "primary_key": ("id", "part"), **parts}
    tables = [source.context.read(batch.data) for batch in source.batches(stream, **parts)]
    return sorted(key for table in tables for key in table["id"].to_pylist())


@pytest.mark.parametrize("parts", [{}, {"where": "id % 2 = 0"}])
def test_keys_are_those_of_the_snapshot_of_the_run(table: Any, parts: dict[str, Any]) -> None:
    read = increment(table, **parts)
    table.execute("DELETE FROM t WHERE id < 1000; INSERT INTO t VALUES (5000, 1, 5000, '')")

    # Rows without a cursor value exist too.
    assert keys(table, **parts) == [0, *read]
    assert table.context.opened.count("snapshot") == 1
    table.context.close()


def test_keys_of_a_query(table: Any) -> None:
    query = "SELECT id, part, at FROM t WHERE id <= 10"
    read = increment(table, "q", query=query)
    table.execute("DELETE FROM t")

    assert keys(table, "q", query=query) == [0, *read]


def test_keys_are_read_in_parts(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parts, "_SMALLEST_PART_PAGES", 1)

    assert len(list(table.batches("public.t", **KEYS))) > 1
    assert keys(table) == list(range(2001))


def test_snapshot_that_is_opened_again_is_a_later_one(table: Any) -> None:
    read = increment(table)
    table.execute("DELETE FROM t WHERE id < 1000; INSERT INTO t VALUES (5000, 1, 5000, '')")
    snapshot = table.context.resource("snapshot", list)
    table.context.discard("snapshot", snapshot)

    # What was deleted meanwhile is missing, and nothing that was read is missing beyond it.
    assert set(read) - set(keys(table)) == set(range(1, 1000))
    assert table.context.opened.count("snapshot") == 2


def test_key_scans_are_promised() -> None:
    source = describe().source

    assert source is not None
    assert source.key_scans
