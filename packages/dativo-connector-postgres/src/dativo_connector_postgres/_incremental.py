"""Incremental reads: what is new since a checkpoint, up to a bound of the same snapshot."""

from __future__ import annotations

from collections.abc import Iterator

from dativo.contract import Batch, Checkpoint, Context
from dativo.errors import DataFormatError
from dativo_connector_postgres._config import NullCursors
from dativo_connector_postgres._ends import highest
from dativo_connector_postgres._history import require_history
from dativo_connector_postgres._names import quote
from dativo_connector_postgres._parts import parts_of
from dativo_connector_postgres._plan import StreamPlan
from dativo_connector_postgres._position import Position, checkpoint_of, says_the_same
from dativo_connector_postgres._ranges import compare, literal
from dativo_connector_postgres._read import batch_of
from dativo_connector_postgres._relations import Column
from dativo_connector_postgres._settled import Limit, Settlement, pending_of, settle
from dativo_connector_postgres._snapshot import Snapshot
from dativo_connector_postgres._steps import shares_of

__all__ = ["binding", "read_new", "start_of"]


def read_new(
    snapshot: Snapshot, plan: StreamPlan, state: Checkpoint | None, context: Context
) -> Iterator[Batch]:
    """Yield the rows after *state*, with a checkpoint behind the last."""
    cursor = plan.cursor
    assert cursor is not None
    start = start_of(snapshot, plan, state, context)
    _report_nulls(snapshot, plan, cursor, context)
    rest = None if start is None else start.rest(snapshot, plan, context)
    top = highest(snapshot.row, plan, rest)
    if top is None:
        yield Batch(plan.schema.empty_table(), state, rows=0)
        return
    settlement = settle(snapshot, plan, start, top=top, rest=rest, seen=pending_of(state))
    limits = binding(snapshot, cursor, settlement, top)
    for limit in limits:
        _report(snapshot, plan, limit, context, rest=rest)
    last = highest(snapshot.row, plan, rest, *(limit.sql for limit in limits))
    pending = [one.to_json() for one in settlement.pending]
    until = snapshot.until
    if last is None:
        end = checkpoint_of(plan, start, pending, until=until)
        is_old = state is not None and says_the_same(end, state)
        yield Batch(plan.schema.empty_table(), state if is_old else end, rows=0)
        return
    first = None if start is None else start.value
    for share in shares_of(snapshot, plan, context.parallelism, first=first, last=last):
        reached = Position.before(share.end)
        checkpoint = checkpoint_of(plan, reached, pending, until=until) if share.is_last else None
        below = compare(cursor, "<", share.end)
        yield batch_of(snapshot, plan, context, rest, below, checkpoint=checkpoint)
        rest = compare(cursor, ">=", share.end)
    *parts, final = parts_of(snapshot, plan, context.parallelism) if rest is None else [None]
    to_last = compare(cursor, "<=", last)
    for pages in parts:
        yield batch_of(snapshot, plan, context, to_last, pages)
    end = checkpoint_of(plan, Position.through(last, snapshot, plan), pending, until=until)
    yield batch_of(snapshot, plan, context, rest, to_last, final, checkpoint=end)


def start_of(
    snapshot: Snapshot, plan: StreamPlan, state: Checkpoint | None, context: Context
) -> Position | None:
    """Return how far the rows are delivered, and see that the server has them.

    Raises:
        StateError: The checkpoint is not of this stream, or the server was set back.
        ServiceUnavailableError: The server is a standby that has not come as far yet.
    """
    if state is None:
        return None
    position = Position.of_state(state, plan)
    require_history(snapshot.since, state, stream=plan.name, context=context)
    return position


def binding(snapshot: Snapshot, cursor: Column, settlement: Settlement, top: str) -> list[Limit]:
    """Return the limits that keep rows back: those that the highest value does not meet."""
    if not settlement.limits:
        return []
    wanted = ", ".join(f"({limit.sql})" for limit in settlement.limits)
    (row,) = snapshot.query(
        f"SELECT {wanted} FROM (SELECT {literal(cursor, top)} AS {quote(cursor.name)}) AS t"  # noqa: S608
    )
    return [limit for limit, holds in zip(settlement.limits, row, strict=True) if not holds]


def _report(
    snapshot: Snapshot, plan: StreamPlan, limit: Limit, context: Context, *, rest: str | None
) -> None:
    if not limit.reason:
        return
    beyond = f"({limit.sql}) IS FALSE"
    (rows,) = snapshot.row(plan.select(rest, beyond, expressions="count(*)"), plan)
    context.log(
        f"{plan.name}: {rows} rows {limit.beyond} wait for the next run, because {limit.reason}",
        level="warning",
        stream=plan.name,
        rows=rows,
    )


def _report_nulls(snapshot: Snapshot, plan: StreamPlan, cursor: Column, context: Context) -> None:
    if cursor.not_null:
        return
    is_null = f"{quote(cursor.name)} IS NULL"
    (rows,) = snapshot.row(plan.select(is_null, expressions="count(*)"), plan)
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
