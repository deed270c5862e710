from __future__ import annotations

import json
import random
import uuid
from itertools import chain
from typing import Any

import pytest

from dativo.contract import Checkpoint
from dativo.errors import DataFormatError, DataValidationError, StateError
from dativo_connector_postgres import _parts, _position, _steps
from dativo_connector_postgres._config import NullCursors, Ties, Unrepresentable


def rows(table: Any, column: str = "id") -> list[Any]:
    return sorted(table[column].to_pylist())


class Job:
    """A job that reads one stream again and again, and keeps what a target would hold."""

    def __init__(self, source: Any, stream: str = "public.t", **parts: Any) -> None:
        self.source, self.stream = source, stream
        self.parts = {"mode": "incremental", "cursor": "at", **parts}
        self.state: Checkpoint | None = None
        self.delivered: list[Any] = []

    def run(self) -> list[Any]:
        table, checkpoint = self.source.read_on(self.stream, self.state, **self.parts)
        self.state = None if checkpoint is None else Checkpoint.from_json(checkpoint.to_json())
        new = rows(table)
        self.delivered += new
        return new


def test_each_run_delivers_what_is_new(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at int NOT NULL)")
    job = Job(source)

    assert job.run() == []
    before = job.state
    source.execute("INSERT INTO t VALUES (1, 10), (2, 20)")
    assert job.run() == [1, 2]
    assert job.run() == []
    source.execute("INSERT INTO t VALUES (3, 30); UPDATE t SET at = 40 WHERE id = 1")
    assert job.run() == [1, 3]
    assert before is None
    assert job.state is not None
    assert job.state.version == 1
    assert job.state.value == {
        "server": job.state.value["server"], "digest": job.state.value["digest"],
        "cursor": "at", "type": "integer", "key": ["id"], "value": "40",
        "writers": [source.execute("SELECT xmin::text FROM t WHERE id = 1")[0][0]],
    }  # fmt: skip


