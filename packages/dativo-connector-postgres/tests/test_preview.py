from __future__ import annotations

from typing import Any

import pytest

from dativo.contract import Checkpoint, ReadMode, ReadPlan
from dativo.errors import StateError
from dativo_connector_postgres import _parts, _steps, plan_read
from dativo_connector_postgres._config import WaitFor


def plan(
    source: Any, stream: str = "public.t", state: Checkpoint | None = None, **parts: Any
) -> ReadPlan:
    found = plan_read(source.config, source.request(stream, **parts), state, source.context)
    source.context.close()
    return found


def increment(source: Any, state: Checkpoint | None = None, **parts: Any) -> ReadPlan:
    parts = {"mode": ReadMode.INCREMENTAL, "cursor": "at", **parts}
    return plan(source, parts.pop("stream", "public.t"), state, **parts)


@pytest.fixture
def table(source: Any) -> Any:
    source.execute(
        "CREATE TABLE t (id serial PRIMARY KEY, at int NOT NULL, v text); "
        "INSERT INTO t SELECT i, i, repeat('x', 500) FROM generate_series(1, 5000) i; "
        "CREATE INDEX ON t (at); CREATE VIEW w AS SELECT * FROM t; ANALYZE t"
    )
    return source


def test_full_read_is_estimated_by_the_catalog(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parts, "_SMALLEST_PART_PAGES", 1)
    (size,) = table.execute("SELECT pg_table_size('t')")[0]

    assert plan(table) == ReadPlan(rows=5000, size_bytes=size, partitions=4)


@pytest.mark.parametrize(
    ("stream", "parts"),
    [
        ("public.t", {"where": "at <= 1000"}),
        ("public.w", {"where": "at <= 1000"}),
        ("q", {"query": "SELECT * FROM t WHERE at <= 1000"}),
    ],
)
def test_condition_is_estimated_by_the_planner(
    table: Any, stream: str, parts: dict[str, Any]
) -> None:
    found = plan(table, stream, **parts)

    assert found.rows is not None
    assert 900 < found.rows < 1100
    assert found.size_bytes is not None
    assert 400_000 < found.size_bytes < 700_000
    assert found.partitions == 1


def test_partitioned_table_has_the_size_of_its_leaves(source: Any) -> None:
    source.execute(
        "CREATE TABLE t (id int) PARTITION BY HASH (id); "
        "CREATE TABLE a PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0); "
        "CREATE TABLE b PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1); "
        "INSERT INTO t SELECT generate_series(1, 1000); ANALYZE t"
    )
    (size,) = source.execute("SELECT pg_table_size('a') + pg_table_size('b')")[0]

    assert plan(source) == ReadPlan(rows=1000, size_bytes=size, partitions=1)


def test_backfill_has_the_bounds_of_the_job(table: Any) -> None:
    found = increment(table, lower="10", upper="110")

    assert (found.lower, found.upper) == ("10", "110")
    assert found.rows is not None
    assert 50 < found.rows < 150


def test_first_increment_reaches_to_the_highest_value(table: Any) -> None:
    found = increment(table)

    assert (found.lower, found.upper, found.partitions) == (None, "5000", 1)
    assert found.rows == 5000
    assert found.assumptions == (
        "each change of a row of public.t raises its at",
        (
            "no row of public.t commits with at below the highest that had been committed when its "
            "transaction began to write"
        ),
        "public.t is not set back to an older copy within the server",
    )


def test_increment_goes_from_the_checkpoint_to_what_is_settled(table: Any) -> None:
    _, state = table.read_on("public.t", None, mode="incremental", cursor="at")
    with table.address.connect(autocommit=False) as late:
        table.execute("INSERT INTO t VALUES (5001, 5001)")
        assert increment(table, state).upper == "5001"
        late.execute("INSERT INTO t VALUES (5002, 5002)")

        found = increment(table, state)
        assert (found.lower, found.upper) == ("5000", "5000")
    found = increment(table, state)
    assert (found.lower, found.upper) == ("5000", "5002")
    assert found.rows is not None
    assert found.rows < 100


def test_increment_without_rows_to_read(table: Any) -> None:
    table.execute("TRUNCATE t")

    assert increment(table).upper is None


def test_long_increment_is_planned_in_steps(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_steps, "_ROWS_PER_STEP", 1000)

    planned = increment(table).partitions

    assert planned == len(list(table.batches("public.t", mode="incremental", cursor="at"))) == 10


def test_first_increment_is_planned_in_parts(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parts, "_SMALLEST_PART_PAGES", 1)

    assert increment(table).partitions == 4


@pytest.mark.parametrize("parts", [{"cursor": "v"}, {"where": "at < 10"}])
def test_bound_that_costs_a_scan_is_left_open(table: Any, parts: dict[str, Any]) -> None:
    assert increment(table, **parts).upper is None


def test_view_has_an_open_end(table: Any) -> None:
    found = increment(table, stream="public.w")

    assert (found.upper, found.partitions) == (None, 1)


def test_checkpoint_of_another_cursor_is_refused(table: Any) -> None:
    _, state = table.read_on("public.t", None, mode="incremental", cursor="at")

    with pytest.raises(StateError):
        increment(table, state, cursor="id")


@pytest.mark.parametrize(
    ("cursor", "options", "said"),
    [
        ("at", {}, "no row of public.e commits with at before its transaction began, by the "),
        (
            "at",
            {"lag": "5m"},
            "no row of public.e commits with at more than 5m before its transaction began",
        ),
        ("at", {"wait_for": WaitFor.WRITERS}, "with at before its transaction began to write, by"),
        (
            "day",
            {},
            "with day below the highest that had been committed when its transaction began",
        ),
        ("n", {"lag": "1000"}, "with n more than 1000 below the highest that had been committed"),
        ("n", {}, "what is left of the 50 values that s hands out to each at a time"),
        ("n", {}, "no row of public.e that matters is without a value in n"),
    ],
)
def test_assumption_is_told(source: Any, cursor: str, options: dict[str, Any], said: str) -> None:
    source.execute(
        "CREATE TABLE e (at timestamptz, day date, n int); CREATE SEQUENCE s CACHE 50 OWNED BY e.n"
    )
    found = increment(source, stream="public.e", cursor=cursor, options=options)

    assert any(said in one for one in found.assumptions), found.assumptions
