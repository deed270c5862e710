"""What the catalogs are asked for the streams of a run: once for many, and never a wrong table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from dativo.contract import StreamRequest
from dativo.errors import (
    DatabaseLockError,
    InsufficientPermissionsError,
    ResourceNotFoundError,
    SchemaValidationError,
)
from dativo_connector_postgres import _lookup
from dativo_connector_postgres._plan import StreamPlan, plan_stream
from dativo_connector_postgres._snapshot import open_snapshot

_CATALOGS = ("pg_class", "pg_type", "pg_inherits", "pg_namespace")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queries over catalogs; those that look for rewritten tables aside."""
    found: list[str] = []
    execute = psycopg.Connection.execute

    def note(self: Any, query: Any, *rest: Any, **more: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if any(name in text for name in _CATALOGS) and "pg_relation_filenode" not in text:
            found.append(text)
        return execute(self, query, *rest, **more)

    monkeypatch.setattr(psycopg.Connection, "execute", note)
    return found


def _make(source: Any, count: int) -> tuple[StreamRequest, ...]:
    columns = "id int PRIMARY KEY, name text, price numeric(10,2), at timestamptz, tags text[]"
    names = [f"t{number:03}" for number in range(count)]
    source.execute(";".join(f"CREATE TABLE {name} ({columns})" for name in names))
    source.execute(";".join(f"INSERT INTO {name} VALUES (1), (2)" for name in names))
    return tuple(source.request(f"public.{name}") for name in names)


def _plans(source: Any, requests: tuple[StreamRequest, ...]) -> Iterator[StreamPlan]:
    source.context.streams = requests
    snapshot = open_snapshot(source.config, source.context)
    for request in requests:
        with snapshot.planner() as connection:
            relation = snapshot.lookup.take(connection, request, requests)
            relation = relation and _lookup.locked(connection, relation)
            yield plan_stream(connection, source.config, snapshot.facts, request, relation=relation)


def _read_all(source: Any, requests: tuple[StreamRequest, ...], **parts: Any) -> int:
    source.context.streams = requests
    return sum(
        source.context.read(batch.data).num_rows
        for request in requests
        for batch in source.batches(request.stream, **parts)
    )


def test_fifty_streams_ask_the_catalogs_as_often_as_five(source: Any, asked: list[str]) -> None:
    requests = _make(source, 50)
    assert _read_all(source, requests[:5]) == 10
    few = len(asked)
    source.context.close()
    asked.clear()

    assert _read_all(source, requests) == 100

    assert len(asked) == few <= 6


def test_more_streams_than_one_query_is_for_are_found_all_the_same(
    source: Any, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_lookup, "_STREAMS_PER_QUERY", 8)
    requests = _make(source, 20)

    names = [plan.name for plan in _plans(source, requests)]

    assert names == [request.stream for request in requests]
    assert 6 <= len(asked) <= 14


def test_what_is_found_among_many_is_what_is_found_alone(source: Any) -> None:
    source.execute(
        "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);"
        "CREATE TABLE a (m mood, d positive, p int[], PRIMARY KEY (d)); CREATE INDEX ON a (m);"
        "CREATE TABLE parent (id int) PARTITION BY RANGE (id);"
        "CREATE TABLE child PARTITION OF parent FOR VALUES FROM (0) TO (9);"
        "CREATE TABLE up (id int); CREATE TABLE down () INHERITS (up);"
        "CREATE VIEW v AS SELECT * FROM a; CREATE MATERIALIZED VIEW w AS SELECT * FROM a;"
        'CREATE SCHEMA "o.d"; CREATE TABLE "o.d"."t""x%s" (id int)'
    )
    names = ("public.a", "a", "public.parent", "public.up", "v", "public.w", '"o.d"."t""x%s"')
    requests = tuple(source.request(name) for name in names)
    alone = []
    for request in requests:
        alone += list(_plans(source, (request,)))
        source.context.close()

    among = list(_plans(source, requests))

    for one, other in zip(alone, among, strict=True):
        assert other.schema.equals(one.schema, check_metadata=True)
        assert (other.source, other.primary_key, other.name) == (
            one.source,
            one.primary_key,
            one.name,
        )
        assert other.relation is not None
        assert one.relation is not None
        assert other.relation.indexed == one.relation.indexed
    pages = {plan.name: plan.relation.pages for plan in among if plan.relation is not None}
    assert pages["public.parent"] is pages["public.up"] is pages["v"] is None
    assert pages["public.a"] == 0


def test_streams_that_cannot_be_read_fail_alone_and_as_ever(source: Any, reader_role: str) -> None:
    requests = _make(source, 4)
    source.execute(
        f"CREATE SCHEMA hidden; CREATE TABLE hidden.t (id int); CREATE TABLE empty ();"
        f"GRANT SELECT ON t000, t003, empty TO {reader_role}"
    )
    source.settings = {"user": reader_role, "password": reader_role}
    expected: dict[str, type[Exception] | None] = {
        "public.t000": None,
        "public.t001": InsufficientPermissionsError,
        "hidden.t": InsufficientPermissionsError,
        "public.missing": ResourceNotFoundError,
        "nowhere.t": ResourceNotFoundError,
        "a.b.c": SchemaValidationError,
        "public.empty": SchemaValidationError,
        "public.t003": None,
    }
    assert requests
    source.context.streams = tuple(source.request(name) for name in expected)

    for name, error in expected.items():
        if error is None:
            assert len(list(source.batches(name))) == 1
        else:
            with pytest.raises(error):
                list(source.batches(name))


def test_a_table_that_took_the_name_after_the_catalogs_were_asked_is_not_read_for_empty(
    source: Any,
) -> None:
    requests = _make(source, 3)
    source.context.streams = requests
    assert len(list(source.batches("public.t000"))) == 1
    source.execute(
        "DROP TABLE t001; CREATE TABLE t001 (id int PRIMARY KEY); INSERT INTO t001 VALUES (1)"
    )

    with pytest.raises(ResourceNotFoundError, match="no table or view"):
        list(source.batches("public.t001"))


def test_queries_are_not_looked_up(source: Any, asked: list[str]) -> None:
    requests = (source.request("q", query="SELECT 1 AS one"), *_make(source, 2))
    asked.clear()
    source.context.streams = requests

    list(source.batches("q", query="SELECT 1 AS one"))

    assert not [text for text in asked if "unnest(" in text and "to_regclass" in text]


def test_a_table_that_somebody_has_locked_does_not_stop_the_others(source: Any) -> None:
    requests = _make(source, 3)
    source.settings = {"lock_timeout": 0.3}
    source.context.streams = requests

    with source.address.connect(autocommit=False) as connection:
        connection.execute("LOCK TABLE t001 IN ACCESS EXCLUSIVE MODE")
        assert len(list(source.batches("public.t000"))) == 1
        with pytest.raises(DatabaseLockError):
            list(source.batches("public.t001"))
        assert len(list(source.batches("public.t002"))) == 1
