"""Long ranges of a cursor are read in steps, each with a checkpoint of its own."""

from __future__ import annotations

import attrs

from dativo_connector_postgres._plan import StreamPlan
from dativo_connector_postgres._ranges import literal
from dativo_connector_postgres._relations import Column
from dativo_connector_postgres._snapshot import Snapshot

__all__ = ["Share", "shares_of"]

_ROWS_PER_STEP = 5_000_000

_BOUNDS = (
    "SELECT histogram_bounds::text::text[] FROM pg_stats "
    "WHERE schemaname = %(schema)s AND tablename = %(table)s AND attname = %(column)s "
    "AND histogram_bounds IS NOT NULL AND NOT inherited"
)


@attrs.frozen
class Share:
    """What one reader reads of a step: up to a value of the cursor, without it."""

    end: str
    is_last: bool
    """Whether a checkpoint follows."""


def shares_of(
    snapshot: Snapshot, plan: StreamPlan, parallelism: int, *, first: str | None, last: str
) -> list[Share]:
    """Cut a range into steps, and each into shares that are read at once.

    Only where an index finds each share; what comes after the last share is left to the caller.
    """
    cursor, relation = plan.cursor, plan.relation
    assert cursor is not None
    if relation is None or cursor.name not in relation.indexed:
        return []
    steps = (relation.estimated_rows or 0) // _ROWS_PER_STEP
    names = {"schema": relation.schema, "table": relation.name, "column": cursor.name}
    found = snapshot.query(_BOUNDS, names) if steps > 1 else []
    if not found:
        return []
    bounds = found[0][0]
    every = max(1, len(bounds) // (steps * parallelism))
    ends = [
        bound
        for bound in bounds[every:-1:every]
        if _is_between(snapshot, cursor, bound, first=first, last=last)
    ]
    width = max(1, len(bounds) // every // steps)
    return [Share(end, is_last=number % width == 0) for number, end in enumerate(ends, start=1)]


def _is_between(
    snapshot: Snapshot, cursor: Column, value: str, *, first: str | None, last: str
) -> bool:
    middle = literal(cursor, value)
    above = "true" if first is None else f"{literal(cursor, first)} < {middle}"
    ((holds,),) = snapshot.query(f"SELECT {above} AND {middle} < {literal(cursor, last)}")
    return bool(holds)
