"""Ranges of a cursor, as conditions in SQL."""

from __future__ import annotations

import attrs
import psycopg

from dativo.contract import StreamRequest
from dativo.errors import SchemaValidationError
from dativo_connector_postgres._client import Connection
from dativo_connector_postgres._errors import tidy
from dativo_connector_postgres._names import quote, quote_literal
from dativo_connector_postgres._plan import StreamPlan
from dativo_connector_postgres._relations import Column
from dativo_connector_postgres._types import TypeInfo

__all__ = ["Bounds", "base_of", "compare", "is_of_time", "literal"]


@attrs.frozen
class Bounds:
    """The range that a job asks for: at least the lower bound, below the upper one."""

    sql: str | None = None

    @property
    def is_backfill(self) -> bool:
        """Whether the range is the job's own, so that no checkpoint counts."""
        return self.sql is not None

    @classmethod
    def of_request(cls, connection: Connection, plan: StreamPlan, request: StreamRequest) -> Bounds:
        """Read the bounds of a request.

        Raises:
            SchemaValidationError: One of them is no value of the cursor's type.
        """
        if plan.cursor is None:
            return cls()
        conditions = []
        for operator, bound in ((">=", request.lower), ("<", request.upper)):
            if bound is not None:
                _demand_value(connection, plan.cursor, bound)
                conditions.append(compare(plan.cursor, operator, bound))
        return cls(" AND ".join(conditions) or None)


def compare(column: Column, operator: str, value: str) -> str:
    """Return a condition on *column*."""
    return f"{quote(column.name)} {operator} {literal(column, value)}"


def literal(column: Column, value: str) -> str:
    """Return *value* as SQL, in the type of *column*."""
    if "\0" in value:
        raise SchemaValidationError(f"the bound {value!r} holds a NUL character")
    return f"{quote_literal(value)}::{base_of(column).sql}"


def _demand_value(connection: Connection, cursor: Column, bound: str) -> None:
    try:
        connection.execute(f"SELECT {literal(cursor, bound)}".encode())
    except psycopg.DataError as error:
        raise SchemaValidationError(
            f"the bound {bound!r} does not suit the cursor {cursor.name!r}: {tidy(str(error))}",
            fix=f"Write lower and upper as values of the type {cursor.type_text}.",
        ) from error


def base_of(column: Column) -> TypeInfo:
    """Return the column's type behind all domains."""
    type_ = column.type
    while type_.base is not None:
        type_ = type_.base
    return type_


def is_of_time(column: Column) -> bool:
    """Say whether the column's values come from a clock."""
    return base_of(column).name in {"timestamptz", "timestamp", "date"}
