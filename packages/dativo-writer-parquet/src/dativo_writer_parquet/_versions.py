"""Merge mode: the key of a record, and the columns that say which of its versions is the last.

A file of a merge stream has three columns after those of the record. The version of the higher
epoch wins, then that of the higher sequence; if the winner is a deletion there is no record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import pyarrow as pa
from pyarrow import types

from dativo.contract import Operation, WriteMode, WriteRequest
from dativo.errors import (
    ContractViolationError,
    DataValidationError,
    InvalidConfigError,
    SchemaValidationError,
)
from dativo_writer_parquet._types import canonical, is_bytes, is_text, stored_type

__all__ = [
    "DELETED",
    "EPOCH",
    "SEQUENCE",
    "VERSION_FIELDS",
    "Stamp",
    "comparable",
    "merge_key",
    "require_keys",
    "require_mergeable",
]

EPOCH = "_dativo_epoch"
SEQUENCE = "_dativo_sequence"
DELETED = "_dativo_deleted"

VERSION_FIELDS = (
    pa.field(EPOCH, pa.int64(), nullable=False),
    pa.field(SEQUENCE, pa.int64(), nullable=False),
    pa.field(DELETED, pa.bool_(), nullable=False),
)

_POSITION_BITS = 40
_MOST_BATCHES = 1 << (63 - _POSITION_BITS)
_MOST_DIGITS_OF_128 = 38


@attrs.frozen(kw_only=True)
class Stamp:
    """What the versions of one batch get: ``sequence`` is ``batch * 2**40 + position``.

    Attributes:
        epoch: The epoch that is being staged.
        batch: The batch's place in its epoch, from 1; 0 loses against everything of the epoch.
        operation: What the batch does.
        position: The place in the batch of the next record.
    """

    epoch: int
    batch: int
    operation: Operation
    position: int = 0

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.batch < _MOST_BATCHES:
            msg = f"an epoch has at most {_MOST_BATCHES - 1} batches; this one is {self.batch}"
            raise ContractViolationError(msg, phase="write")

    @property
    def is_deletion(self) -> bool:
        """Whether the records are only keys of what is gone."""
        return self.operation is Operation.DELETE

    def after(self, rows: int) -> Stamp:
        """Return the stamp of what follows *rows* records of the batch."""
        return attrs.evolve(self, position=self.position + rows)

    def columns(self, rows: int) -> Mapping[str, pa.Array]:
        """Return the three columns for the next *rows* records."""
        first = (self.batch << _POSITION_BITS) + self.position
        return {
            EPOCH: pa.repeat(pa.scalar(self.epoch, pa.int64()), rows),
            SEQUENCE: pa.arange(first, first + rows),
            DELETED: pa.repeat(pa.scalar(self.is_deletion), rows),
        }


def merge_key(request: WriteRequest) -> tuple[str, ...]:
    """Return what identifies a record if *request* wants versions of records, else nothing.

    The replace by which a merged stream is refreshed has versions as well.

    Raises:
        InvalidConfigError: It wants versions, and has no key.
    """
    if not (request.versioned or request.mode is WriteMode.MERGE):
        return ()
    if not request.primary_key:
        raise InvalidConfigError(
            f"merge mode needs the primary key of {request.stream}, and the source names none",
            fix=f"Set primary_key of the stream {request.stream}, or use append or replace.",
        )
    return request.primary_key


def comparable(arrow: pa.DataType) -> pa.DataType | None:
    """Return the type in which keys of the type *arrow* are compared, ``None`` if none is exact.

    Two floats may print alike and differ, and NaN equals nothing, so a float is no key; neither is
    anything nested. Texts and bytes are compared byte by byte, without a collation.
    """
    stored = stored_type(arrow, plain=True)
    if types.is_dictionary(stored):
        return comparable(stored.value_type)
    if isinstance(stored, pa.BaseExtensionType):
        return comparable(stored.storage_type)
    if is_text(stored) or is_bytes(stored):
        return pa.large_binary()
    if types.is_decimal(stored):
        wide = stored.precision > _MOST_DIGITS_OF_128
        return (pa.decimal256 if wide else pa.decimal128)(stored.precision, stored.scale)
    is_exact = (
        types.is_integer(stored)
        or types.is_boolean(stored)
        or types.is_fixed_size_binary(stored)
        or types.is_date(stored)
        or types.is_time(stored)
        or types.is_timestamp(stored)
        or types.is_duration(stored)
    )
    return stored if is_exact else None


def require_mergeable(schema: pa.Schema, primary_key: Sequence[str], *, stream: str) -> None:
    """Refuse records that cannot be merged by *primary_key*.

    Raises:
        SchemaValidationError: A field of the key is missing or cannot be compared exactly, or a
            column has the name of one that merge mode adds.
    """
    problems = []
    for name in primary_key:
        if name not in schema.names:
            problems.append(f"there is no column {name!r} for the primary key")
        elif comparable(schema.field(name).type) is None:
            arrow = schema.field(name).type
            problems.append(f"the key column {name!r} is of {arrow}, which has no exact equality")
    own = {field.name for field in VERSION_FIELDS}
    problems += [
        f"the column {name!r} has a name that merge mode needs itself"
        for name in schema.names
        if name.casefold() in own
    ]
    if problems:
        raise SchemaValidationError(
            f"{stream} cannot be merged: {'; '.join(problems)}",
            fix="Name other columns in primary_key, leave the column out of the job, or append.",
            details={"problems": problems},
            stream=stream,
            phase="write",
        )


def require_keys(
    current: pa.Schema, known: pa.Schema, primary_key: Sequence[str], *, stream: str
) -> None:
    """Refuse deletions that do not name their records as *known* does.

    Raises:
        DataValidationError: A field of the key is missing, or of another type.
    """
    problems = []
    for name in primary_key:
        if name not in current.names:
            problems.append(f"the key column {name!r} is missing")
        elif canonical(current.field(name).type) != canonical(known.field(name).type):
            found, wanted = current.field(name).type, known.field(name).type
            problems.append(f"the key column {name!r} is of {found}, not of {wanted}")
    if problems:
        raise DataValidationError(
            f"the deletions of {stream} do not fit its records: {'; '.join(problems)}",
            details={"problems": problems},
            stream=stream,
            phase="write",
        )
