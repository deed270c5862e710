from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from dativo.errors import (
    DatabaseLockError,
    DativoError,
    ResourceNotFoundError,
    RunInterruptedError,
    ServiceUnavailableError,
)
from dativo_connector_postgres import _parts
from dativo_connector_postgres._parts import _cuts, _ranges


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Split tables of a few pages already."""
    monkeypatch.setattr(_parts, "_SMALLEST_PART_PAGES", 1)


def values(table: pa.Table, column: str = "id") -> list[Any]:
    return sorted(table[column].to_pylist())


def test_empty_table_has_a_schema(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, v text[])")

    batches = list(source.batches("public.t"))
    table = source.context.read(batches[0].data)

    assert len(batches) == 1
    assert table.num_rows == 0
    assert table.schema.names == ["id", "v"]


def test_nothing_is_opened_before_the_first_pull(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT 1 AS id")

    (batch,) = source.batches("public.t")
    before = source.sessions()
    source.context.read(batch.data)
    after = source.sessions()
    source.context.close()

    assert (before, after) == (2, 3)
    assert source.sessions() == 0
    assert source.context.opened.count("snapshot") == 1


def test_columns_are_read_in_the_order_of_the_job(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT 1 AS a, 2 AS b, 3 AS c")

    table = source.read("public.t", columns=("c", "a"))

    assert table.to_pylist() == [{"c": 3, "a": 1}]


@pytest.mark.parametrize(
    "where", ["id > 2 -- the new ones", "id = 3 OR id = 4", "id % 10 IN (3, 4)"]
)
def test_where_is_a_condition_of_its_own(source: Any, where: str) -> None:
    source.execute("CREATE TABLE t AS SELECT i AS id FROM generate_series(1, 4) i")

    assert values(source.read("public.t", where=where, cursor="id", lower="3", upper="5")) == [3, 4]


def test_backfill_reads_from_lower_to_below_upper(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT i AS id FROM generate_series(1, 9) i")

    table, checkpoint = source.read_on(
        "public.t", None, mode="incremental", cursor="id", lower="3", upper="6"
    )

    assert values(table) == [3, 4, 5]
    assert checkpoint is None


def test_query_is_a_stream(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT i AS id, i * 1.5 AS v FROM generate_series(1, 4) i")
    query = 'SELECT id AS "the id", sum(v)::numeric(9,2) AS total FROM t GROUP BY 1 -- all\n;'

    table = source.read("totals", query=query, where='"the id" < 3', columns=("total", "the id"))

    assert table.schema.field("total").type == pa.decimal128(9, 2)
    assert values(table, "total") == [Decimal("1.50"), Decimal("3.00")]


def test_batches_keep_to_their_limits(source: Any) -> None:
    source.execute(
        "CREATE TABLE t AS SELECT i AS id, repeat('x', 1000) AS v FROM generate_series(1, 5000) i"
    )
    source.context.batch_rows, source.context.batch_bytes = 100, 1 << 20

    (batch,) = source.batches("public.t")
    sizes = [part.num_rows for part in pa.RecordBatchReader.from_stream(batch.data)]

    assert sum(sizes) == 5000
    assert max(sizes) == 100
    source.context.batch_rows = 1_000_000
    (batch,) = source.batches("public.t")
    assert max(part.nbytes for part in pa.RecordBatchReader.from_stream(batch.data)) < 2 << 20


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("partitions", [0, 1, 2, 7, 1000])
def test_parts_hold_each_row_once(source: Any, partitions: int) -> None:
    source.execute(
        "CREATE TABLE t AS SELECT i AS id, repeat('x', 200) AS v FROM generate_series(1, 4000) i; "
        "DELETE FROM t WHERE id % 3 = 0"
    )

    batches = list(source.batches("public.t", options={"partitions": partitions}))
    with ThreadPoolExecutor(4) as pool:
        tables = list(pool.map(lambda batch: source.context.read(batch.data), batches))

    assert len(batches) == {0: 4, 1: 1, 2: 2, 7: 7}.get(partitions, len(batches))
    assert values(pa.concat_tables(tables)) == [i for i in range(1, 4001) if i % 3]


@pytest.mark.usefixtures("small_parts")
def test_partitioned_and_inherited_tables_are_split_over_all_leaves(source: Any) -> None:
    source.execute(
        "CREATE TABLE p (v text, id int) PARTITION BY RANGE (id); "
        "CREATE TABLE p1 (id int, v text); "
        "ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO (1000); "
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (1000) TO (9999) PARTITION BY RANGE (id); "
        "CREATE TABLE p2a PARTITION OF p2 DEFAULT; CREATE TABLE p3 PARTITION OF p DEFAULT; "
        "INSERT INTO p SELECT repeat('x', 300), i FROM generate_series(1, 4000) i; "
        "CREATE TABLE parent (id int, v text); CREATE TABLE child () INHERITS (parent); "
        "INSERT INTO parent SELECT i, repeat('x', 300) FROM generate_series(1, 500) i; "
        "INSERT INTO child SELECT i, repeat('x', 300) FROM generate_series(501, 4000) i"
    )

    for name in ("public.p", "public.parent"):
        batches = list(source.batches(name))
        tables = [source.context.read(batch.data) for batch in batches]

        assert len(batches) == 4
        assert min(table.num_rows for table in tables) > 500
        assert values(pa.concat_tables(tables)) == list(range(1, 4001))


@pytest.mark.usefixtures("small_parts")
def test_partitions_need_no_privilege_of_their_own(
    source: Any, restricted: Any, reader_role: str
) -> None:
    source.execute(
        "CREATE TABLE p (id int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p DEFAULT; "
        "INSERT INTO p SELECT generate_series(1, 2000)"
    )
    source.execute(f"GRANT SELECT ON p TO {reader_role}")

    assert values(restricted.read("public.p")) == list(range(1, 2001))


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("stream", ["public.v", "public.f", "public.t"])
def test_what_has_no_pages_of_its_own_is_read_at_once(
    source: Any, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.execute(
        "CREATE TABLE t AS SELECT i AS id FROM generate_series(1, 2000) i; "
        "CREATE VIEW v AS SELECT * FROM t; CREATE TABLE f (id int) PARTITION BY RANGE (id); "
        "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing; "
        "CREATE FOREIGN TABLE far PARTITION OF f DEFAULT SERVER nowhere"
    )
    if stream == "public.t":
        monkeypatch.setattr(_parts, "_RANGE_SCAN_VERSION", 99)

    assert len(list(source.batches(stream))) == 1


@pytest.mark.usefixtures("small_parts")
def test_condition_is_left_to_an_index_unless_the_job_wants_parts(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT i AS id FROM generate_series(1, 2000) i")

    assert len(list(source.batches("public.t", where="id < 5"))) == 1
    assert len(list(source.batches("public.t", where="id < 5", options={"partitions": 3}))) == 3


@pytest.mark.parametrize(
    ("sizes", "count", "cuts"),
    [
        ([100], 4, [25, 50, 75]),
        ([100], 1, []),
        ([0], 4, []),
        ([], 3, []),
        ([1], 4, []),
        ([100, 100], 2, [50]),
        ([10, 100, 100], 2, [48]),
        ([10, 10, 180], 4, [30, 80, 130]),
    ],
)
def test_cuts_make_equal_shares(sizes: list[int], count: int, cuts: list[int]) -> None:
    assert _cuts(sizes, count) == cuts


def test_ranges_are_open_at_both_ends() -> None:
    assert _ranges([]) == [None]
    assert _ranges([5, 9]) == [
        "ctid < '(5,0)'::tid",
        "ctid >= '(5,0)'::tid AND ctid < '(9,0)'::tid",
        "ctid >= '(9,0)'::tid",
    ]


@pytest.mark.usefixtures("small_parts")
def test_all_streams_and_parts_see_one_moment(source: Any) -> None:
    source.execute(
        "CREATE TABLE a AS SELECT i AS id, 100 AS v FROM generate_series(1, 2000) i; "
        "CREATE TABLE b AS SELECT * FROM a"
    )
    stop = threading.Event()

    def transfer() -> None:
        with source.address.connect() as connection:
            while not stop.is_set():
                ids = {"a": random.randint(1, 2000), "b": random.randint(1, 2000)}
                connection.execute(
                    "WITH one AS (UPDATE a SET v = v - 1 WHERE id = %(a)s) "
                    "UPDATE b SET v = v + 1 WHERE id = %(b)s",
                    ids,
                )

    writer = threading.Thread(target=transfer)
    writer.start()
    try:
        for _ in range(5):
            total = 0
            for stream in ("public.a", "public.b"):
                for batch in source.batches(stream):
                    total += sum(source.context.read(batch.data)["v"].to_pylist())
            source.context.close()
            assert total == 400_000
    finally:
        stop.set()
        writer.join()


def test_sessions_are_used_again_and_lent_once(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT i AS id FROM generate_series(1, 100) i")
    for _ in range(3):
        for batch in source.batches("public.t"):
            source.context.read(batch.data)

    assert source.sessions() == 3


def test_abandoned_reader_leaves_no_session(source: Any) -> None:
    source.context.batch_bytes = 1000
    (batch,) = source.batches(
        "q", query="SELECT i AS id, repeat('x', 100) AS v FROM generate_series(1, 3000000) i"
    )
    reader = pa.RecordBatchReader.from_stream(batch.data)
    reader.read_next_batch()
    assert source.sessions() == 3

    del reader, batch
    for _ in range(50):
        if source.sessions() == 2:
            break
        threading.Event().wait(0.05)

    assert source.sessions() == 2


def test_cancelled_run_stops_a_reader_that_waits_for_the_server(source: Any) -> None:
    (batch,) = source.batches("q", query="SELECT pg_sleep(60) IS NULL AS v")
    timer = threading.Timer(0.3, source.context.cancel)
    timer.start()

    with pytest.raises(RunInterruptedError):
        source.context.read(batch.data)
    source.context.close()

    assert source.sessions() == 0


def test_cancelled_run_stops_the_planning_too(source: Any) -> None:
    source.execute(
        "CREATE FUNCTION slow() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1 FROM pg_sleep(60)'"
    )
    source.execute("CREATE TABLE t AS SELECT 1 AS id")
    timer = threading.Timer(0.5, source.context.cancel)
    timer.start()

    with pytest.raises(RunInterruptedError):
        list(source.batches("public.t", mode="incremental", cursor="id", where="id = slow()"))


def test_cancelled_run_stops_between_batches(source: Any) -> None:
    source.context.batch_bytes = 1000
    (batch,) = source.batches("q", query="SELECT i AS v FROM generate_series(1, 100000) i")
    reader = pa.RecordBatchReader.from_stream(batch.data)
    reader.read_next_batch()
    source.context.is_cancelled = True

    with pytest.raises(pa.ArrowException, match="the read was stopped"):
        reader.read_all()


def test_reader_that_starts_after_the_stop_opens_nothing(source: Any) -> None:
    (batch,) = source.batches("q", query="SELECT 1 AS v")
    source.context.is_cancelled = True

    with pytest.raises(RunInterruptedError):
        source.context.read(batch.data)
    assert source.sessions() == 2


def test_stream_that_fails_leaves_the_snapshot_to_the_others(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT 1 AS id")
    for parts in ({"query": "SELECT nope"}, {"query": "SELECT 1 +"}):
        with pytest.raises(DativoError):
            list(source.batches("public.t", **parts))
    (failing,) = source.batches("q", query="SELECT 1 / (SELECT id - 1 FROM t) AS v")
    with pytest.raises(DativoError):
        source.context.read(failing.data)

    for batch in source.batches("public.t"):
        assert source.context.read(batch.data).num_rows == 1
    assert source.context.opened.count("snapshot") == 1


def test_statement_timeout_is_retryable_and_names_the_setting(source: Any) -> None:
    source.settings["statement_timeout"] = 0.2

    with pytest.raises(DatabaseLockError, match="statement timeout") as caught:
        source.read("q", query="SELECT pg_sleep(30) IS NULL AS v")

    assert caught.value.retryable
    assert "statement_timeout" in caught.value.fix
    assert caught.value.stream == "q"


def test_lock_that_is_not_given_in_time(source: Any) -> None:
    source.execute("CREATE TABLE t (id int)")
    source.settings["lock_timeout"] = 0.2
    with source.address.connect(autocommit=False) as locker:
        locker.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")

        with pytest.raises(DatabaseLockError, match="lock timeout") as caught:
            source.read("public.t")

    assert "lock_timeout" in caught.value.fix


def test_table_that_vanishes_before_it_is_read(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT 1 AS id")
    (batch,) = source.batches("public.t")
    source.execute("DROP TABLE t")

    with pytest.raises(ResourceNotFoundError) as caught:
        source.context.read(batch.data)
    assert caught.value.stream == "public.t"


def test_session_settings_are_all_set(source: Any) -> None:
    source.settings |= {
        "application_name": "a job's \\ name",
        "statement_timeout": 5.5,
        "lock_timeout": 7,
    }
    names = (
        "application_name", "default_transaction_read_only", "statement_timeout", "lock_timeout",
        "TimeZone", "client_encoding", "transaction_isolation",
        "idle_in_transaction_session_timeout",
    )  # fmt: skip
    query = "SELECT " + ", ".join(f"current_setting('{name}') AS {name}" for name in names)

    row = source.read("settings", query=query).to_pylist()[0]

    assert tuple(row.values()) == (
        "a job's \\ name", "on", "5500ms", "7s", "UTC", "UTF8", "repeatable read",
        "0",
    )  # fmt: skip


def test_snapshot_that_cannot_be_exported_is_an_error_not_a_fallback(source: Any) -> None:
    source.execute(
        f"ALTER DATABASE {source.address.database} SET search_path = shadow, pg_catalog, public; "
        "CREATE SCHEMA shadow; CREATE FUNCTION shadow.pg_export_snapshot() RETURNS text "
        "LANGUAGE plpgsql AS $$ BEGIN RAISE feature_not_supported; END $$; CREATE TABLE t ()"
    )

    with pytest.raises(Exception, match="feature_not_supported"):
        source.read("public.t")
    assert source.sessions() == 0


def test_snapshot_that_is_gone_is_discarded_and_retryable(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT 1 AS id")
    (batch,) = source.batches("public.t")
    source.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dativo'"
    )

    with pytest.raises(ServiceUnavailableError) as caught:
        source.context.read(batch.data)

    assert caught.value.retryable
    assert source.read("public.t").num_rows == 1
    assert source.context.opened.count("snapshot") == 2
