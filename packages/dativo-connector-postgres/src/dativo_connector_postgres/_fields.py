"""From columns to fields: what is selected, what is delivered, and what is said of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import attrs
import pyarrow as pa

from dativo.errors import InternalError
from dativo_connector_postgres._config import PostgresConfig, PostgresOptions, Unrepresentable
from dativo_connector_postgres._convert import UnrepresentableValueError, as_wire
from dativo_connector_postgres._names import quote
from dativo_connector_postgres._relations import Column
from dativo_connector_postgres._types import Encoding, Policy, encode, text_encoding

__all__ = ["BadColumnError", "Field", "fields_of", "policy_of", "schema_of"]


class BadColumnError(Exception):
    """A column of a batch holds a value that cannot be represented."""

    def __init__(self, field: Field, what: str) -> None:
        super().__init__(what)
        self.field = field


@attrs.frozen(kw_only=True)
class Field:
    """One column on its way.

    Attributes:
        column: What the catalogs say of it.
        encoding: How its values travel.
        arrow: The field that is delivered.
        is_nullified: Whether values that cannot be represented become NULL.
    """

    column: Column
    encoding: Encoding
    arrow: pa.Field
    is_nullified: bool = False

    @property
    def sql(self) -> str:
        """The expression to select for the ADBC driver."""
        return self.encoding.sql.format(c=quote(self.column.name))

    @property
    def copied(self) -> str:
        """The expression to select for the compiled reader."""
        return (self.encoding.copied or self.encoding.sql).format(c=quote(self.column.name))

    @property
    def bad(self) -> str | None:
        """The condition that finds values which cannot be represented."""
        return self.encoding.bad and self.encoding.bad.format(c=quote(self.column.name))

    def finish(self, array: pa.Array) -> pa.Array:
        """Make the delivered array of the driver's.

        Raises:
            BadColumnError: A value cannot be represented.
            InternalError: The driver gave another type than the table of rules expects.
        """
        array = as_wire(array, self.encoding.wire)
        if array.type != self.encoding.wire:
            raise InternalError(
                f"the driver gives {array.type} for the column {self.column.name!r} of type "
                f"{self.column.type_text}; {self.encoding.wire} was expected"
            )
        try:
            return self.encoding.finish(array, self.encoding.arrow)
        except UnrepresentableValueError as error:
            raise BadColumnError(self, str(error)) from error


def policy_of(config: PostgresConfig, options: PostgresOptions, money_scale: int) -> Policy:
    """Return what the job decides: for the stream, else for the connection."""
    numeric = options.unconstrained_numeric or config.unconstrained_numeric
    digits = [int(part) for part in re.findall(r"\d+", numeric)]
    return Policy(
        unrepresentable=options.unrepresentable or config.unrepresentable,
        unconstrained_numeric=(digits[0], digits[1]) if digits else None,
        money_scale=money_scale,
    )


def fields_of(
    columns: Iterable[Column], policy: Policy, text_columns: tuple[str, ...] = ()
) -> tuple[Field, ...]:
    """Plan the way of each column."""
    return tuple(_field(column, policy, column.name in text_columns) for column in columns)


def schema_of(fields: Iterable[Field]) -> pa.Schema:
    """Return the schema that is delivered."""
    return pa.schema([field.arrow for field in fields])


def _field(column: Column, policy: Policy, as_text: bool) -> Field:  # noqa: FBT001 - private
    encoding = text_encoding(column.type) if as_text else encode(column.type, column.typmod, policy)
    is_nullified = policy.unrepresentable is Unrepresentable.NULL and encoding.bad is not None
    if is_nullified:
        encoding = encoding.lenient
    nullable = is_nullified or not column.not_null
    arrow = pa.field(column.name, encoding.arrow, nullable=nullable, metadata=_metadata(column))
    return Field(column=column, encoding=encoding, arrow=arrow, is_nullified=is_nullified)


def _metadata(column: Column) -> dict[str, str]:
    metadata = {"postgres:type": column.type_text}
    base = column.type
    while base.base is not None:
        base = base.base
    if base.labels:
        metadata["postgres:labels"] = json.dumps(base.labels, ensure_ascii=False)
    if column.comment:
        metadata["comment"] = column.comment
    return metadata
