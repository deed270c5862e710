"""What the catalogs say of the tables of a run, asked for many streams at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from dativo.contract import StreamRequest
from dativo.errors import SchemaValidationError
from dativo_connector_postgres._client import Connection
from dativo_connector_postgres._names import RelationName
from dativo_connector_postgres._relations import RELATIONS, Relation, Types, relation_of

__all__ = ["Lookup", "locked"]

_STREAMS_PER_QUERY = 200
"""Enough to make the queries cheap, and few enough to keep what they return for."""

# to_regclass() refuses what lies in a schema that may not be used.
_OIDS = """
SELECT name, CASE WHEN schema IS NULL OR EXISTS (
    SELECT FROM pg_namespace n WHERE n.nspname = schema AND has_schema_privilege(n.oid, 'USAGE')
) THEN to_regclass(name)::oid::int8 END
FROM unnest(%(names)s::text[], %(schemas)s::text[]) AS wanted(name, schema)
"""

_RELATIONS = RELATIONS.replace("FILTER", "c.oid = ANY(%(oids)s::oid[])")

# Without looking at the tables themselves: one that somebody has locked must not stop the others.
_ALONE = (
    "SELECT oid::int8 FROM pg_class WHERE oid = ANY(%(oids)s::oid[]) "
    "AND relkind IN ('r', 'm') AND NOT relhassubclass AND NOT relrowsecurity"
)

# A session hears of what others did to a table when it locks it, and nobody can do any more then.
_LOCKED = (
    "SELECT to_regclass(%(name)s)::oid::int8, CASE WHEN %(alone)s THEN "
    "coalesce(pg_relation_size(%(oid)s::oid), 0) / current_setting('block_size')::int END "
    "WHERE NOT EXISTS (SELECT FROM {} LIMIT 0)"
)


class Lookup:
    """Finds relations by the names of streams, in one snapshot; safe to use from several threads.

    When one is missing the catalogs are asked for it and those that come after it in the run, and
    each is handed out once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[str, Relation] = {}

    def take(
        self, connection: Connection, request: StreamRequest, upcoming: Iterable[StreamRequest]
    ) -> Relation | None:
        """Return the relation of *request*; ``None`` if it is not found among several at once.

        Args:
            connection: In the snapshot.
            request: What the job says about the stream.
            upcoming: The streams of the run, in their order.

        Raises:
            psycopg.Error: The server refuses.
        """
        if request.query is not None:
            return None
        stream = request.stream
        with self._lock:
            if stream not in self._found:
                self._ask(connection, _names(stream, upcoming))
            return self._found.pop(stream, None)

    def _ask(self, connection: Connection, names: Mapping[str, RelationName]) -> None:
        def query(sql: str, parameters: object) -> list[tuple[Any, ...]]:
            return connection.execute(sql, parameters).fetchall()  # type: ignore[call-overload, no-any-return]

        if len(names) < 2:  # noqa: PLR2004 - of a single one a query for one tells more
            return
        given = {
            "names": [name.sql for name in names.values()],
            "schemas": [name.schema for name in names.values()],
        }
        oids = {name: oid for name, oid in query(_OIDS, given) if oid is not None}
        wanted = {"oids": list(oids.values())}
        types = Types(query)
        rows: Sequence[Sequence[Any]] = query(_RELATIONS, wanted)
        # All types at once: the relations then find them known.
        types.get(column[1] for row in rows for column in row[-3] or ())
        alone = {oid for (oid,) in query(_ALONE, wanted)}
        relations = {row[0]: relation_of(row, types) for row in rows}
        for stream, name in names.items():
            relation = relations.get(oids.get(name.sql, 0))
            if relation is not None:
                is_alone = relation.oid in alone
                self._found[stream] = attrs.evolve(relation, is_alone=is_alone)


def locked(connection: Connection, relation: Relation) -> Relation | None:
    """Lock *relation* in the snapshot and return it with its size, if it still has its name.

    A table that has taken its name since would look empty in the snapshot.

    Raises:
        psycopg.Error: Nothing has the name any more, or it may not be read.
    """
    name = RelationName(relation.schema, relation.name).sql
    given = {"name": name, "oid": relation.oid, "alone": relation.is_alone}
    row: Any = connection.execute(_LOCKED.format(_escaped(name)).encode(), given).fetchone()
    oid, pages = row
    return attrs.evolve(relation, pages=pages) if oid == relation.oid else None


def _escaped(name: str) -> str:
    return name.replace("%", "%%")  # beside placeholders


def _names(stream: str, upcoming: Iterable[StreamRequest]) -> dict[str, RelationName]:
    """Return *stream* and those after it that are tables or views, with their names."""
    names: dict[str, RelationName] = {}
    for request in upcoming:
        if names or request.stream == stream:
            if request.query is None:
                try:
                    names[request.stream] = RelationName.parse(request.stream)
                except SchemaValidationError:
                    continue  # it gets its own error when its turn comes
            if len(names) == _STREAMS_PER_QUERY:
                break
    return names
