"""The plan of one stream: which relation or query, which columns, which key, which cursor."""

from __future__ import annotations

import attrs
import pyarrow as pa

from dativo.contract import ReadMode, StreamRequest
from dativo.errors import (
    InsufficientPermissionsError,
    ResourceNotFoundError,
    SchemaValidationError,
)
from dativo_connector_postgres._client import Connection, ServerFacts
from dativo_connector_postgres._config import PostgresConfig, PostgresOptions
from dativo_connector_postgres._fields import Field, fields_of, policy_of, schema_of
from dativo_connector_postgres._names import RelationName, quote, quote_list
from dativo_connector_postgres._relations import RELATIONS, Column, Relation, Types, relation_of
from dativo_connector_postgres._types import rule_of

__all__ = ["StreamPlan", "grant_fix", "is_cursor", "plan_stream"]

_BY_NAME = RELATIONS.replace("FILTER", "c.oid = to_regclass(%(name)s)")

_TYPE_TEXTS = (
    "SELECT format_type(t.oid, t.typmod) "
    "FROM unnest(%(oids)s::oid[], %(typmods)s::int[]) WITH ORDINALITY AS t(oid, typmod, position) "
    "ORDER BY t.position"
)


@attrs.frozen(kw_only=True)
class StreamPlan:
    """How one stream is read, whatever part of it."""

    name: str
    source: str
    """What stands behind FROM."""
    relation: Relation | None
    fields: tuple[Field, ...]
    schema: pa.Schema
    primary_key: tuple[str, ...]
    cursor: Column | None
    where: str | None
    options: PostgresOptions

    @property
    def is_table(self) -> bool:
        """Whether the rows lie in this database, so that counting them is cheap."""
        return self.relation is not None and self.relation.kind in "rpm"

    def select(self, *conditions: str | None, expressions: str | None = None) -> str:
        """Return a query for the rows that meet all *conditions* and the stream's own."""
        wanted = expressions or ", ".join(field.sql for field in self.fields)
        # A line break ends a comment at the end of what the job's author wrote.
        given = [f"(\n{text}\n)" for text in (self.where, *conditions) if text]
        behind = f" WHERE {' AND '.join(given)}" if given else ""
        return f"SELECT {wanted} FROM {self.source}{behind}"  # noqa: S608 - quoted parts


def plan_stream(
    connection: Connection,
    config: PostgresConfig,
    facts: ServerFacts,
    request: StreamRequest,
    *,
    relation: Relation | None = None,
) -> StreamPlan:
    """Ask the catalogs, and compare the job with them.

    Args:
        connection: Where to ask.
        config: The job's settings.
        facts: What the server is.
        request: What the job says about the stream.
        relation: What the catalogs say, if they were asked already.

    Raises:
        DativoError: The stream does not exist, or not as the job says.
        psycopg.Error: The server refuses.
    """
    options = request.options if isinstance(request.options, PostgresOptions) else PostgresOptions()
    if request.query is None:
        relation = relation or _relation(connection, request.stream)
        source, available = RelationName(relation.schema, relation.name).sql, relation.columns
        if not available:
            text = f"{request.stream} has no columns"
            raise SchemaValidationError(text, fix="Take it out of the job.")
    else:
        source = f"(\n{request.query.strip().rstrip(';')}\n) AS query"
        available = _result_columns(connection, source)
    columns = _selected(request, available)
    if relation is not None:
        _demand_access(connection, relation, columns)
    _demand(request, "text_columns", options.text_columns, [column.name for column in columns])
    known_key = relation.primary_key if relation is not None else ()
    primary_key = request.primary_key or known_key
    names = [column.name for column in available]
    _demand(request, "primary_key", primary_key, names)
    fields = fields_of(columns, policy_of(config, options, facts.money_scale), options.text_columns)
    return StreamPlan(
        name=request.stream,
        source=source,
        relation=relation,
        fields=fields,
        schema=schema_of(fields),
        primary_key=primary_key,
        cursor=_cursor(request, available),
        where=request.where,
        options=options,
    )


def is_cursor(column: Column) -> bool:
    """Say whether the column's type has an order that a read can follow."""
    type_ = column.type
    while type_.base is not None:
        type_ = type_.base
    return rule_of(type_).cursor is not None


def grant_fix(relation: Relation, user: str) -> str:
    """Return the commands that make *relation* readable."""
    table = RelationName(relation.schema, relation.name).sql
    role = quote(user)
    usage = (
        ""
        if relation.is_schema_usable
        else f"GRANT USAGE ON SCHEMA {quote(relation.schema)} TO {role}; "
    )
    return f"{usage}GRANT SELECT ON {table} TO {role};"


