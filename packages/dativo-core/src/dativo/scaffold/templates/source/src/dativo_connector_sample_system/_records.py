"""From JSON objects to Arrow, without guessing: a value that does not fit is an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from dativo.errors import DataValidationError

from ._catalog import MONEY, TIME

__all__ = ["to_arrow"]

# What the API sends for a type, and how Arrow reads it: times and amounts are texts in JSON,
# because a JSON number may lose digits on the way.
_AS_SENT: Mapping[pa.DataType, tuple[type, pa.DataType]] = {
    pa.string(): (str, pa.string()),
    pa.bool_(): (bool, pa.bool_()),
    pa.int64(): (int, pa.int64()),
    TIME: (str, pa.string()),
    MONEY: (str, pa.string()),
}


def to_arrow(records: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Return the fields of *schema*; further ones of the API are left out."""
    return pa.record_batch([_column(records, field) for field in schema], schema=schema)


def _column(records: Sequence[Mapping[str, Any]], field: pa.Field) -> pa.Array:
    values = [record.get(field.name) for record in records]
    kind, sent = _AS_SENT[field.type]
    for record, value in zip(records, values, strict=True):
        # Exactly this type: Python takes a bool for an int, and Arrow cuts 1.5 down to 1.
        if type(value) is not kind and not (value is None and field.nullable):
            raise _wrong(field, f"record {record.get('id')!r} has a {type(value).__name__} in it")
    try:
        return pa.array(values, sent).cast(field.type)
    except (pa.ArrowException, OverflowError) as error:
        raise _wrong(field, str(error)) from error


def _wrong(field: pa.Field, what: str) -> DataValidationError:
    return DataValidationError(f"the field {field.name!r} is not {field.type}: {what}")