def test_empty_increment_keeps_its_checkpoint(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT 1 AS id, 10 AS at")
    job = Job(source)
    job.run()
    before = job.state

    assert job.run() == []
    assert job.state == before


def test_ties_at_the_boundary_come_once_each(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at date NOT NULL)")
    source.execute("INSERT INTO t SELECT i, '2024-01-01' FROM generate_series(1, 100) i")
    job = Job(source)
    job.run()
    source.execute("INSERT INTO t SELECT i, '2024-01-01' FROM generate_series(101, 150) i")

    assert job.run() == list(range(101, 151))
    source.execute("DELETE FROM t WHERE id < 50; INSERT INTO t VALUES (0, '2024-01-01')")
    assert job.run() == [0]
    source.execute("INSERT INTO t VALUES (200, '2024-01-02'), (201, '2024-01-01')")
    assert job.run() == [200, 201]
    assert job.run() == []


def test_composite_keys_with_awkward_values_break_ties(source: Any) -> None:
    source.execute("CREATE TABLE t (id text, n uuid, at int, PRIMARY KEY (id, n))")
    first, second = uuid.uuid4(), uuid.uuid4()
    source.execute("INSERT INTO t VALUES ('it''s', %s, 1), ('\\', %s, 1)", [first, second])
    job = Job(source, "q", query="SELECT * FROM t", primary_key=("id", "n"))
    job.run()
    source.execute("INSERT INTO t VALUES ('it''s', %s, 1)", [second])

    assert job.run() == ["it's"]
    assert len(job.state.value["keys"]) == 3  # type: ignore[union-attr, arg-type]


def test_row_that_is_written_again_with_the_last_cursor_value_comes_again(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at date NOT NULL, v int)")
    source.execute("INSERT INTO t VALUES (1, '2024-01-01', 1), (2, '2024-01-01', 1)")
    job = Job(source)
    job.run()
    source.execute("UPDATE t SET v = 2 WHERE id = 2")

    assert job.run() == [2]
    assert job.run() == []


@pytest.mark.parametrize("key", ["id int PRIMARY KEY", "id int"])
def test_rows_of_a_restored_table_do_not_come_again(source: Any, key: str) -> None:
    source.execute(f"CREATE TABLE t ({key}, at int NOT NULL, v float8)")
    source.execute("INSERT INTO t VALUES (1, 1, 0.1), (2, 2, 0.2)")
    source.execute("INSERT INTO t VALUES (3, 2, 0.3)")
    job = Job(source)
    job.run()
    source.execute("CREATE TABLE dump AS SELECT * FROM t ORDER BY id DESC; TRUNCATE t")
    source.execute("INSERT INTO t SELECT * FROM dump")

    assert job.run() == []
    source.execute("INSERT INTO t VALUES (4, 3, 0.4)")
    assert job.run() == [4]
    assert sorted(job.delivered) == [1, 2, 3, 4]


def test_group_of_ties_that_changed_before_it_was_restored_comes_again(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at int NOT NULL, v int)")
    source.execute("INSERT INTO t VALUES (1, 1, 1), (2, 1, 1)")
    job = Job(source)
    job.run()
    source.execute("UPDATE t SET v = 2 WHERE id = 2; ALTER TABLE t ALTER v TYPE bigint")
    source.execute("CREATE TABLE dump AS SELECT * FROM t; TRUNCATE t")
    source.execute("INSERT INTO t SELECT * FROM dump")

    assert job.run() == [1, 2]
    assert job.run() == []


def test_group_of_ties_that_is_gone_is_no_problem(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at int NOT NULL)")
    source.execute("INSERT INTO t VALUES (1, 1), (2, 2)")
    job = Job(source)
    job.run()
    source.execute("DELETE FROM t WHERE id = 2")
    assert job.run() == []
    source.execute("INSERT INTO t VALUES (3, 2)")

    assert job.run() == [3]


def test_rows_that_leave_a_large_group_of_ties_are_no_problem(source: Any) -> None:
    source.execute("CREATE TABLE t (id int, at int NOT NULL)")
    source.execute("INSERT INTO t SELECT i, 1 FROM generate_series(1, 5000) i")
    job = Job(source)
    job.run()
    source.execute("DELETE FROM t WHERE id < 10; UPDATE t SET at = 2 WHERE id = 10")
    source.execute("UPDATE t SET id = 0 WHERE id = 11; INSERT INTO t VALUES (6000, 1), (6000, 1)")

    assert job.run() == [0, 10, 6000, 6000]
    assert job.run() == []


def test_group_of_ties_with_too_many_writers_is_told_apart_by_a_digest(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at int NOT NULL)")
    source.execute(
        "DO $$ BEGIN FOR i IN 1..1100 LOOP BEGIN INSERT INTO t VALUES (i, 1); "
        "EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$"
    )
    job = Job(source)
    job.run()

    assert "digest" in job.state.value  # type: ignore[union-attr]
    assert job.run() == []
    source.execute("UPDATE t SET at = 1 WHERE id = 7")
    with pytest.raises(DataValidationError):
        job.run()


def test_checkpoint_without_the_writers_of_its_rows_is_understood(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at int NOT NULL)")
    source.execute("INSERT INTO t VALUES (1, 1), (2, 1)")
    job = Job(source)
    identity = {"cursor": "at", "type": "integer", "key": ["id"]}
    job.state = Checkpoint({**identity, "value": "1", "keys": [["1"]]})

    assert job.run() == [2]


def test_many_ties_are_told_apart_by_a_digest(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at int NOT NULL)")
    source.execute("INSERT INTO t SELECT i, 1 FROM generate_series(1, 1500) i")
    job = Job(source, "q", query="SELECT * FROM t", primary_key=("id",))
    job.run()

    assert len(job.state.to_json()) < 300  # type: ignore[union-attr]
    assert job.run() == []
    source.execute("INSERT INTO t VALUES (5000, 2)")
    assert job.run() == [5000]


def test_many_ties_that_change_are_an_error_or_come_again_by_policy(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at int NOT NULL)")
    source.execute("INSERT INTO t SELECT i, 1 FROM generate_series(1, 1500) i")
    job = Job(source, "q", query="SELECT * FROM t", primary_key=("id",))
    job.run()
    source.execute("INSERT INTO t VALUES (2000, 1)")

    with pytest.raises(DataValidationError, match="1500 rows with at = 1 were delivered") as caught:
        job.run()
    assert "redeliver" in caught.value.fix
    job.parts["options"] = {"ties": Ties.REDELIVER}
    assert len(job.run()) == 1501
    assert any(
        "delivered again" in text for level, text in source.context.logs if level == "warning"
    )
    assert job.run() == []


def test_long_keys_do_not_burst_the_checkpoint(source: Any) -> None:
    source.execute("CREATE TABLE t (id text PRIMARY KEY, at int NOT NULL)")
    source.execute("INSERT INTO t SELECT repeat('é', 60) || i, 1 FROM generate_series(1, 900) i")
    job = Job(source, "q", query="SELECT * FROM t", primary_key=("id",))
    job.run()

    assert "digest" in job.state.value  # type: ignore[union-attr]


def test_without_a_key_ties_are_told_apart_by_their_content(source: Any) -> None:
    source.execute("CREATE TABLE t (id int, at int)")
    source.execute("INSERT INTO t VALUES (1, 1), (1, 1)")
    job = Job(source, "q", query="SELECT * FROM t")

    assert job.run() == [1, 1]
    assert job.run() == []
    source.execute("INSERT INTO t VALUES (2, 2)")
    assert job.run() == [2]
    source.execute("INSERT INTO t VALUES (3, 2)")
    with pytest.raises(DataValidationError):
        job.run()


def test_null_in_a_key_that_the_job_names_loses_no_row(source: Any) -> None:
    source.execute("CREATE TABLE t (id int, k int, at int)")
    source.execute("INSERT INTO t VALUES (1, 1, 1)")
    job = Job(source, primary_key=("k",))
    job.run()
    source.execute("INSERT INTO t VALUES (2, NULL, 1), (3, 3, 1)")

    assert job.run() == [2, 3]


def test_rows_without_a_cursor_are_reported(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at timestamp)")
    source.execute("INSERT INTO t VALUES (1, now()), (2, NULL), (3, NULL)")
    job = Job(source)

    assert job.run() == [1]
    assert ("warning", "public.t: 2 rows have no value in the cursor 'at'; they are left out") in (
        source.context.logs
    )
    job.parts["options"] = {"null_cursors": NullCursors.ERROR}
    with pytest.raises(DataFormatError, match="2 rows have no value"):
        job.run()


@pytest.mark.parametrize(
    ("kind", "value"), [("timestamptz", "infinity"), ("date", "infinity"), ("numeric", "NaN")]
)
def test_cursor_that_nothing_can_follow_is_an_error(source: Any, kind: str, value: str) -> None:
    source.execute(f"CREATE TABLE t (id int PRIMARY KEY, at {kind} NOT NULL)")
    source.execute("INSERT INTO t VALUES (1, %s)", [value])
    job = Job(source, options={"unrepresentable": Unrepresentable.NULL})

    with pytest.raises(DataFormatError, match="nothing can be read after it"):
        job.run()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("int2", ["-5", "7", "8"]),
        ("int8", ["-9223372036854775808", "0", "9223372036854775807"]),
        ("numeric", ["-1.5", "0.10", "123456789012345678901234567890.5"]),
        ("date", ["4714-11-24 BC", "2024-01-01", "2024-12-31"]),
        (
            "timestamp",
            ["0044-03-15 BC", "2024-01-01 00:00:00.000001", "2024-01-01 00:00:00.000002"],
        ),
        ("timestamptz", ["2024-01-01 00:00:00+05", "2024-01-01 00:00:00.5Z", "2025-01-01Z"]),
        ("timestamptz(0)", ["2024-01-01Z", "2024-01-02Z", "2024-01-03Z"]),
        ("text", ["", "it's", "😀"]),
        ("char(4)", ["a", "b", "c"]),
        ("stamp", ["2024-01-01Z", "2024-01-02Z", "2024-01-03Z"]),
    ],
)
def test_every_kind_of_cursor_goes_on_where_it_stopped(
    source: Any, kind: str, values: list[str]
) -> None:
    source.execute("CREATE DOMAIN stamp AS timestamptz")
    source.execute(f"CREATE TABLE t (id int PRIMARY KEY, at {kind} NOT NULL)")
    job = Job(source)
    for number, value in enumerate(values):
        source.execute(f"INSERT INTO t VALUES (%s, CAST(%s::text AS {kind}))", [number, value])
        assert job.run() == [number]
        assert job.run() == []


