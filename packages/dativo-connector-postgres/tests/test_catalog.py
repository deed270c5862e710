from __future__ import annotations

import time
from typing import Any

import pytest

from dativo.contract import ReadMode, StreamStatus
from dativo.errors import (
    DativoError,
    DeadlineExceededError,
    InsufficientPermissionsError,
    InvalidCredentialsError,
    RunInterruptedError,
)

OBJECTS = """
CREATE TABLE orders (
    id bigint PRIMARY KEY, placed_on date NOT NULL, created_at timestamptz NOT NULL,
    updated_at timestamptz, shipped_at timestamp, note text, total numeric(10,2));
CREATE INDEX ON orders (shipped_at);
COMMENT ON TABLE orders IS 'What was ordered';
INSERT INTO orders SELECT i, '2024-01-01', now(), now() FROM generate_series(1, 1000) i;
CREATE VIEW recent AS SELECT * FROM orders;
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM orders;
CREATE TABLE events (id int, day date, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2024-02-01') TO ('2024-03-01')
    PARTITION BY LIST (id);
CREATE TABLE events_2a PARTITION OF events_2 DEFAULT;
INSERT INTO events SELECT i, '2024-01-05' FROM generate_series(1, 30) i;
INSERT INTO events SELECT i, '2024-02-05' FROM generate_series(1, 12) i;
CREATE SCHEMA audit;
CREATE TABLE audit.log (v text);
CREATE TEMPORARY TABLE gone (v int);
ANALYZE;
"""


def test_every_kind_of_relation_is_found_with_what_is_known_of_it(source: Any) -> None:
    source.execute(OBJECTS)

    found = source.discover()

    assert list(found) == [
        "audit.log",
        "public.events",
        "public.orders",
        "public.recent",
        "public.totals",
    ]
    orders, events = found["public.orders"], found["public.events"]
    assert orders.kind == "table"
    assert orders.primary_key == ("id",)
    assert orders.estimated_rows == 1000
    assert orders.description == "What was ordered"
    assert orders.status is StreamStatus.READABLE
    assert orders.read_modes == (ReadMode.FULL, ReadMode.INCREMENTAL)
    assert events.kind == "partitioned table"
    assert events.primary_key == ("day", "id")
    assert events.estimated_rows == 42
    assert found["public.recent"].kind == "view"
    assert found["public.recent"].estimated_rows is None
    assert found["public.totals"].kind == "materialized view"
    assert found["audit.log"].estimated_rows is None or found["audit.log"].estimated_rows == 0
    assert found["audit.log"].read_modes == (ReadMode.FULL,)
    for name, stream in found.items():
        assert source.read(name).schema == stream.schema


def test_cursor_candidates_come_best_first(source: Any) -> None:
    source.execute(OBJECTS)

    orders = source.discover()["public.orders"]

    # Those that may be NULL come last: such rows would never be read.
    assert orders.cursors == ("created_at", "placed_on", "id", "updated_at", "shipped_at")


def test_foreign_tables_are_found_and_promise_no_not_null(source: Any) -> None:
    source.execute(
        "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing; "
        "CREATE FOREIGN TABLE far (id int NOT NULL) SERVER nowhere"
    )

    far = source.discover()["public.far"]

    assert far.kind == "foreign table"
    assert far.schema.field("id").nullable


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("public.*",), {"public.a_b", "public.axb", "public.100%"}),
        (("public.a_b",), {"public.a_b"}),
        (("public.a?b",), {"public.a_b", "public.axb"}),
        (("*%",), {"public.100%"}),
        (("nothing.*",), set()),
        (('"o.o".*', "public.axb"), {'"o.o".t', "public.axb"}),
        (("back\\slash.t",), {"back\\slash.t"}),
    ],
)
def test_patterns_are_matched_by_the_server(
    source: Any, patterns: tuple[str, ...], expected: set[str]
) -> None:
    source.execute(
        'CREATE TABLE a_b (v int); CREATE TABLE axb (v int); CREATE TABLE "100%" (v int); '
        'CREATE SCHEMA "o.o"; CREATE TABLE "o.o".t (v int); '
        'CREATE SCHEMA "back\\slash"; CREATE TABLE "back\\slash".t (v int)'
    )
    source.context.patterns = patterns

    assert set(source.discover()) == expected


