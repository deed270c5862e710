"""What the catalogs of Postgres say of tables, views, columns and types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from dativo_connector_postgres._types import TypeInfo

__all__ = ["KINDS", "RELATIONS", "Column", "Query", "Relation", "Types", "relation_of"]

Query = Callable[[str, Mapping[str, object]], Iterable[Sequence[Any]]]

KINDS: Mapping[str, str] = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
}

_COLUMNS = """
SELECT json_agg(json_build_array(
    a.attname, a.atttypid::int8, a.atttypmod, format_type(a.atttypid, a.atttypmod),
    a.attnotnull AND c.relkind <> 'f' AND NOT EXISTS (
        SELECT FROM pg_constraint k
        WHERE k.conrelid = c.oid AND k.contype = 'n' AND NOT k.convalidated
            AND k.conkey[1] = a.attnum),
    col_description(c.oid, a.attnum),
    c.readable OR has_column_privilege(c.oid, a.attnum, 'SELECT')
) ORDER BY a.attnum)
FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
"""

_KEY = """
SELECT json_agg(a.attname ORDER BY k.position)
FROM pg_index i
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, position)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = c.oid AND i.indisprimary AND k.position <= i.indnkeyatts
"""

_INDEXED = """
SELECT json_agg(DISTINCT a.attname)
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL
"""

_ROWS = """
CASE WHEN c.relkind = 'p' THEN (
    SELECT sum(greatest(l.reltuples, 0))::float8 FROM pg_partition_tree(c.oid) p
    JOIN pg_class l ON l.oid = p.relid
    WHERE p.isleaf HAVING max(l.reltuples) >= 0)
WHEN c.relkind IN ('r', 'm') AND c.reltuples >= 0 THEN c.reltuples::float8 END
"""

RELATIONS = f"""
SELECT c.oid::int8, c.nspname, c.relname, c.relkind::text, c.amname, c.usable, c.readable,
    obj_description(c.oid, 'pg_class'), {_ROWS}, ({_COLUMNS}), ({_KEY}), ({_INDEXED})
FROM (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltuples, m.amname,
        has_schema_privilege(n.oid, 'USAGE') AS usable,
        has_table_privilege(c.oid, 'SELECT') AS readable
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_am m ON m.oid = c.relam
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND (FILTER)
    ORDER BY n.nspname, c.relname OFFSET 0
) c
"""  # noqa: S608 - the parts are constants of this module

_TYPES = """
WITH RECURSIVE need(oid) AS (
    SELECT unnest(%(oids)s::oid[])
    UNION
    SELECT part.oid FROM need JOIN pg_type t ON t.oid = need.oid
    CROSS JOIN LATERAL (VALUES (t.typbasetype), (t.typelem)) AS part(oid)
    WHERE part.oid <> 0
)
SELECT t.oid::int8, t.typname, n.nspname = 'pg_catalog', t.typtype::text, format_type(t.oid, -1),
    (SELECT e.oid::int8 FROM pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid),
    nullif(t.typbasetype, 0)::int8, t.typtypmod, t.typdelim::text,
    (SELECT json_agg(l.enumlabel ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid)
FROM need JOIN pg_type t ON t.oid = need.oid JOIN pg_namespace n ON n.oid = t.typnamespace
"""


@attrs.frozen(kw_only=True)
class Column:
    """One column of a relation or of a query's result."""

    name: str
    type: TypeInfo
    typmod: int
    type_text: str
    not_null: bool = False
    comment: str = ""
    is_readable: bool = True


@attrs.frozen(kw_only=True)
class Relation:
    """A table, a view or what else has columns."""

    oid: int
    schema: str
    name: str
    kind: str
    access_method: str
    is_schema_usable: bool
    is_readable: bool
    comment: str
    estimated_rows: int | None
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    indexed: frozenset[str]
    """The columns that an index begins with."""
    is_alone: bool = False
    """Whether it was asked, and is so, that to read it is to read nothing else."""
    pages: int | None = None
    """How many pages it has, if it is alone."""


class Types:
    """The types seen so far, loaded as they are needed."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._known: dict[int, TypeInfo] = {}

    def get(self, oids: Iterable[int]) -> Mapping[int, TypeInfo]:
        """Return at least the types *oids*."""
        missing = sorted(set(oids) - self._known.keys())
        if missing:
            rows = {row[0]: row for row in self._query(_TYPES, {"oids": missing})}
            for oid in missing:
                self._add(oid, rows)
        return self._known

    def _add(self, oid: int, rows: Mapping[int, Sequence[Any]]) -> TypeInfo:
        known = self._known.get(oid)
        if known is not None:
            return known
        _, name, system, kind, sql, element, base, base_typmod, delimiter, labels = rows[oid]
        info = TypeInfo(
            oid=oid,
            name=name,
            system=system,
            kind=kind,
            sql=sql,
            delimiter=delimiter,
            labels=tuple(labels or ()),
            element=None if element is None else self._add(element, rows),
            base=None if base is None else self._add(base, rows),
            base_typmod=base_typmod,
        )
        self._known[oid] = info
        return info


def relation_of(row: Sequence[Any], types: Types) -> Relation:
    """Make a relation of one row of :data:`RELATIONS`."""
    oid, schema, name, kind, method, usable, readable, comment, rows, columns, key, indexed = row
    known = types.get(column[1] for column in columns or ())
    return Relation(
        oid=oid,
        schema=schema,
        name=name,
        kind=kind,
        access_method=method or "",
        is_schema_usable=usable,
        is_readable=readable,
        comment=comment or "",
        estimated_rows=None if rows is None else round(rows),
        columns=tuple(_column(column, known) for column in columns or ()),
        primary_key=tuple(key or ()),
        indexed=frozenset(indexed or ()),
    )


def _column(column: Sequence[Any], known: Mapping[int, TypeInfo]) -> Column:
    name, oid, typmod, type_text, not_null, comment, readable = column
    return Column(
        name=name,
        type=known[oid],
        typmod=typmod,
        type_text=type_text,
        not_null=not_null,
        comment=comment or "",
        is_readable=readable,
    )