def _relation(connection: Connection, stream: str) -> Relation:
    name = RelationName.parse(stream)
    if name.schema is not None:
        _demand_schema(connection, name.schema)

    def query(sql: str, parameters: object) -> list[tuple[object, ...]]:
        return connection.execute(sql, parameters).fetchall()  # type: ignore[call-overload, no-any-return]

    rows = query(_BY_NAME, {"name": name.sql})
    if not rows:
        raise ResourceNotFoundError(f"there is no table or view {stream}", stream=stream)
    return relation_of(rows[0], Types(query))


def _demand_schema(connection: Connection, schema: str) -> None:
    # to_regclass() finds nothing in a schema that may not be used, as if it did not exist.
    row = connection.execute(
        "SELECT has_schema_privilege(oid, 'USAGE'), current_user FROM pg_namespace "
        "WHERE nspname = %s",
        [schema],
    ).fetchone()
    if row is None:
        raise ResourceNotFoundError(f"there is no schema {schema!r}")
    if not row[0]:
        raise InsufficientPermissionsError(
            f"the role {row[1]} may not use the schema {schema!r}",
            fix=f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(str(row[1]))};",
        )


def _demand_access(connection: Connection, relation: Relation, columns: tuple[Column, ...]) -> None:
    refused = [column.name for column in columns if not column.is_readable]
    if not refused:
        return
    row = connection.execute("SELECT current_user").fetchone()
    assert row is not None
    which = "" if len(refused) == len(columns) else f" the columns {quote_list(tuple(refused))} of"
    raise InsufficientPermissionsError(
        f"the role {row[0]} may not read{which} {RelationName(relation.schema, relation.name)}",
        fix=grant_fix(relation, str(row[0])),
    )


def _result_columns(connection: Connection, source: str) -> tuple[Column, ...]:
    with connection.cursor() as cursor:
        # Binary results need the extended protocol, which takes exactly one statement.
        cursor.execute(f"SELECT * FROM {source} LIMIT 0".encode(), binary=True)  # noqa: S608
        result = cursor.pgresult
        assert result is not None
        parts = [
            ((result.fname(i) or b"").decode(), result.ftype(i), result.fmod(i))
            for i in range(result.nfields)
        ]
    names = [name for name, _, _ in parts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise SchemaValidationError(
            f"the query has more than one column named {twice[0]!r}"
            if twice
            else "the query has no columns",
            fix="Give each column of the query a name of its own, with AS.",
        )
    return _typed(connection, parts)


def _typed(connection: Connection, parts: list[tuple[str, int, int]]) -> tuple[Column, ...]:
    def query(sql: str, parameters: object) -> list[tuple[object, ...]]:
        return connection.execute(sql, parameters).fetchall()  # type: ignore[call-overload, no-any-return]

    oids, typmods = [part[1] for part in parts], [part[2] for part in parts]
    texts = query(_TYPE_TEXTS, {"oids": oids, "typmods": typmods})
    known = Types(query).get(oids)
    return tuple(
        Column(name=name, type=known[oid], typmod=typmod, type_text=str(text))
        for (name, oid, typmod), (text,) in zip(parts, texts, strict=True)
    )


def _selected(request: StreamRequest, available: tuple[Column, ...]) -> tuple[Column, ...]:
    by_name = {column.name: column for column in available}
    _demand(request, "columns", request.columns, list(by_name))
    return tuple(by_name[name] for name in request.columns) or available


def _cursor(request: StreamRequest, available: tuple[Column, ...]) -> Column | None:
    if request.cursor is None:
        is_range = request.lower is not None or request.upper is not None
        if request.mode is ReadMode.INCREMENTAL or is_range:
            raise SchemaValidationError(
                f"{request.stream}: no cursor is given",
                fix="Name a column that grows with each change as `cursor`; "
                "`dativo discover` lists candidates.",
            )
        return None
    _demand(request, "cursor", (request.cursor,), [column.name for column in available])
    column = next(column for column in available if column.name == request.cursor)
    if not is_cursor(column):
        raise SchemaValidationError(
            f"{request.stream}: the column {column.name!r} of type {column.type_text} cannot be "
            "a cursor",
            fix="Choose a column with a timestamp, a date, a whole number or a text.",
        )
    return column


def _demand(
    request: StreamRequest, setting: str, names: tuple[str, ...], available: list[str]
) -> None:
    missing = [name for name in names if name not in available]
    if missing:
        raise SchemaValidationError(
            f"{request.stream}: {setting} names {', '.join(map(repr, missing))}, which "
            f"{'is' if len(missing) == 1 else 'are'} not among the columns {', '.join(available)}",
            stream=request.stream,
        )
