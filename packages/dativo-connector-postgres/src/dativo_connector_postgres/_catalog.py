"""Discovery: one query over the catalogs, streamed, one stream per row."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg

from dativo.contract import Context, ReadMode, Stream, StreamStatus
from dativo.errors import (
    DativoError,
    DeadlineExceededError,
    InsufficientPermissionsError,
    RunInterruptedError,
)
from dativo_connector_postgres._client import connect, conninfo, server_facts
from dativo_connector_postgres._config import PostgresConfig, PostgresOptions
from dativo_connector_postgres._errors import from_driver
from dativo_connector_postgres._fields import fields_of, policy_of, schema_of
from dativo_connector_postgres._names import RelationName, quote_list
from dativo_connector_postgres._plan import grant_fix
from dativo_connector_postgres._ranges import base_of
from dativo_connector_postgres._relations import (
    KINDS,
    RELATIONS,
    Column,
    Relation,
    Types,
    relation_of,
)
from dativo_connector_postgres._types import Policy, rule_of

__all__ = ["discover"]

_SHOWN_NAME = " || '.' || ".join(
    f"CASE WHEN {part} ~ '[.\"]' THEN '\"' || replace({part}, '\"', '\"\"') || '\"' ELSE {part} END"
    for part in ("n.nspname", "c.relname")
)

_WANTED = f"""NOT c.relispartition
    AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'
    AND (cardinality(%(schemas)s::text[]) = 0 OR n.nspname = ANY(%(schemas)s::text[]))
    AND (cardinality(%(patterns)s::text[]) = 0 OR {_SHOWN_NAME} LIKE ANY(%(patterns)s::text[]))"""

_SQL = RELATIONS.replace("FILTER", _WANTED) + " LIMIT %(limit)s"

_ROWS_PER_FETCH = 500

_LAST_CURSOR_RANK = 2
"""Candidates are timestamps, dates and whole numbers; other cursors a job must name itself."""


def discover(config: PostgresConfig, context: Context) -> Iterator[Stream]:
    """Yield what can be read, in the order of the names, as the server finds it."""
    with connect(config) as connection:
        facts = server_facts(connection)
        policy = policy_of(config, PostgresOptions(), facts.money_scale)
    parameters = {
        "schemas": list(config.schemas),
        "patterns": [_like(pattern) for pattern in context.patterns],
        "limit": context.limit,
    }
    try:
        for relation in _relations(config, parameters):
            _stop_if_late(context)
            yield _stream(relation, policy, config.user)
    except psycopg.Error as error:
        raise from_driver(error, password=config.password) from None


def _relations(config: PostgresConfig, parameters: Mapping[str, object]) -> Iterator[Relation]:
    with psycopg.connect(conninfo(config)) as connection:

        def query(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
            return connection.execute(sql.encode(), values).fetchall()

        types = Types(query)
        with connection.cursor(name="dativo_discovery") as rows:
            rows.itersize = _ROWS_PER_FETCH
            rows.execute(_SQL.encode(), dict(parameters))
            for row in rows:
                yield relation_of(row, types)


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")


def _stop_if_late(context: Context) -> None:
    if context.cancelled():
        raise RunInterruptedError("the discovery was stopped")
    if context.deadline is not None and time.monotonic() > context.deadline:
        raise DeadlineExceededError(
            "the discovery did not end in time",
            fix="Narrow it with a pattern or a limit, or list fewer `schemas`.",
        )


def _stream(relation: Relation, policy: Policy, user: str) -> Stream:
    cursors = _cursors(relation)
    modes = (ReadMode.FULL, ReadMode.INCREMENTAL) if cursors else (ReadMode.FULL,)
    problem = _problem(relation, user)
    return Stream(
        name=str(RelationName(relation.schema, relation.name)),
        schema=schema_of(fields_of(relation.columns, policy)),
        kind=KINDS[relation.kind],
        primary_key=relation.primary_key,
        cursors=cursors,
        read_modes=modes,
        estimated_rows=relation.estimated_rows,
        description=relation.comment,
        status=StreamStatus.READABLE if problem is None else StreamStatus.UNREADABLE,
        problem=problem,
    )


def _problem(relation: Relation, user: str) -> DativoError | None:
    refused = tuple(column.name for column in relation.columns if not column.is_readable)
    readable = tuple(column.name for column in relation.columns if column.is_readable)
    if relation.is_schema_usable and not refused:
        return None
    name = RelationName(relation.schema, relation.name)
    fix = grant_fix(relation, user)
    if relation.is_schema_usable and readable:
        text = f"the role {user} may not read the columns {quote_list(refused)} of {name}"
        fix += f" Or list the others in the job: columns: [{', '.join(readable)}]"
    else:
        text = f"the role {user} may not read {name}"
    return InsufficientPermissionsError(text, fix=fix, stream=str(name))


def _cursors(relation: Relation) -> tuple[str, ...]:
    ranked = sorted(
        (rank, position, column.name)
        for position, column in enumerate(relation.columns)
        if (rank := _rank(column, relation)) is not None
    )
    return tuple(name for _, _, name in ranked)


def _rank(column: Column, relation: Relation) -> tuple[bool, int, int, bool] | None:
    # A row without a value in the cursor is never read, so nullable columns come last.
    kind = rule_of(base_of(column)).cursor
    if kind is None or kind > _LAST_CURSOR_RANK:
        return None
    tells_change = any(word in column.name.lower() for word in ("updat", "modif", "chang"))
    return (
        not column.not_null,
        kind,
        0 if tells_change else 1,
        column.name not in relation.indexed,
    )
