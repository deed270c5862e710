"""Rows that commit late, by real transactions: none is lost, whatever the cursor is."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import psycopg
import pytest

from dativo.contract import Checkpoint
from dativo.errors import SchemaValidationError
from dativo_connector_postgres import _activity, _settled, _steps
from dativo_connector_postgres._activity import Activity, Transaction
from dativo_connector_postgres._config import WaitFor
from dativo_connector_postgres._settled import Pending

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Job:
    """A job that reads one stream again and again, and keeps what a target would hold."""

    def __init__(self, source: Any, stream: str = "public.t", **parts: Any) -> None:
        self.source, self.stream = source, stream
        self.parts = {"mode": "incremental", "cursor": "at", **parts}
        source.settings.setdefault("settle_timeout", 0)
        self.state: Checkpoint | None = None
        self.delivered: list[int] = []

    def run(self) -> list[int]:
        self.source.context.logs.clear()
        table, checkpoint = self.source.read_on(self.stream, self.state, **self.parts)
        self.state = None if checkpoint is None else Checkpoint.from_json(checkpoint.to_json())
        new = sorted(table["id"].to_pylist())
        self.delivered += new
        return new

    @property
    def warnings(self) -> list[str]:
        return [text for level, text in self.source.context.logs if level == "warning"]


@contextmanager
def transaction(source: Any, *statements: str) -> Iterator[psycopg.Connection[Any]]:
    """An open transaction, committed at the end of the block."""
    with source.address.connect(autocommit=False) as connection:
        for statement in statements or ("SELECT 1",):
            connection.execute(statement)
        yield connection


@pytest.fixture
def numbers(source: Any) -> Job:
    """A table whose cursor is a serial number, with the rows 1 and 2."""
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at serial NOT NULL)")
    source.execute("INSERT INTO t VALUES (1), (2)")
    return Job(source)


@pytest.fixture
def times(source: Any) -> Job:
    """A table whose cursor is the time of the transaction, with the row 1."""
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())")
    source.execute("INSERT INTO t VALUES (1)")
    return Job(source)


def test_rows_since_the_oldest_open_transaction_wait(times: Job) -> None:
    with transaction(times.source, "INSERT INTO t VALUES (2)"):
        times.source.execute("INSERT INTO t VALUES (3)")

        assert times.run() == [1]
        (warning,) = times.warnings
        assert warning.startswith("public.t: 1 rows since 20")
        assert "because a transaction is still open that began at 20" in warning
    assert times.run() == [2, 3]
    assert times.run() == []


def test_transaction_that_has_not_written_yet_is_waited_for(times: Job) -> None:
    with transaction(times.source) as late:
        times.source.execute("INSERT INTO t VALUES (3)")

        assert times.run() == [1]
        late.execute("INSERT INTO t VALUES (2)")
    assert times.run() == [2, 3]


def test_transactions_that_only_read_need_not_be_waited_for(times: Job) -> None:
    times.parts["options"] = {"wait_for": WaitFor.WRITERS}
    with transaction(times.source):
        times.source.execute("INSERT INTO t VALUES (3)")

        assert times.run() == [1, 3]
    with transaction(times.source, "INSERT INTO t VALUES (4)"):
        times.source.execute("INSERT INTO t VALUES (5)")

        assert times.run() == []
    assert times.run() == [4, 5]


def test_other_readers_of_the_connector_are_not_waited_for(times: Job, source_of: Any) -> None:
    other = source_of(times.source.address)
    first = next(iter(other.batches("public.t")))
    times.source.execute("INSERT INTO t VALUES (3)")

    assert times.run() == [1, 3]
    assert other.context.read(first.data).num_rows == 1
    other.context.close()


def test_rows_of_the_future_wait_until_it_has_come(times: Job) -> None:
    times.source.execute("INSERT INTO t VALUES (2, now() + interval '1 hour')")

    assert times.run() == [1]
    assert "because that is after the run began" in times.warnings[0]
    times.source.execute("INSERT INTO t VALUES (3); UPDATE t SET at = now() WHERE id = 2")
    assert times.run() == [2, 3]


@pytest.mark.parametrize(
    ("kind", "latest"),
    [("timestamp", "(now() AT TIME ZONE 'utc') + interval '14 hours'"),
     ("date", "((now() AT TIME ZONE 'utc') + interval '14 hours')::date")],
)  # fmt: skip
def test_rows_of_a_far_future_wait_although_no_zone_is_told(
    source: Any, kind: str, latest: str
) -> None:
    source.execute(f"CREATE TABLE t (id int PRIMARY KEY, at {kind} NOT NULL)")
    source.execute(f"INSERT INTO t VALUES (1, '2024-01-01'), (2, '9999-12-31'), (3, {latest})")
    job = Job(source)

    assert job.run() == [1, 3]
    assert "that is more than a day after the run began" in job.warnings[0]
    source.execute(f"INSERT INTO t VALUES (4, {latest}); UPDATE t SET at = {latest} WHERE id = 2")
    assert job.run() == [2, 4]


@pytest.mark.parametrize("kind", ["timestamp", "date"])
def test_observation_does_not_reach_into_a_far_future(source: Any, kind: str) -> None:
    source.execute(f"CREATE TABLE t (id int PRIMARY KEY, at {kind} NOT NULL)")
    source.execute("INSERT INTO t VALUES (1, '9999-12-31')")
    job = Job(source)
    with transaction(source, "INSERT INTO t VALUES (2, now())"):
        job.run()

    assert job.state is not None
    pending: Any = job.state.value["pending"]
    assert pending[-1]["value"] < str(datetime.now(UTC) + timedelta(days=2))


@pytest.mark.parametrize("wait_for", [WaitFor.AUTO, WaitFor.WRITERS])
def test_role_that_sees_no_start_times_waits_by_observation(
    times: Job, restricted: Any, reader_role: str, wait_for: WaitFor
) -> None:
    restricted.execute(f"GRANT SELECT ON t TO {reader_role}")
    job = Job(restricted, options={"wait_for": wait_for})
    with transaction(times.source, "INSERT INTO t VALUES (2)"):
        times.source.execute("INSERT INTO t VALUES (3)")

        assert job.run() == []
        assert "2 rows of all values wait for the next run" in job.warnings[0]
        assert job.run() == []
    assert job.run() == [1, 2, 3]
    times.source.execute("INSERT INTO t VALUES (4)")
    assert job.run() == [4]


def test_observation_of_a_cursor_of_time_does_not_reach_into_the_future(
    times: Job, restricted: Any, reader_role: str
) -> None:
    restricted.execute(f"GRANT SELECT ON t TO {reader_role}")
    restricted.execute("INSERT INTO t VALUES (2, now() + interval '1 hour')")
    job = Job(restricted)
    with transaction(times.source, "INSERT INTO t VALUES (3)"):
        job.run()

    assert job.state is not None
    pending: Any = job.state.value["pending"]
    assert pending[-1]["value"] < str(datetime.now(UTC) + timedelta(minutes=1))


@pytest.mark.parametrize("stream", ["public.t", "public.low"])
@pytest.mark.parametrize("written", ["t", "low"])
def test_writers_of_parents_and_of_leaves_count_for_each_other(
    source: Any, stream: str, written: str
) -> None:
    source.execute(
        "CREATE TABLE t (id int, at int NOT NULL) PARTITION BY RANGE (id); "
        "CREATE TABLE low PARTITION OF t FOR VALUES FROM (0) TO (100); "
        "INSERT INTO t VALUES (1, 1)"
    )
    job = Job(source, stream)
    with transaction(source, f"INSERT INTO {written} VALUES (2, 2)"):
        source.execute("INSERT INTO t VALUES (3, 3)")

        assert job.run() == []
    assert job.run() == [1, 2, 3]


@pytest.mark.parametrize(
    "parts", [{"query": "SELECT id, at FROM t", "stream": "q"}, {"stream": "public.v"}]
)
def test_any_writer_counts_for_queries_and_views(numbers: Job, parts: dict[str, Any]) -> None:
    numbers.source.execute("CREATE VIEW v AS SELECT id, at FROM t; CREATE TABLE other (id int)")
    job = Job(numbers.source, primary_key=("id",), **parts)
    with transaction(numbers.source, "INSERT INTO other VALUES (1)"):
        assert job.run() == []
    assert job.run() == [1, 2]


@pytest.mark.parametrize("kind", ["date", "timestamp"])
def test_times_without_a_zone_wait_by_observation(source: Any, kind: str) -> None:
    source.execute(f"CREATE TABLE t (id int PRIMARY KEY, at {kind} NOT NULL DEFAULT now())")
    source.execute("INSERT INTO t VALUES (1)")
    job = Job(source)
    with transaction(source) as late:
        source.execute("INSERT INTO t VALUES (3)")
        assert job.run() == []
        late.execute("INSERT INTO t VALUES (2)")
    assert job.run() == [1, 2, 3]


def test_row_that_moves_ahead_is_delivered_again(numbers: Job) -> None:
    numbers.run()
    with transaction(numbers.source, "UPDATE t SET at = nextval('t_at_seq') WHERE id = 1"):
        numbers.source.execute("INSERT INTO t VALUES (3)")
        assert numbers.run() == []
    assert numbers.run() == [1, 3]


def test_transactions_that_end_while_one_looks_are_not_overlooked(
    numbers: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every snapshot there is a commit, as on a busy server."""
    results = _activity._results
    committed: list[int] = []

    def busy(connection: Any, sql: str) -> Any:
        found = results(connection, sql)
        if "export" in sql:
            number = len(committed) + 3
            committed.append(number)
            numbers.source.execute(f"INSERT INTO t VALUES ({number})")
            found[-1] = [(f"{found[0][0][0]},{number}",)]
        return found

    monkeypatch.setattr(_activity, "_results", busy)
    # What the earlier of two snapshots shows is settled in the later one.
    assert numbers.run() == [1, 2]
    assert numbers.run() == [3, 4]
    assert numbers.run() == [5, 6]


