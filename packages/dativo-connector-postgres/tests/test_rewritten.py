from __future__ import annotations

from typing import Any

import pytest

from dativo.errors import ResourceNotFoundError, ServiceUnavailableError
from dativo_connector_postgres._parts import parts_of
from dativo_connector_postgres._plan import plan_stream
from dativo_connector_postgres._read import batch_of
from dativo_connector_postgres._snapshot import open_snapshot

REWRITES = (
    "TRUNCATE t",
    "BEGIN; TRUNCATE t; INSERT INTO t VALUES (7, 7); COMMIT",
    "ALTER TABLE t ALTER COLUMN n TYPE bigint",
    "ALTER TABLE t ADD COLUMN extra float DEFAULT random()",
)


def read_all(source: Any, **request: str) -> None:
    """Read in the run that is under way."""
    for batch in source.batches(**request):
        source.context.read(batch.data)


@pytest.fixture
def t(source: Any) -> Any:
    """A table of 100 rows, read once before so that the snapshot of a run is known to work."""
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT i, i "
        "FROM generate_series(1, 100) i; CREATE VIEW v AS SELECT id FROM t"
    )
    return source


@pytest.mark.parametrize("rewrite", REWRITES)
@pytest.mark.parametrize(
    "request_",
    [{"stream": "public.t"}, {"stream": "public.v"}, {"stream": "q", "query": "SELECT id FROM t"}],
    ids=["table", "view", "query"],
)
def test_table_that_was_rewritten_after_the_snapshot_is_not_taken_for_empty(
    t: Any, request_: dict[str, str], rewrite: str
) -> None:
    next(iter(t.batches("other", query="SELECT 1 AS one")))  # takes the snapshot
    t.execute(rewrite)

    with pytest.raises(ServiceUnavailableError, match=r"t was emptied or rewritten") as caught:
        read_all(t, **request_)

    assert caught.value.retryable
    (rows,) = t.execute("SELECT count(*) FROM t")[0]
    assert t.read(**request_).num_rows == rows  # in the snapshot of the next try
    assert t.context.opened.count("snapshot") == 2


@pytest.mark.parametrize("rewrite", [*REWRITES, "VACUUM FULL t", "UPDATE t SET n = 0"])
def test_table_that_was_rewritten_before_the_snapshot_is_read(t: Any, rewrite: str) -> None:
    t.execute(rewrite)

    assert t.read("public.t").num_rows == t.execute("SELECT count(*) FROM t")[0][0]


def test_partition_that_was_emptied_after_the_snapshot_is_noticed(source: Any) -> None:
    source.execute(
        "CREATE TABLE p (id int) PARTITION BY RANGE (id); "
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); "
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20); "
        "INSERT INTO p SELECT generate_series(0, 19)"
    )
    next(iter(source.batches("other", query="SELECT 1 AS one")))
    source.execute("TRUNCATE p2")

    with pytest.raises(ServiceUnavailableError, match="p2 was emptied or rewritten"):
        read_all(source, stream="public.p")


def test_increment_of_a_table_that_was_rewritten_is_not_taken_for_nothing_new(t: Any) -> None:
    next(iter(t.batches("other", query="SELECT 1 AS one")))
    t.execute("ALTER TABLE t ALTER COLUMN n TYPE bigint")

    with pytest.raises(ServiceUnavailableError, match="t was emptied or rewritten"):
        list(t.batches("public.t", mode="incremental", cursor="id"))


def test_table_that_is_dropped_while_it_is_planned_is_said_to_be_gone(t: Any) -> None:
    snapshot = open_snapshot(t.config, t.context)
    with snapshot.planner() as connection:
        plan = plan_stream(connection, t.config, snapshot.facts, t.request("public.t"))
    t.execute("DROP TABLE t CASCADE")

    (part,) = parts_of(snapshot, plan, 2)
    batch = batch_of(snapshot, plan, t.context, part)

    with pytest.raises(ResourceNotFoundError, match=r't" does not exist'):
        t.context.read(batch.data)


@pytest.fixture
def many(t: Any) -> Any:
    """A run of several tables whose catalogs are read already, before anything else is."""
    t.execute(
        "CREATE TABLE u (id int PRIMARY KEY); INSERT INTO u SELECT generate_series(1, 50); "
        "CREATE TABLE w (id int PRIMARY KEY); ALTER TABLE w ENABLE ROW LEVEL SECURITY"
    )
    t.context.streams = tuple(t.request(f"public.{name}") for name in "utw")
    read_all(t, stream="public.u")
    return t


@pytest.mark.parametrize("rewrite", REWRITES)
def test_each_of_several_tables_of_a_run_is_looked_at(many: Any, rewrite: str) -> None:
    many.execute(rewrite)

    with pytest.raises(ServiceUnavailableError, match="t was emptied or rewritten"):
        read_all(many, stream="public.t")


def test_table_that_only_a_condition_reads_is_looked_at(many: Any) -> None:
    many.execute("CREATE TABLE x (id int)")
    many.context.close()
    many.execute("INSERT INTO x SELECT generate_series(1, 9)")
    many.context.streams = tuple(many.request(f"public.{name}") for name in "ut")
    read_all(many, stream="public.u")
    many.execute("TRUNCATE x")

    with pytest.raises(ServiceUnavailableError, match="x was emptied or rewritten"):
        read_all(many, stream="public.t", where="id IN (SELECT id FROM x)")


def test_policy_of_a_table_may_read_others(many: Any) -> None:
    snapshot = open_snapshot(many.config, many.context)
    with snapshot.planner() as connection:
        found = {
            one.stream: snapshot.lookup.take(connection, one, many.context.streams)
            for one in many.context.streams
        }

    assert {stream: relation and relation.is_alone for stream, relation in found.items()} == {
        "public.u": True,
        "public.t": True,
        "public.w": False,
    }