def test_where_counts_for_the_bound_and_the_ties(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT i AS id, i AS at FROM generate_series(1, 10) i")
    job = Job(source, where="id % 2 = 1")

    assert job.run() == [1, 3, 5, 7, 9]
    assert job.state.value["value"] == "9"  # type: ignore[union-attr]


def test_query_can_be_incremental(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT i AS id, i AS n FROM generate_series(1, 3) i")
    job = Job(source, "q", query="SELECT id, n * 2 AS at FROM t", primary_key=("id",))

    assert job.run() == [1, 2, 3]
    source.execute("INSERT INTO t VALUES (4, 3), (5, 1)")
    assert job.run() == [4]


def test_first_run_over_a_large_table_is_read_in_parts(
    source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_parts, "_SMALLEST_PART_PAGES", 1)
    source.execute("CREATE TABLE t AS SELECT i AS id, i AS at FROM generate_series(1, 3000) i")

    batches = list(source.batches("public.t", mode="incremental", cursor="at"))
    found = [row for batch in batches for row in rows(source.context.read(batch.data))]

    assert len(batches) == 4
    assert [batch.checkpoint is None for batch in batches] == [True, True, True, False]
    assert sorted(found) == list(range(1, 3001))


def test_long_ranges_have_checkpoints_on_the_way(
    source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_steps, "_ROWS_PER_STEP", 1000)
    source.execute(
        "CREATE TABLE t AS SELECT i AS id, i / 3 AS at FROM generate_series(1, 5000) i; "
        "CREATE INDEX ON t (at); ANALYZE t"
    )
    batches = list(source.batches("public.t", mode="incremental", cursor="at"))
    parts = [rows(source.context.read(batch.data)) for batch in batches]
    source.context.close()

    # Two readers share each step.
    assert [batch.checkpoint is not None for batch in batches] == [False, True] * 5
    assert sorted(chain(*parts)) == list(range(1, 5001))
    for number, batch in enumerate(batches):
        if batch.checkpoint is not None:
            table, _ = source.read_on("public.t", batch.checkpoint, mode="incremental", cursor="at")
            assert rows(table) == sorted(chain(*parts[number + 1 :]))


@pytest.mark.parametrize("prepare", ["CREATE INDEX ON t (at)", "ANALYZE t"])
def test_long_range_without_index_or_statistics_is_one_step(
    source: Any, prepare: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_steps, "_ROWS_PER_STEP", 1000)
    source.execute("CREATE TABLE t AS SELECT i AS id, i AS at FROM generate_series(1, 5000) i")
    source.execute(prepare)

    assert len(list(source.batches("public.t", mode="incremental", cursor="at"))) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [({"cursor": "id"}, "another cursor"), ({"primary_key": ("at",)}, "another key")],
)
def test_checkpoint_of_another_job_is_refused(
    source: Any, change: dict[str, Any], said: str
) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at int)")
    source.execute("INSERT INTO t VALUES (1, 1)")
    job = Job(source)
    job.run()
    job.parts.update(change)

    with pytest.raises(StateError, match=said):
        job.run()


