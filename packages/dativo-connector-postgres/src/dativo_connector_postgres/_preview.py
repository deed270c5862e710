"""What a read would do, without reading: from the catalogs, the planner and the ends of indexes."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dativo.contract import Checkpoint, Context, ReadMode, ReadPlan, StreamRequest
from dativo_connector_postgres._config import NullCursors, PostgresConfig
from dativo_connector_postgres._ends import highest
from dativo_connector_postgres._incremental import binding, start_of
from dativo_connector_postgres._names import RelationName
from dativo_connector_postgres._parts import parts_of
from dativo_connector_postgres._plan import StreamPlan, plan_stream
from dativo_connector_postgres._position import Position
from dativo_connector_postgres._ranges import Bounds, base_of, compare
from dativo_connector_postgres._relations import Column
from dativo_connector_postgres._settled import pending_of, settle
from dativo_connector_postgres._snapshot import Snapshot, open_snapshot
from dativo_connector_postgres._steps import shares_of
from dativo_connector_postgres._writers import waits_for_all

__all__ = ["plan_read"]

_SIZE = """
WITH RECURSIVE parts(oid) AS (
    SELECT %(oid)s::oid
    UNION SELECT i.inhrelid FROM parts JOIN pg_inherits i ON i.inhparent = parts.oid
)
SELECT sum(pg_table_size(oid))::int8 FROM parts
"""

_CACHE = """
SELECT s.seqrelid::regclass::text, s.seqcache
FROM pg_sequence s WHERE s.seqcache > 1
    AND s.seqrelid = pg_get_serial_sequence(%(table)s, %(column)s)::regclass
"""


def plan_read(
    config: PostgresConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> ReadPlan:
    """Say what ``extract`` would do; quick, because nothing is read but ends of indexes."""
    snapshot = open_snapshot(config, context)
    with snapshot.guarded(context, request.stream):
        with snapshot.planner() as connection:
            plan = plan_stream(connection, config, snapshot.facts, request)
            bounds = Bounds.of_request(connection, plan, request)
        if request.mode is ReadMode.INCREMENTAL and not bounds.is_backfill:
            return _increment(snapshot, plan, state, context)
        found = _estimated(snapshot, plan, bounds.sql)
        parts = len(parts_of(snapshot, plan, context.parallelism))
        return attrs.evolve(found, partitions=parts, lower=request.lower, upper=request.upper)


def _increment(
    snapshot: Snapshot, plan: StreamPlan, state: Checkpoint | None, context: Context
) -> ReadPlan:
    cursor = plan.cursor
    assert cursor is not None
    start = start_of(snapshot, plan, state, context)
    lower = None if start is None else start.value
    rest = None if lower is None else compare(cursor, ">=", lower)
    after = None if lower is None else compare(cursor, ">", lower)
    upper = _upper(snapshot, plan, cursor, start, state=state, rest=rest)
    to_upper = None if upper is None else compare(cursor, "<=", upper)
    partitions = 1
    if upper is not None:
        shares = shares_of(snapshot, plan, context.parallelism, first=lower, last=upper)
        partitions += len(shares)
    if lower is None and partitions == 1:
        partitions = len(parts_of(snapshot, plan, context.parallelism))
    return attrs.evolve(
        _estimated(snapshot, plan, after, to_upper),
        partitions=partitions,
        lower=lower,
        upper=upper,
        assumptions=tuple(_assumptions(snapshot, plan, cursor)),
    )


def _upper(
    snapshot: Snapshot,
    plan: StreamPlan,
    cursor: Column,
    start: Position | None,
    *,
    state: Checkpoint | None,
    rest: str | None,
) -> str | None:
    """Return where the read would stop, if an index tells it at once."""
    relation = plan.relation
    if relation is None or cursor.name not in relation.indexed or plan.where is not None:
        return None
    top = highest(snapshot.row, plan, rest)
    if top is None:
        return None
    settlement = settle(snapshot, plan, start, top=top, rest=rest, seen=pending_of(state))
    limits = binding(snapshot, cursor, settlement, top)
    last = highest(snapshot.row, plan, rest, *(limit.sql for limit in limits))
    return last if last is not None or start is None else start.value


def _estimated(snapshot: Snapshot, plan: StreamPlan, *conditions: str | None) -> ReadPlan:
    relation = plan.relation
    is_whole = plan.where is None and not any(conditions)
    if relation is not None and relation.estimated_rows is not None and is_whole:
        ((size_bytes,),) = snapshot.query(_SIZE, {"oid": relation.oid})
        return ReadPlan(rows=relation.estimated_rows, size_bytes=size_bytes)
    ((found,),) = snapshot.query(f"EXPLAIN (FORMAT JSON) {plan.select(*conditions)}")
    top = found[0]["Plan"]
    rows = int(top["Plan Rows"])
    return ReadPlan(rows=rows, size_bytes=rows * int(top["Plan Width"]))


def _assumptions(snapshot: Snapshot, plan: StreamPlan, cursor: Column) -> Iterator[str]:
    yield f"each change of a row of {plan.name} raises its {cursor.name}"
    yield _order(plan, cursor)
    if snapshot.since.is_known:
        yield f"{plan.name} is not set back to an older copy within the server"
    else:
        yield "no server lacks what was read before; this one does not tell how far it is"
    relation = plan.relation
    if relation is not None:
        table = RelationName(relation.schema, relation.name).sql
        for name, cache in snapshot.query(_CACHE, {"table": table, "column": cursor.name}):
            yield (
                f"no session commits late what is left of the {cache} values that {name} hands "
                "out to each at a time"
            )
    if not cursor.not_null and plan.options.null_cursors is NullCursors.SKIP:
        yield f"no row of {plan.name} that matters is without a value in {cursor.name}"


def _order(plan: StreamPlan, cursor: Column) -> str:
    lag = plan.options.lag
    since = "began" if waits_for_all(plan) else "began to write"
    if lag is not None and lag.isdigit():
        return (
            f"no row of {plan.name} commits with {cursor.name} more than {lag} below the highest "
            f"that had been committed when its transaction {since}"
        )
    if lag is not None:
        return (
            f"no row of {plan.name} commits with {cursor.name} more than {lag} before its "
            f"transaction {since}, by the server's clock"
        )
    if base_of(cursor).name == "timestamptz":
        return (
            f"no row of {plan.name} commits with {cursor.name} before its transaction {since}, by "
            "the server's clock"
        )
    return (
        f"no row of {plan.name} commits with {cursor.name} below the highest that had been "
        f"committed when its transaction {since}"
    )