def test_schemas_and_limit_narrow_the_discovery(source: Any) -> None:
    source.execute(OBJECTS)
    source.context.limit = 2
    assert list(source.discover()) == ["audit.log", "public.events"]
    source.settings["schemas"] = ("public",)
    assert list(source.discover()) == ["public.events", "public.orders"]


def test_what_may_not_be_read_is_listed_with_its_grant(
    source: Any, restricted: Any, reader_role: str
) -> None:
    source.execute(OBJECTS)
    source.execute(
        f"GRANT SELECT ON orders TO {reader_role}; "
        f"GRANT SELECT (id) ON events TO {reader_role}; GRANT SELECT ON audit.log TO {reader_role}"
    )

    found = restricted.discover()

    assert found["public.orders"].status is StreamStatus.READABLE
    recent, events, log = (found[n] for n in ("public.recent", "public.events", "audit.log"))
    assert recent.status is StreamStatus.UNREADABLE
    assert isinstance(recent.problem, InsufficientPermissionsError)
    assert recent.problem.fix == f'GRANT SELECT ON "public"."recent" TO "{reader_role}";'
    assert events.status is StreamStatus.UNREADABLE
    assert 'may not read the columns "day" of public.events' in events.problem.message
    assert "columns: [id]" in events.problem.fix
    assert log.status is StreamStatus.UNREADABLE
    assert log.problem.fix == (
        f'GRANT USAGE ON SCHEMA "audit" TO "{reader_role}"; '
        f'GRANT SELECT ON "audit"."log" TO "{reader_role}";'
    )
    assert restricted.read("public.events", columns=("id",)).num_rows == 42


@pytest.mark.slow
def test_thousands_of_tables_are_streamed(source: Any) -> None:
    source.execute(
        "DO $$ BEGIN FOR i IN 1..2500 LOOP "
        "EXECUTE format('CREATE TABLE t%s (id int, name text, at timestamptz)', i); "
        "IF i % 500 = 0 THEN COMMIT; END IF; END LOOP; END $$"
    )
    from dativo_connector_postgres import discover

    started = time.monotonic()
    streams = iter(discover(source.config, source.context))
    next(streams)
    first = time.monotonic() - started
    rest = sum(1 for _ in streams)

    assert rest == 2499
    assert first < 5
    assert source.sessions() == 0


def test_discovery_ends_at_its_deadline(source: Any) -> None:
    source.execute("CREATE TABLE t (v int)")
    source.context.deadline = time.monotonic() - 1

    with pytest.raises(DeadlineExceededError):
        source.discover()


def test_discovery_ends_when_the_run_is_stopped(source: Any) -> None:
    source.execute("CREATE TABLE t (v int)")
    source.context.is_cancelled = True

    with pytest.raises(RunInterruptedError):
        source.discover()
    assert source.sessions() == 0


def test_discovery_fails_with_the_error_of_the_server(source: Any) -> None:
    source.settings["password"] = "wrong"

    with pytest.raises(InvalidCredentialsError):
        source.discover()


def test_discovery_reports_a_time_limit_of_its_query(source: Any) -> None:
    source.settings["lock_timeout"] = 0.2
    source.execute("CREATE TABLE t (v int)")
    with source.address.connect(autocommit=False) as locker:
        locker.execute("LOCK TABLE pg_class IN ACCESS EXCLUSIVE MODE")

        with pytest.raises(Exception, match="lock timeout"):
            source.discover()


def test_discovery_survives_a_broken_connection_as_an_error(source: Any) -> None:
    source.execute(
        "DO $$ BEGIN FOR i IN 1..1200 LOOP EXECUTE format('CREATE TABLE t%s (v int)', i); "
        "END LOOP; END $$"
    )
    from dativo_connector_postgres import discover

    streams = iter(discover(source.config, source.context))
    next(streams)
    source.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dativo'"
    )

    with pytest.raises(DativoError) as caught:
        list(streams)
    assert caught.value.retryable
