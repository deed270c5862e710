"""How far an increment may go, so that nothing below its end can still be committed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs

from dativo.contract import Checkpoint
from dativo_connector_postgres._activity import Activity, Transaction
from dativo_connector_postgres._config import WaitFor
from dativo_connector_postgres._ends import highest
from dativo_connector_postgres._lag import lag_of
from dativo_connector_postgres._plan import StreamPlan
from dativo_connector_postgres._position import Position
from dativo_connector_postgres._ranges import base_of, compare, is_of_time, literal
from dativo_connector_postgres._relations import Column
from dativo_connector_postgres._snapshot import Snapshot

__all__ = ["Limit", "Pending", "Settlement", "pending_of", "settle", "waits_for_all"]

_MOST_NAMES = 700
"""Transactions that one observation may name; a checkpoint has room for two observations."""

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


@attrs.frozen
class Limit:
    """A condition on the cursor, and why the rows beyond it have to wait.

    Attributes:
        sql: The condition.
        beyond: The rows that do not meet it, in words.
        reason: Why they wait; empty where the job itself wants it.
    """

    sql: str
    beyond: str = ""
    reason: str = ""


@attrs.frozen(kw_only=True)
class Pending:
    """What an earlier run saw: everything up to *value* is settled once *names* have ended.

    Attributes:
        value: The highest value of the cursor at that time.
        at: When it was seen, by the server's clock; tells observations apart.
        names: The transactions that were open and may have written rows below.
        next: On a standby in their place: the end of the ids that were in use.
    """

    value: str
    at: str
    names: tuple[str, ...] = ()
    next: int | None = None

    def is_settled(self, activity: Activity) -> bool:
        """Say whether the present snapshot shows all that they did."""
        if self.at == activity.at.isoformat() or activity.is_open(self.names):
            return False
        return self.next is None or activity.oldest >= self.next

    def to_json(self) -> dict[str, Any]:
        """Return what is stored."""
        found = attrs.asdict(self)
        return {name: value for name, value in found.items() if value not in (None, ())}


@attrs.frozen(kw_only=True)
class Settlement:
    """The limits of a read, and what the next one needs to know."""

    limits: tuple[Limit, ...] = ()
    pending: tuple[Pending, ...] = ()


def pending_of(state: Checkpoint | None) -> tuple[Pending, ...]:
    """Read the observations of a checkpoint."""
    found: Any = () if state is None else state.value.get("pending", ())
    return tuple(
        Pending(
            value=str(one["value"]),
            at=str(one["at"]),
            names=tuple(map(str, one.get("names", ()))),
            next=one.get("next"),
        )
        for one in found
    )


def settle(
    snapshot: Snapshot,
    plan: StreamPlan,
    position: Position | None,
    *,
    top: str,
    rest: str | None,
    seen: Sequence[Pending],
) -> Settlement:
    """Find the limits of a read.

    Args:
        snapshot: The run's.
        plan: The stream's.
        position: How far the rows are delivered.
        top: The highest value of the cursor among the others.
        rest: The condition for the others.
        seen: The observations of earlier runs.
    """
    cursor, activity = plan.cursor, snapshot.activity
    assert cursor is not None
    family = _family(snapshot, plan)
    limits = list(_by_job(plan, cursor, activity, top))
    if base_of(cursor).name == "timestamptz":
        limits.append(_by_clock(cursor, activity))
        starts = _starts(plan, activity, family)
        if starts is not None:
            limits += [_by_start(cursor, start) for start in starts[:1]]
            return Settlement(limits=tuple(limits))
    now = _observed(snapshot, plan, activity, family, value=top)
    if now is None:
        return Settlement(limits=tuple(limits))
    before = highest(snapshot.row_earlier, plan, rest)
    if before is not None:
        earlier = snapshot.earlier.activity
        at_once = Pending(value=before, at=earlier.at.isoformat())
        just_now = _observed(snapshot, plan, earlier, family, value=before) or at_once
        seen = [*seen, just_now] if just_now.is_settled(activity) else seen
    found = _by_observations(plan, activity, family, position=position, seen=seen, now=now)
    return attrs.evolve(found, limits=(*limits, *found.limits))


def _starts(
    plan: StreamPlan, activity: Activity, family: frozenset[int] | None
) -> list[datetime] | None:
    """Return when the open transactions began, in order; ``None`` if one does not show it."""
    if activity.is_standby:
        return None
    waiting = [one for one in activity.before if _may_have_old_times(one, plan, activity, family)]
    starts = [one.started for one in waiting if one.started is not None]
    return sorted(starts) if len(starts) == len(waiting) else None


def _by_job(plan: StreamPlan, cursor: Column, activity: Activity, top: str) -> Iterator[Limit]:
    lag = lag_of(plan.options.lag, cursor)
    if isinstance(lag, timedelta):
        latest = activity.at - lag
        form = {"date": "%Y-%m-%d", "timestamp": "%Y-%m-%d %H:%M:%S.%f"}
        value = latest.strftime(form.get(base_of(cursor).name, "%Y-%m-%d %H:%M:%S.%f+00"))
        yield Limit(compare(cursor, "<", value))
    elif lag is not None:
        end = Decimal(top) - lag
        lowest = {"int2": -(2**15), "int4": -(2**31), "int8": -(2**63)}.get(base_of(cursor).name)
        is_none = lowest is not None and end < lowest
        yield Limit("false" if is_none else compare(cursor, "<=", str(end)))


def _by_clock(cursor: Column, activity: Activity) -> Limit:
    """Once a row of the future is read, nothing before it would be found any more."""
    now = activity.at.isoformat()
    return Limit(compare(cursor, "<", now), f"since {now}", "that is after the run began")


def _by_start(cursor: Column, start: datetime) -> Limit:
    then = start.isoformat()
    why = "a transaction that began then is still open"
    return Limit(compare(cursor, "<", then), f"since {then}", why)


def _least(snapshot: Snapshot, cursor: Column, *values: str) -> str:
    given = ", ".join(literal(cursor, value) for value in values)
    return str(snapshot.row(f"SELECT least({given})::text")[0])


def _by_observations(
    plan: StreamPlan,
    activity: Activity,
    family: frozenset[int] | None,
    *,
    position: Position | None,
    seen: Sequence[Pending],
    now: Pending,
) -> Settlement:
    assert plan.cursor is not None
    # On older servers a transaction changes its name when it is prepared.
    is_hidden = any(one.is_prepared and _touches(one, family) for one in activity.after)
    settled = [one for one in seen if one.is_settled(activity) and not is_hidden][-1:]
    still = [one for one in seen if one not in settled and one.at != now.at]
    still = [one for one in still if not one.is_settled(activity)]
    reached = None if position is None else position.value
    end = settled[0].value if settled else reached
    limit = Limit(
        "false" if end is None else compare(plan.cursor, "<=", end),
        "of all values" if end is None else f"above {end}",
        "transactions are open that may still commit rows before them",
    )
    # The oldest stays until it is settled, so that some progress is certain; what is settled
    # stays for another try in the same snapshot.
    kept = [attrs.evolve(one, names=(), next=None) for one in settled]
    latest = [now] if len(now.names) <= _MOST_NAMES else still[1:2]
    return Settlement(limits=(limit,), pending=(*kept, *still[:1], *latest))


def _observed(
    snapshot: Snapshot,
    plan: StreamPlan,
    activity: Activity,
    family: frozenset[int] | None,
    *,
    value: str,
) -> Pending | None:
    """Return what has to end before all up to *value* is settled, or ``None`` if it is now."""
    assert plan.cursor is not None
    at = activity.at.isoformat()
    if base_of(plan.cursor).name == "timestamptz":
        value = _least(snapshot, plan.cursor, value, at)
    if activity.is_standby:
        is_quiet = activity.oldest == activity.next
        return None if is_quiet else Pending(value=value, at=at, next=activity.next)
    blocking = [one for one in activity.after if _blocks(one, plan, family)]
    if not blocking and activity.is_exact:
        return None
    names = sorted({name for one in blocking for name in one.names})
    return Pending(value=value, at=at, names=tuple(names))


def _blocks(one: Transaction, plan: StreamPlan, family: frozenset[int] | None) -> bool:
    if waits_for_all(plan) and not one.is_prepared:
        return True
    return _touches(one, family)


def _may_have_old_times(
    one: Transaction, plan: StreamPlan, activity: Activity, family: frozenset[int] | None
) -> bool:
    if one.is_prepared:
        return _touches(one, family)
    if waits_for_all(plan) or one.has_written:
        return True
    still = [other for other in activity.after if other.names & one.names]
    return not still or still[0].has_written


def waits_for_all(plan: StreamPlan) -> bool:
    """Say whether a transaction counts that has not written anything yet."""
    assert plan.cursor is not None
    if plan.options.wait_for is WaitFor.AUTO:
        return is_of_time(plan.cursor)
    return plan.options.wait_for is WaitFor.TRANSACTIONS


def _touches(one: Transaction, family: frozenset[int] | None) -> bool:
    return one.has_written if family is None else bool(one.relations & family)


def _family(snapshot: Snapshot, plan: StreamPlan) -> frozenset[int] | None:
    """Return the tables whose writers write this stream; ``None`` if that cannot be told."""
    relation, activity = plan.relation, snapshot.activity
    if relation is None or not plan.is_table:
        return None
    looks = (snapshot.earlier.activity.after, activity.before, activity.after)
    if not any(one.relations for look in looks for one in look):
        return frozenset()
    return frozenset(oid for (oid,) in snapshot.query(_FAMILY, {"oid": relation.oid}))
