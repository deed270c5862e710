"""A range of the cursor that a job asks for: from the lower bound on, below the upper one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from dativo.errors import SchemaValidationError
from dativo_connector_postgres import _parts


def ids(source: Any, stream: str = "public.t", **parts: Any) -> list[int]:
    parts = {"mode": "incremental", "cursor": "at", **parts}
    table, checkpoint = source.read_on(stream, None, **parts)
    assert checkpoint is None
    return sorted(table["id"].to_pylist())


@pytest.fixture
def table(source: Any) -> Any:
    """Ten rows of which two each share a cursor value of 1 to 5, and one without."""
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, at int); "
        "INSERT INTO t SELECT i, (i + 1) / 2 FROM generate_series(1, 10) i; "
        "INSERT INTO t VALUES (11, NULL)"
    )
    return source


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"lower": "2", "upper": "4"}, [3, 4, 5, 6]),
        ({"lower": "4"}, [7, 8, 9, 10]),
        ({"upper": "2"}, [1, 2]),
        ({"lower": "3", "upper": "3"}, []),
        ({"lower": "4", "upper": "2"}, []),
        ({"lower": "-100", "upper": "100"}, list(range(1, 11))),
    ],
)
@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_lower_bound_is_inclusive_and_upper_exclusive(
    table: Any, bounds: dict[str, str], expected: list[int], mode: str
) -> None:
    assert ids(table, mode=mode, **bounds) == expected


def test_ranges_that_meet_hold_each_row_once(table: Any) -> None:
    cuts = [str(cut) for cut in range(7)]

    found = [ids(table, lower=lower, upper=upper) for lower, upper in pairwise(cuts)]
    assert sorted(key for part in found for key in part) == list(range(1, 11))


def test_range_of_a_query_and_with_a_condition(table: Any) -> None:
    query = "SELECT id, at FROM t WHERE id <> 3"

    assert ids(table, "q", query=query, lower="2", upper="3") == [4]
    assert ids(table, where="id <> 3", lower="2", upper="3") == [4]


def test_range_of_a_large_table_is_read_in_parts(
    table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_parts, "_SMALLEST_PART_PAGES", 1)
    table.execute("INSERT INTO t SELECT i, i FROM generate_series(100, 3000) i")
    parts = {"mode": "incremental", "cursor": "at", "lower": "200", "upper": "2000"}

    assert len(list(table.batches("public.t", **parts))) > 1
    assert ids(table, lower="200", upper="2000") == list(range(200, 2000))


@pytest.mark.parametrize(
    ("kind", "lower", "upper"),
    [
        ("date", "2024-01-02", "2024-01-03"),
        ("timestamptz", "2024-01-02 00:00+00", "2024-01-03T01:00:00+01:00"),
        ("timestamp", "2024-01-02", "2024-01-02 00:00:00.000001"),
        ("text", "2024-01-02", "2024-01-03"),
    ],
)
def test_bounds_are_written_as_the_cursor_is(
    source: Any, kind: str, lower: str, upper: str
) -> None:
    source.execute(f"CREATE TABLE t (id int PRIMARY KEY, at {kind})")
    for number in range(1, 5):
        source.execute(f"INSERT INTO t VALUES ({number}, '2024-01-0{number}')")

    assert ids(source, lower=lower, upper=upper) == [2]


def test_range_does_not_wait_for_open_transactions(table: Any) -> None:
    with table.address.connect(autocommit=False) as late:
        late.execute("INSERT INTO t VALUES (12, 3)")

        assert ids(table, lower="3") == [5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("bound", ["", "abc", "5m", "1\0"])
def test_bound_that_is_no_value_of_the_cursor_is_an_error(table: Any, bound: str) -> None:
    with pytest.raises(SchemaValidationError, match="bound"):
        ids(table, lower=bound)


def test_bound_needs_a_cursor(table: Any) -> None:
    with pytest.raises(SchemaValidationError, match="no cursor"):
        ids(table, mode="full", cursor=None, lower="")
