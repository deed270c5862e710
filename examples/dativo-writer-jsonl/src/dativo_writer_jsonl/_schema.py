"""Which schema may follow which, so that what is published stays readable as one table."""

from __future__ import annotations

import pyarrow as pa

from dativo.errors import DataValidationError

__all__ = ["require_follows", "require_same"]


def require_follows(new: pa.Schema, published: pa.Schema, *, stream: str) -> None:
    """Make sure that *new* only adds columns that may be null.

    Raises:
        DataValidationError: It does not; the message names the column.
    """
    for field in published:
        at = new.get_field_index(field.name)
        if at < 0:
            raise _wrong(field.name, "is gone", stream)
        other = new.field(at)
        if other.type != field.type:
            raise _wrong(field.name, f"was {field.type} and is {other.type} now", stream)
        if field.nullable and not other.nullable:
            raise _wrong(field.name, "may be null in published data, and is required now", stream)
    for field in new:
        if published.get_field_index(field.name) < 0 and not field.nullable:
            raise _wrong(field.name, "is new and required, but older records lack it", stream)


def require_same(new: pa.Schema, known: pa.Schema, *, stream: str) -> None:
    """Make sure that two readers of one epoch have the same columns.

    Raises:
        DataValidationError: They have not.
    """
    if not new.equals(known):
        different = [
            field.name
            for field in (*new, *known)
            if known.get_field_index(field.name) < 0
            or new.get_field_index(field.name) < 0
            or not new.field(field.name).equals(known.field(field.name))
        ]
        raise _wrong(different[0] if different else "order", "differs within one epoch", stream)


def _wrong(name: str, what: str, stream: str) -> DataValidationError:
    return DataValidationError(
        f"the column {name} of {stream} {what}", stream=stream, details={"column": name}
    )