def test_checkpoint_of_another_type_is_refused(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at int)")
    source.execute("INSERT INTO t VALUES (1, 1)")
    job = Job(source)
    job.run()
    assert job.state is not None
    value = job.state.value

    job.state = Checkpoint({**value, "type": "date"}, 1)
    with pytest.raises(StateError, match="another type: 'date' is now 'integer'"):
        job.run()


@pytest.mark.parametrize("seed", range(3))
def test_random_changes_are_all_delivered_and_none_twice(source: Any, seed: int) -> None:
    dice = random.Random(seed)
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at int NOT NULL, version int NOT NULL)")
    expected: dict[int, int] = {}
    target: list[tuple[int, int]] = []
    state = None
    clock = 0
    for _ in range(12):
        for _ in range(dice.randint(0, 12)):
            clock += dice.choice([0, 0, 1])
            key = dice.randint(1, 40)
            expected[key] = expected.get(key, 0) + 1
            source.execute(
                "INSERT INTO t VALUES (%s, %s, %s) ON CONFLICT (id) DO UPDATE "
                "SET at = excluded.at, version = excluded.version",
                [key, clock, expected[key]],
            )
        clock += 1
        table, state = source.read_on("public.t", state, mode="incremental", cursor="at")
        target += zip(table["id"].to_pylist(), table["version"].to_pylist(), strict=True)

    assert {key: max(v for k, v in target if k == key) for key in expected} == expected, seed
    assert len(target) == len(set(target)), seed


def test_keys_of_the_checkpoint_have_a_bound() -> None:
    key = ["x" * 40]
    most = json.dumps([key] * _position._MOST_KEYS)

    assert _position._MOST_KEY_BYTES < 64 * 1024
    assert len(most) < 64 * 1024
