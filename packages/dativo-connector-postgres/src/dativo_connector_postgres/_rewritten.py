"""Tables that look empty in a snapshot because they were emptied or rewritten after it was taken.

TRUNCATE, and ALTER TABLE where it rewrites the table, exchange its file at once for everybody, and
older snapshots see nothing in the new one. A transaction that has read a table keeps others from
doing so, which is why it is enough to look afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable

from dativo.errors import ServiceUnavailableError
from dativo_connector_postgres._errors import SNAPSHOT_LOST

__all__ = ["REWRITTEN", "refuse_rewritten"]

# The catalog is read in the snapshot; the function says what is so now.
REWRITTEN = (
    "SELECT DISTINCT c.oid::regclass::text AS name FROM pg_locks l "
    "JOIN pg_class c ON c.oid = l.relation "
    "WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND c.relkind IN ('r', 'm') "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND c.relfilenode <> 0 AND c.relfilenode <> pg_relation_filenode(c.oid)"
)
"""Returns the names of such tables among those that the present transaction has used."""


def refuse_rewritten(names: Iterable[str]) -> None:
    """Stop if there are any *names*, so that the next try takes a new snapshot.

    Raises:
        ServiceUnavailableError: There are.
    """
    found = ", ".join(sorted(names))
    if found:
        raise ServiceUnavailableError(
            f"{SNAPSHOT_LOST}: {found} was emptied or rewritten after it was taken"
        )
