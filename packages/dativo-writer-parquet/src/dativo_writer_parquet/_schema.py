"""Which schemas can be published, and which can follow the published one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import pyarrow as pa
from pyarrow import types

from dativo.errors import DataValidationError
from dativo_writer_parquet._types import canonical, children

__all__ = ["checked", "require_followable", "target"]

_OWN_PREFIX = b"dativo."
_MAX_DIGITS = 76


def checked(schema: pa.Schema, *, stream: str) -> pa.Schema:
    """Return *schema* without metadata that only this writer may set.

    Raises:
        DataValidationError: A name occurs twice, or a type has no place in Parquet.
    """
    if not len(schema):
        raise _refused(stream, ["there is no column"])
    problems = [f"the column {name!r} occurs twice" for name in _twice(schema.names)]
    problems += [problem for field in schema for problem in _problems(field, field.name)]
    if problems:
        raise _refused(stream, problems)
    kept = {
        key: value
        for key, value in (schema.metadata or {}).items()
        if not key.startswith(_OWN_PREFIX) and key != b"ARROW:schema"
    }
    return schema.with_metadata(kept or None)


def target(current: pa.Schema, published: pa.Schema | None) -> pa.Schema:
    """Return the schema of an epoch: the published columns as they are, then the new ones.

    Call :func:`require_followable` first. The metadata is the current one.
    """
    if published is None:
        return current
    known = [current.field(field.name).with_type(field.type) for field in published]
    new = [field for field in current if field.name not in published.names]
    return pa.schema([*known, *new], metadata=current.metadata)


def require_followable(
    current: pa.Schema, published: pa.Schema, *, stream: str, columns_may_come: bool = True
) -> None:
    """Refuse a schema that published records cannot be read with.

    Raises:
        DataValidationError: It names every column that changed its type, is gone or is newly
            required (or, inside an epoch, is new).
    """
    problems: list[str] = []
    for field in published:
        if field.name not in current.names:
            problems.append(f"the column {field.name!r} is gone")
            continue
        problems += _changes(current.field(field.name), field)
    for field in current:
        if field.name in published.names:
            continue
        if not columns_may_come:
            problems.append(f"the column {field.name!r} is new within an epoch")
        elif not field.nullable:
            problems.append(f"the new column {field.name!r} is required; older records lack it")
    if problems:
        raise _refused(stream, problems)


def _changes(now: pa.Field, before: pa.Field) -> Iterable[str]:
    if canonical(now.type) != canonical(before.type):
        yield f"the column {now.name!r} changed from {before.type} to {now.type}"
    if before.nullable and not now.nullable:
        yield f"the column {now.name!r} is newly required"


def _refused(stream: str, problems: list[str]) -> DataValidationError:
    return DataValidationError(
        f"{stream} cannot be published: {'; '.join(problems)}",
        details={"problems": problems},
        stream=stream,
        phase="write",
    )


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _problems(field: pa.Field, path: str) -> Iterable[str]:
    arrow = field.type
    if arrow.id in _HARMLESS:
        return
    if types.is_dictionary(arrow) or types.is_run_end_encoded(arrow):
        arrow = arrow.value_type
    wrong = next((text for applies, text in _REFUSED if applies(arrow)), "")
    if wrong:
        yield f"the column {path!r} {wrong.format(arrow)}"
    elif types.is_struct(arrow):
        if not arrow.num_fields:
            yield f"the column {path!r} is a struct without fields, which Parquet does not have"
        names = [arrow.field(index).name for index in range(arrow.num_fields)]
        yield from (f"the field {name!r} of {path!r} occurs twice" for name in _twice(names))
    if isinstance(arrow, pa.BaseExtensionType):
        yield from _problems(field.with_type(arrow.storage_type), path)
    for child in children(arrow):
        yield from _problems(child, f"{path}.{child.name}")


_HARMLESS = frozenset(
    arrow.id
    for arrow in (
        *(pa.bool_(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64()),
        *(pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary()),
        *(pa.date32(), pa.timestamp("us"), pa.time64("us")),
    )
)
"""The types that most columns have; in Parquet there is a place for all of them."""


def _is_too_wide(arrow: pa.DataType) -> bool:
    return bool(
        types.is_decimal(arrow) and arrow.scale < 0 and arrow.precision > _MAX_DIGITS + arrow.scale
    )


_REFUSED: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (types.is_union, "is a union, which Parquet does not have"),
    (_is_too_wide, f"has more than {_MAX_DIGITS} digits"),
    (
        # pyarrow passes them on and cannot look into their values.
        lambda arrow: str(arrow) in ("month_interval", "day_time_interval"),
        "has the type {}; of the intervals only month_day_nano_interval can be stored",
    ),
)
