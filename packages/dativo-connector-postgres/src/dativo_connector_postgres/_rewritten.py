"""Tables that look empty in a snapshot because they were emptied or rewritten after it was taken.

TRUNCATE, and ALTER TABLE where it rewrites the table, exchange its file at once for everybody, and
older snapshots see nothing in the new one. A transaction that has read a table keeps others from
doing so, which is why it is enough to look afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable

from dativo.errors import ServiceUnavailableError
from dativo_connector_postgres._errors import SNAPSHOT_LOST
from dativo_connector_postgres._plan import StreamPlan

__all__ = ["refuse_rewritten", "rewritten"]

# The catalog is read in the snapshot; the function says what is so now.
_EXCHANGED = "c.relfilenode <> 0 AND c.relfilenode <> pg_relation_filenode(c.oid)"

_OF_ALL = (
    "SELECT DISTINCT c.oid::regclass::text AS name FROM pg_locks l "  # noqa: S608
    "JOIN pg_class c ON c.oid = l.relation "
    "WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND c.relkind IN ('r', 'm') "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    f"AND {_EXCHANGED}"
)

_OF_ONE = (
    "SELECT c.oid::regclass::text AS name FROM pg_class c "  # noqa: S608
    f"WHERE c.oid = {{}} AND {_EXCHANGED}"
)


def rewritten(plan: StreamPlan) -> str:
    """Return the query for the names of such tables among those that *plan* reads.

    The list of locks tells which these are, but the server makes it of the locks of everybody:
    where a table is known to be all that is read, only that one is looked at.
    """
    relation = plan.relation
    if relation is None or not relation.is_alone or plan.where is not None:
        return _OF_ALL
    return _OF_ONE.format(relation.oid)


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
