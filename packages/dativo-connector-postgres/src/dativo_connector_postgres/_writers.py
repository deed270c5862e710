"""Which open transactions may still commit rows of a stream."""

from __future__ import annotations

from datetime import datetime

from dativo_connector_postgres._activity import Activity, Transaction
from dativo_connector_postgres._config import WaitFor
from dativo_connector_postgres._plan import StreamPlan
from dativo_connector_postgres._ranges import is_of_time
from dativo_connector_postgres._snapshot import Snapshot

__all__ = ["blocks", "family_of", "starts_of", "touches", "waits_for_all"]

# A writer that names a parent holds no lock on the leaf yet, and one that names a leaf holds none
# on the parent.
_FAMILY = """
WITH RECURSIVE below(oid) AS (
    SELECT %(oid)s::oid
    UNION SELECT i.inhrelid FROM below JOIN pg_inherits i ON i.inhparent = below.oid
), above(oid) AS (
    SELECT %(oid)s::oid
    UNION SELECT i.inhparent FROM above JOIN pg_inherits i ON i.inhrelid = above.oid
)
SELECT oid::int8 FROM below UNION SELECT oid::int8 FROM above
"""


def waits_for_all(plan: StreamPlan) -> bool:
    """Say whether a transaction counts that has not written anything yet."""
    assert plan.cursor is not None
    if plan.options.wait_for is WaitFor.AUTO:
        return is_of_time(plan.cursor)
    return plan.options.wait_for is WaitFor.TRANSACTIONS


def family_of(snapshot: Snapshot, plan: StreamPlan) -> frozenset[int] | None:
    """Return the tables whose writers write this stream; ``None`` if that cannot be told."""
    relation, activity = plan.relation, snapshot.activity
    if relation is None or not plan.is_table:
        return None
    looks = (snapshot.earlier.activity.after, activity.before, activity.after)
    if not any(one.relations for look in looks for one in look):
        return frozenset()
    return frozenset(oid for (oid,) in snapshot.query(_FAMILY, {"oid": relation.oid}))


def blocks(one: Transaction, plan: StreamPlan, family: frozenset[int] | None) -> bool:
    """Say whether the rows of *plan* are not settled before *one* has ended."""
    if waits_for_all(plan) and not one.is_prepared:
        return True
    return touches(one, family)


def starts_of(
    plan: StreamPlan, activity: Activity, family: frozenset[int] | None
) -> list[datetime] | None:
    """Return when the open transactions began, in order; ``None`` if one does not show it."""
    if activity.is_standby:
        return None
    waiting = [one for one in activity.before if _may_have_old_times(one, plan, activity, family)]
    starts = [one.started for one in waiting if one.started is not None]
    return sorted(starts) if len(starts) == len(waiting) else None


def touches(one: Transaction, family: frozenset[int] | None) -> bool:
    """Say whether *one* writes to one of the tables *family*."""
    return one.has_written if family is None else bool(one.relations & family)


def _may_have_old_times(
    one: Transaction, plan: StreamPlan, activity: Activity, family: frozenset[int] | None
) -> bool:
    if one.is_prepared:
        return touches(one, family)
    if waits_for_all(plan) or one.has_written:
        return True
    still = [other for other in activity.after if other.names & one.names]
    return not still or still[0].has_written
