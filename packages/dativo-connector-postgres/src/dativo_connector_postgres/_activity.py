"""Who may still commit rows that the snapshot of a run does not show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs

from dativo_connector_postgres._client import Connection

__all__ = ["Activity", "Transaction", "begin_observed"]

_MOST_TRIES = 20

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

_SNAPSHOT = "SELECT txid_current_snapshot()::text"

# A reader of READ COMMITTED may export a snapshot too, and still sees what happens after it.
_BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; "
    "SELECT txid_current_snapshot()::text, pg_export_snapshot(); "
    f"{_TRANSACTIONS}; {_SNAPSHOT}"
)


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


def begin_observed(connection: Connection, at: datetime) -> tuple[str, Activity]:
    """Begin a transaction that exports a snapshot; return its name and what was open around it.

    Transactions that end in the short time between a snapshot and the look at who is open would
    not be seen, so another snapshot is taken then, up to a number of tries.
    """
    is_standby = bool(_rows(connection, "SELECT pg_is_in_recovery()")[0][0])
    tries = 0
    while True:
        tries += 1
        before = _transactions(_rows(connection, _TRANSACTIONS))
        _, ((snapshot, identifier),), after, ((later,),) = _results(connection, _BEGIN)
        if snapshot == later or tries == _MOST_TRIES:
            break
        connection.execute("ROLLBACK")
    oldest, next_, _ = snapshot.split(":")
    return identifier, Activity(
        at=at,
        before=before,
        after=_transactions(after),
        is_exact=snapshot == later,
        is_standby=is_standby,
        oldest=int(oldest),
        next=int(next_),
    )


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


def _rows(connection: Connection, sql: str) -> list[Any]:
    return connection.execute(sql.encode()).fetchall()


def _results(connection: Connection, sql: str) -> list[list[Any]]:
    """Return the rows of each of the statements of *sql*, sent at once."""
    cursor = connection.execute(sql.encode())
    found = [cursor.fetchall() if cursor.description else []]
    while cursor.nextset():
        found.append(cursor.fetchall() if cursor.description else [])
    return found
