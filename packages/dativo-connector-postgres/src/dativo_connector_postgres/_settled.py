"""How far an increment may go, so that nothing below its end can still be committed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs

from dativo.contract import Checkpoint
from dativo_connector_postgres._activity import Activity
from dativo_connector_postgres._ends import highest
from dativo_connector_postgres._lag import lag_of
from dativo_connector_postgres._plan import StreamPlan
from dativo_connector_postgres._position import Position
from dativo_connector_postgres._ranges import base_of, compare, is_of_time, literal
from dativo_connector_postgres._relations import Column
from dativo_connector_postgres._snapshot import Snapshot
from dativo_connector_postgres._writers import blocks, family_of, starts_of, touches

__all__ = ["Limit", "Pending", "Settlement", "pending_of", "settle"]

_AHEAD_OF_UTC = timedelta(days=1)
"""A clock of a zone that the column does not tell is less than that ahead of the server's."""

_MOST_NAMES = 700
"""Transactions that one observation may name; a checkpoint has room for two observations."""


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
    # A standby does not show which transactions of its primary have ended.
    seen = [one for one in seen if not (activity.is_standby and one.names)]
    family = family_of(snapshot, plan)
    limits = [*_by_job(plan, cursor, activity, top), *_by_clock(cursor, activity)]
    if base_of(cursor).name == "timestamptz":
        starts = starts_of(plan, activity, family)
        if starts is not None:
            limits += [_by_start(plan, cursor, start) for start in starts[:1]]
            return Settlement(limits=tuple(limits))
    now = _observed(snapshot, plan, activity, family, top=top)
    if now is None:
        return Settlement(limits=tuple(limits))
    just_now = _just_now(snapshot, plan, family, rest)
    seen = seen if just_now is None else [*seen, just_now]
    found = _by_observations(plan, activity, family, position=position, seen=seen, now=now)
    return attrs.evolve(found, limits=(*limits, *found.limits))


def _by_job(plan: StreamPlan, cursor: Column, activity: Activity, top: str) -> Iterator[Limit]:
    lag = lag_of(plan.options.lag, cursor)
    if isinstance(lag, timedelta):
        yield Limit(compare(cursor, "<", _moment(cursor, activity.at - lag)))
    elif lag is not None:
        yield Limit(compare(cursor, "<=", _below(cursor, top, lag)))


def _moment(cursor: Column, moment: datetime) -> str:
    forms = {"date": "%Y-%m-%d", "timestamp": "%Y-%m-%d %H:%M:%S.%f"}
    return moment.strftime(forms.get(base_of(cursor).name, "%Y-%m-%d %H:%M:%S.%f+00"))


def _below(cursor: Column, value: str, distance: int) -> str:
    end = Decimal(value) - distance
    lowest = {"int2": -(2**15), "int4": -(2**31), "int8": -(2**63)}.get(base_of(cursor).name)
    return str(end if lowest is None else max(end, Decimal(lowest)))


def _by_clock(cursor: Column, activity: Activity) -> Iterator[Limit]:
    """Once a row of the future is read, nothing before it would be found any more."""
    if base_of(cursor).name == "timestamptz":
        now = activity.at.isoformat()
        yield Limit(compare(cursor, "<", now), f"since {now}", "that is after the run began")
    elif is_of_time(cursor):
        latest = _moment(cursor, activity.at + _AHEAD_OF_UTC)
        why = "that is more than a day after the run began"
        yield Limit(compare(cursor, "<=", latest), f"after {latest}", why)


def _by_start(plan: StreamPlan, cursor: Column, start: datetime) -> Limit:
    lag = lag_of(plan.options.lag, cursor)
    then = _moment(cursor, start - lag if isinstance(lag, timedelta) else start)
    why = f"a transaction is still open that began at {start.isoformat()}"
    return Limit(compare(cursor, "<", then), f"since {then}", why)


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
    is_hidden = any(one.is_prepared and touches(one, family) for one in activity.after)
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


def _just_now(
    snapshot: Snapshot, plan: StreamPlan, family: frozenset[int] | None, rest: str | None
) -> Pending | None:
    """Return what the earlier of the two snapshots shows, if that is settled in the later one."""
    activity = snapshot.earlier.activity
    top = highest(snapshot.row_earlier, plan, rest)
    if top is None:
        return None
    seen = _observed(snapshot, plan, activity, family, top=top)
    if seen is None:
        end = _end(snapshot, plan, activity, top)
        return Pending(value=end, at=activity.at.isoformat())
    return seen if seen.is_settled(snapshot.activity) else None


def _observed(
    snapshot: Snapshot,
    plan: StreamPlan,
    activity: Activity,
    family: frozenset[int] | None,
    *,
    top: str,
) -> Pending | None:
    """Return what has to end before all up to *top* is settled, or ``None`` if it is now."""
    seen = Pending(value=_end(snapshot, plan, activity, top), at=activity.at.isoformat())
    if activity.is_standby:
        is_quiet = activity.oldest == activity.next
        return None if is_quiet else attrs.evolve(seen, next=activity.next)
    blocking = [one for one in activity.after if blocks(one, plan, family)]
    if not blocking and activity.is_exact:
        return None
    names = sorted({name for one in blocking for name in one.names})
    return attrs.evolve(seen, names=tuple(names))


def _end(snapshot: Snapshot, plan: StreamPlan, activity: Activity, top: str) -> str:
    """Return how far those who begin after an observation leave the values alone."""
    cursor = plan.cursor
    assert cursor is not None
    lag = lag_of(plan.options.lag, cursor)
    if isinstance(lag, int):
        return _below(cursor, top, lag)
    if not is_of_time(cursor):
        return top
    ahead = timedelta() if base_of(cursor).name == "timestamptz" else _AHEAD_OF_UTC
    latest = _moment(cursor, activity.at + ahead if lag is None else activity.at - lag)
    given = f"{literal(cursor, top)}, {literal(cursor, latest)}"
    ((least,),) = snapshot.query(f"SELECT least({given})::text")
    return str(least)
