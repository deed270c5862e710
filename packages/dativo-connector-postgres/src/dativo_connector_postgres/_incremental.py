"""Incremental reads: what is new since a checkpoint, up to a bound of the same snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dativo.contract import Batch, Checkpoint, Context
from dativo.errors import DataFormatError
from dativo_connector_postgres._config import NullCursors
from dativo_connector_postgres._names import quote
from dativo_connector_postgres._parts import parts_of
from dativo_connector_postgres._plan import StreamPlan
from dativo_connector_postgres._position import Position
from dativo_connector_postgres._ranges import base_of, compare, literal
from dativo_connector_postgres._read import reader
from dativo_connector_postgres._relations import Column
from dativo_connector_postgres._snapshot import Snapshot

__all__ = ["read_new"]

_ROWS_PER_STEP = 5_000_000
"""A longer range is cut here, each step with a checkpoint of its own."""

_BOUNDS = (
    "SELECT histogram_bounds::text::text[] FROM pg_stats "
    "WHERE schemaname = %(schema)s AND tablename = %(table)s AND attname = %(column)s "
    "AND histogram_bounds IS NOT NULL AND NOT inherited"
)


def read_new(
    snapshot: Snapshot, plan: StreamPlan, state: Checkpoint | None, context: Context
) -> Iterator[Batch]:
    """Yield the rows after *state*, with a checkpoint behind the last."""
    cursor = plan.cursor
    assert cursor is not None
    _report_nulls(snapshot, plan, cursor, context)
    start = None if state is None else Position.of_state(state, plan)
    rest = None if start is None else start.rest(snapshot, plan, context)
    settled = _settled(snapshot, plan, cursor, context)
    last = _last(snapshot, plan, cursor, rest, settled)
    if last is None:
        yield Batch(plan.schema.empty_table(), state)
        return
    first = None if start is None else start.value
    for cut in _cuts(snapshot, plan, cursor, first=first, last=last):
        part = reader(snapshot, plan, context, rest, compare(cursor, "<", cut))
        yield Batch(part, Position.before(cut).to_checkpoint(plan))
        rest = compare(cursor, ">=", cut)
    *parts, final = parts_of(snapshot, plan, context.parallelism) if rest is None else [None]
    to_last = compare(cursor, "<=", last)
    for pages in parts:
        yield Batch(reader(snapshot, plan, context, to_last, pages))
    end = Position.through(last, snapshot, plan).to_checkpoint(plan)
    yield Batch(reader(snapshot, plan, context, rest, to_last, final), end)


def _last(
    snapshot: Snapshot, plan: StreamPlan, cursor: Column, *conditions: str | None
) -> str | None:
    wanted = f"max({quote(cursor.name)})::text"
    (value,) = snapshot.row(plan.select(*conditions, expressions=wanted))
    if value is None:
        return None
    last = str(value)
    if base_of(cursor).name in _UNBOUNDED and last.lower().lstrip("-") in {"infinity", "nan"}:
        raise DataFormatError(
            f"{plan.name}: the cursor {cursor.name!r} is {last} in some rows, and nothing can be "
            "read after it",
            fix="Leave such rows out with a `where`, or mend them.",
            stream=plan.name,
        )
    return last


_UNBOUNDED = {"date", "timestamp", "timestamptz", "numeric"}


def _settled(snapshot: Snapshot, plan: StreamPlan, cursor: Column, context: Context) -> str | None:
    """Keep off the time in which a transaction that is still at work may yet commit rows."""
    oldest: datetime | None = snapshot.oldest_writer
    if oldest is None or base_of(cursor).name != "timestamptz":
        return None
    later = compare(cursor, ">=", oldest.isoformat())
    (held_back,) = snapshot.row(plan.select(later, expressions="count(*)"))
    if held_back:
        context.log(
            f"{plan.name}: {held_back} rows with {cursor.name} since {oldest.isoformat()} wait for "
            "the next run, because a transaction from then is still writing",
            level="warning",
            stream=plan.name,
        )
    return compare(cursor, "<", oldest.isoformat())


def _report_nulls(snapshot: Snapshot, plan: StreamPlan, cursor: Column, context: Context) -> None:
    if cursor.not_null:
        return
    is_null = f"{quote(cursor.name)} IS NULL"
    (rows,) = snapshot.row(plan.select(is_null, expressions="count(*)"))
    if not rows:
        return
    text = f"{plan.name}: {rows} rows have no value in the cursor {cursor.name!r}"
    if plan.options.null_cursors is NullCursors.ERROR:
        raise DataFormatError(
            text,
            fix="Fill the column, or choose another cursor, or read the stream in full mode.",
            stream=plan.name,
        )
    context.log(f"{text}; they are left out", level="warning", stream=plan.name, rows=rows)


def _cuts(
    snapshot: Snapshot, plan: StreamPlan, cursor: Column, *, first: str | None, last: str
) -> list[str]:
    """Return values that cut a long range into steps, if an index finds each step."""
    relation = plan.relation
    if relation is None or cursor.name not in relation.indexed:
        return []
    steps = (relation.estimated_rows or 0) // _ROWS_PER_STEP
    names = {"schema": relation.schema, "table": relation.name, "column": cursor.name}
    found = snapshot.query(_BOUNDS, names) if steps > 1 else []
    if not found:
        return []
    bounds = found[0][0]
    every = max(1, len(bounds) // steps)
    return [
        bound
        for bound in bounds[every:-1:every]
        if _is_between(snapshot, cursor, bound, first=first, last=last)
    ]


def _is_between(
    snapshot: Snapshot, cursor: Column, value: str, *, first: str | None, last: str
) -> bool:
    middle = literal(cursor, value)
    above = "true" if first is None else f"{literal(cursor, first)} < {middle}"
    return bool(snapshot.row(f"SELECT {above} AND {middle} < {literal(cursor, last)}")[0])