def test_run_waits_a_moment_for_writers(numbers: Job) -> None:
    numbers.source.settings["settle_timeout"] = 60
    with transaction(numbers.source, "INSERT INTO t VALUES (3)") as late:
        timer = threading.Timer(0.2, late.commit)
        timer.start()

        assert numbers.run() == [1, 2, 3]
        timer.join()


def test_what_is_settled_stays_for_another_try_in_the_same_snapshot(
    numbers: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = numbers.source
    monkeypatch.setattr(_steps, "_ROWS_PER_STEP", 1000)
    source.execute("INSERT INTO t SELECT i FROM generate_series(3, 4999) i")
    source.execute("CREATE INDEX ON t (at); ANALYZE t")
    with transaction(source, "INSERT INTO t VALUES (5000)"):
        numbers.run()
    with transaction(source, "INSERT INTO t VALUES (5001)"):
        first = next(
            batch
            for batch in source.batches("public.t", numbers.state, **numbers.parts)
            if batch.checkpoint is not None
        )
        batches = list(source.batches("public.t", first.checkpoint, **numbers.parts))
        found = [key for one in batches for key in source.context.read(one.data)["id"].to_pylist()]
        source.context.close()

    assert min(found) > 1000
    assert sorted(found) == list(range(min(found), 5000))


def test_more_transactions_than_a_checkpoint_can_name_are_not_recorded(
    numbers: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_settled, "_MOST_NAMES", 0)
    with transaction(numbers.source, "INSERT INTO t VALUES (3)"):
        assert numbers.run() == []
        assert "pending" not in numbers.state.value  # type: ignore[union-attr]
    assert numbers.run() == [1, 2, 3]


def test_retry_in_the_same_snapshot_settles_nothing(numbers: Job) -> None:
    source = numbers.source
    with transaction(source, "INSERT INTO t VALUES (3)"):
        source.execute("INSERT INTO t VALUES (4)")
        (first,) = source.batches("public.t", **numbers.parts)
    (second,) = source.batches("public.t", first.checkpoint, **numbers.parts)

    assert first.checkpoint == second.checkpoint
    assert source.context.read(second.data).num_rows == 0
    source.context.close()


def test_lag_keeps_young_rows_for_the_next_run(times: Job) -> None:
    times.parts["options"] = {"lag": "5m"}
    times.source.execute(
        "INSERT INTO t VALUES (2, now() - interval '4 minutes'), (3, now() - interval '6 minutes')"
    )

    assert times.run() == [3]
    assert times.warnings == []
    times.source.execute("INSERT INTO t VALUES (4, now() - interval '5.5 minutes')")
    assert times.run() == [4]
    times.parts["options"] = {}
    assert times.run() == [1, 2]


def test_lag_counts_from_the_start_of_open_transactions(times: Job) -> None:
    times.parts["options"] = {"lag": "5m"}
    with transaction(times.source, "SELECT now()") as late:
        times.source.execute("INSERT INTO t VALUES (2, now() - interval '4 minutes 59.9 seconds')")
        time.sleep(0.3)
        assert times.run() == []
        late.execute("INSERT INTO t VALUES (3, now() - interval '4 minutes 59.95 seconds')")
    assert times.run() == [2, 3]


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz"])
def test_lag_holds_for_what_an_earlier_run_saw(
    source: Any, restricted: Any, reader_role: str, kind: str
) -> None:
    source.execute(f"CREATE TABLE t (id int PRIMARY KEY, at {kind} NOT NULL DEFAULT now())")
    source.execute(f"GRANT SELECT ON t TO {reader_role}")
    source.execute("INSERT INTO t VALUES (1, now() - interval '6 minutes'), (2, DEFAULT)")
    job = Job(restricted, options={"lag": "5m"})
    with transaction(source, "INSERT INTO t VALUES (3)"):
        job.run()

    assert job.state is not None
    pending: Any = job.state.value["pending"]
    assert pending[-1]["value"] < str(datetime.now(UTC) - timedelta(minutes=4))
    assert job.run() == [1]


@pytest.mark.parametrize(("kind", "lag"), [("date", "2d"), ("timestamp", "30h")])
def test_lag_of_times_without_a_zone_is_in_utc(source: Any, kind: str, lag: str) -> None:
    source.execute(f"CREATE TABLE t (id int PRIMARY KEY, at {kind} NOT NULL)")
    source.execute(
        "INSERT INTO t SELECT i, now() - i * interval '1 day' FROM generate_series(0, 4) i"
    )

    assert Job(source, options={"lag": lag}).run() == ([3, 4] if kind == "date" else [2, 3, 4])


@pytest.mark.parametrize("kind", ["int2", "int8", "numeric"])
def test_lag_of_numbers_is_a_distance(source: Any, kind: str) -> None:
    source.execute(f"CREATE TABLE t (id int PRIMARY KEY, at {kind} NOT NULL)")
    source.execute("INSERT INTO t SELECT i, i FROM generate_series(1, 20) i")
    job = Job(source, options={"lag": "5"})

    assert job.run() == list(range(1, 16))
    source.execute("INSERT INTO t VALUES (21, 21), (100, 16)")
    assert job.run() == [16, 100]
    assert Job(source, options={"lag": "999999999"}).run() == []


@pytest.mark.parametrize(("kind", "lag"), [("int", "5m"), ("timestamptz", "5"), ("text", "5")])
def test_lag_that_does_not_suit_the_cursor_is_an_error(source: Any, kind: str, lag: str) -> None:
    source.execute(f"CREATE TABLE t (id int PRIMARY KEY, at {kind})")
    source.execute(
        f"INSERT INTO t VALUES (1, '2020-01-01 0:0'::text::{kind})"
        if kind != "int"
        else "INSERT INTO t VALUES (1, 1)"
    )

    with pytest.raises(SchemaValidationError, match="does not suit the cursor 'at'"):
        Job(source, options={"lag": lag}).run()


def test_lag_covers_ids_that_sessions_keep_in_stock(source: Any) -> None:
    source.execute(
        "CREATE SEQUENCE s CACHE 10; "
        "CREATE TABLE t (id int PRIMARY KEY, at int NOT NULL DEFAULT nextval('s'))"
    )
    job = Job(source, options={"lag": "20"})
    with source.address.connect() as first, source.address.connect() as second:
        for number in range(0, 40, 2):
            first.execute("INSERT INTO t VALUES (%s)", [number])
            second.execute("INSERT INTO t VALUES (%s)", [number + 1])
            job.run()
    job.parts["options"] = {}
    job.run()

    assert sorted(job.delivered) == list(range(40))


def test_standby_waits_for_ids_because_it_does_not_see_transactions() -> None:
    seen = Pending(value="7", at="then", next=120)
    busy = Activity(at=NOW, is_standby=True, oldest=119, next=130)

    assert not seen.is_settled(busy)
    assert seen.is_settled(attrs.evolve(busy, oldest=120))
    assert not attrs.evolve(seen, at=NOW.isoformat()).is_settled(attrs.evolve(busy, oldest=120))


def test_observation_is_settled_when_all_its_transactions_have_ended() -> None:
    seen = Pending(value="7", at="then", names=("3/1", "755"))

    assert seen.is_settled(Activity(at=NOW, after=(Transaction(names=frozenset(["3/2"])),)))
    assert not seen.is_settled(Activity(at=NOW, before=(Transaction(names=frozenset(["3/1"])),)))
    # A transaction that is prepared goes by its id.
    assert not seen.is_settled(
        Activity(at=NOW, after=(Transaction(names=frozenset(["-1/755", "755"])),))
    )


@pytest.mark.parametrize("kind", ["serial", "timestamptz", "timestamp"])
@pytest.mark.parametrize("seed", range(2))
def test_random_transactions_lose_and_double_nothing(source: Any, kind: str, seed: int) -> None:
    dice = random.Random(seed)
    default = "" if kind == "serial" else "DEFAULT now()"
    source.execute(f"CREATE TABLE t (id int PRIMARY KEY, at {kind} NOT NULL {default})")
    job, number = Job(source), 0
    with ExitStack() as stack:
        sessions = [stack.enter_context(source.address.connect(autocommit=False)) for _ in range(4)]
        for _ in range(60):
            session = dice.choice(sessions)
            action = dice.choice(["insert", "insert", "read", "commit", "run"])
            if action == "insert":
                number += 1
                session.execute("INSERT INTO t (id) VALUES (%s)", [number])
            elif action == "read":
                session.execute("SELECT 1")
            elif action == "commit":
                session.commit()
            else:
                job.run()
        for session in sessions:
            session.commit()
    job.run()
    (committed,) = source.execute("SELECT count(*) FROM t")[0]

    assert sorted(job.delivered) == list(range(1, number + 1)), seed
    assert committed == number, seed
