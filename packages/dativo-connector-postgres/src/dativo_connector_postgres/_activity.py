"""Who may still commit rows that the snapshot of a run does not show."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs

from dativo_connector_postgres._client import Connection

__all__ = ["Activity", "Moment", "Transaction", "take_moments"]

_POLL_SECONDS = 0.02

# Sessions of the same role under the same name are taken for our own, which only read. Those
# without a role are workers of the server, such as autovacuum.
_TRANSACTIONS = """
SELECT l.virtualtransaction, l.xids, l.relations, a.xact_start, l.pid IS NULL
FROM (
    SELECT virtualtransaction, pid,
        array_agg(DISTINCT transactionid::text) FILTER (
            WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted) AS xids,
        array_agg(DISTINCT relation::int8) FILTER (
            WHERE locktype = 'relation' AND database = d.oid AND mode IN (
                'RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                'AccessExclusiveLock')) AS relations
    FROM pg_locks, (SELECT oid FROM pg_database WHERE datname = current_database()) d
    GROUP BY virtualtransaction, pid
) l
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE CASE WHEN l.pid IS NULL THEN l.relations IS NOT NULL
    ELSE a.datname = current_database() AND a.usesysid IS NOT NULL AND l.pid <> pg_backend_pid()
        AND (a.usename, a.application_name)
            IS DISTINCT FROM (current_user, current_setting('application_name')) END
"""

# Within a transaction the server answers from what it saw first.
_LOOK = f"SELECT pg_stat_clear_snapshot(); {_TRANSACTIONS}"

_CLOCK = "SELECT clock_timestamp()"

# A session shows its transaction a moment after it has read the clock for it.
_WAIT = "SELECT pg_sleep(0.005)"

_NOW = "SELECT txid_current_snapshot()::text"

_EXPORT = f"{_NOW.replace('::text', '::text, pg_export_snapshot()')}; {_LOOK}; {_NOW}"


@attrs.frozen(kw_only=True)
class Transaction:
    """One that is open.

    Attributes:
        names: Its virtual transaction, and its ids once it has written anything.
        relations: What it holds locks on that writers take, by oid.
        started: When it began; ``None`` if the role may not see it.
        is_prepared: It waits for COMMIT PREPARED and writes no more.
    """

    names: frozenset[str]
    relations: frozenset[int] = frozenset()
    started: datetime | None = None
    is_prepared: bool = False

    @property
    def has_written(self) -> bool:
        """Whether it has written to any table, or is about to."""
        return len(self.names) > 1 or bool(self.relations)


@attrs.frozen(kw_only=True)
class Activity:
    """What was open around the moment of a snapshot.

    Attributes:
        at: A moment shortly before; whatever was open at the snapshot is among ``before``, or
            began later than this.
        before: Open between ``at`` and the snapshot.
        after: Open right after the snapshot.
        is_exact: No transaction that wrote has ended between the snapshot and ``after``.
        is_standby: The server replays another one's changes, whose transactions do not show.
        oldest: All transactions with a lower id had ended at the snapshot.
        next: No transaction with this id or a higher one had ended at the snapshot.
    """

    at: datetime
    before: tuple[Transaction, ...] = ()
    after: tuple[Transaction, ...] = ()
    is_exact: bool = True
    is_standby: bool = False
    oldest: int = 0
    next: int = 0

    def is_open(self, names: Sequence[str]) -> bool:
        """Say whether one of the transactions *names* may have been open at the snapshot."""
        known = frozenset(names)
        return any(known & one.names for one in (*self.before, *self.after))


@attrs.frozen
class Moment:
    """An exported snapshot, and who was at work then."""

    identifier: str
    activity: Activity


def take_moments(connection: Connection, settle_seconds: float) -> tuple[Moment, Moment]:
    """Begin a transaction that exports two snapshots, and return them, the earlier one first.

    Between them transactions that write get some time to end. What the earlier one shows is then
    known to be complete in the later one, however busy the server is.
    """
    # READ COMMITTED sees what happens after a snapshot that it has exported.
    connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY")
    earlier = _moment(connection)
    deadline = time.monotonic() + settle_seconds
    while _is_writing(connection, earlier.activity) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return earlier, _moment(connection)


def _moment(connection: Connection) -> Moment:
    ((at, is_standby),), _, _, before = _results(
        connection, f"{_CLOCK}, pg_is_in_recovery(); {_WAIT}; {_LOOK}"
    )
    ((snapshot, identifier),), _, after, ((later,),) = _results(connection, _EXPORT)
    oldest, next_, _ = snapshot.split(":")
    activity = Activity(
        at=at,
        before=_transactions(before),
        after=_transactions(after),
        is_exact=snapshot == later,
        is_standby=is_standby,
        oldest=int(oldest),
        next=int(next_),
    )
    return Moment(identifier, activity)


def _is_writing(connection: Connection, activity: Activity) -> bool:
    writers = [one for one in activity.after if one.has_written and not one.is_prepared]
    if not writers:
        return False
    _, rows = _results(connection, _LOOK)
    known = {name for one in _transactions(rows) for name in one.names}
    return any(one.names & known for one in writers)


def _transactions(rows: Sequence[Sequence[Any]]) -> tuple[Transaction, ...]:
    return tuple(
        Transaction(
            names=frozenset([virtual, *(xids or ())]),
            relations=frozenset(relations or ()),
            started=started,
            is_prepared=is_prepared,
        )
        for virtual, xids, relations, started, is_prepared in rows
    )


def _results(connection: Connection, sql: str) -> list[list[Any]]:
    """Return the rows of each of the statements of *sql*, sent at once."""
    cursor = connection.execute(sql.encode())
    found = [cursor.fetchall() if cursor.description else []]
    while cursor.nextset():
        found.append(cursor.fetchall() if cursor.description else [])
    return found
