"""Hive folders: which records go where, and what a folder's name says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, unquote

import attrs
import pyarrow as pa
from pyarrow import types

from dativo.errors import DataValidationError, SchemaValidationError
from dativo_writer_parquet import _compute as pc
from dativo_writer_parquet._config import PartitionBy, PartitionPart
from dativo_writer_parquet._convert import convert
from dativo_writer_parquet._types import is_text

__all__ = ["NULL_FOLDER", "PartitionKey", "folder_values", "partition_keys", "split"]

NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"

_MAX_NAME_BYTES = 240
_MAX_YEAR = 32_000  # Arrow counts years in 16 bits
_DAYS_PER_YEAR = 365.2425

_UNITS: Mapping[PartitionPart, int] = {
    PartitionPart.YEAR: 1,
    PartitionPart.MONTH: 2,
    PartitionPart.DAY: 3,
    PartitionPart.HOUR: 4,
}
_FORMATS = ("{}", "{}-{:02d}", "{}-{:02d}-{:02d}", "{}-{:02d}-{:02d}T{:02d}")


@attrs.frozen
class PartitionKey:
    """One level of folders, and the type of its column."""

    level: PartitionBy
    field: pa.Field

    @property
    def leaves_file(self) -> bool:
        """Whether the column lives in the folder's name only."""
        return self.level.part is PartitionPart.VALUE

    def folder(self, text: str | None) -> str:
        """Return the folder's name for the value that is written as *text*."""
        value = NULL_FOLDER if text is None else quote(text, safe="")
        name = f"{quote(self.level.key, safe='')}={value}"
        if len(name) > _MAX_NAME_BYTES or text == NULL_FOLDER:
            problem = "stands for NULL" if text == NULL_FOLDER else "makes too long a folder name"
            raise DataValidationError(
                f"the value {text!r:.60} of the partition column {self.level.column!r} {problem}",
                fix=f"Mend the value in the source, or take {self.level.column} out of "
                "partition_by.",
                phase="write",
            )
        return name


def partition_keys(
    schema: pa.Schema, levels: Sequence[PartitionBy], *, stream: str
) -> tuple[PartitionKey, ...]:
    """Return the levels of folders of a stream with *schema*.

    Raises:
        SchemaValidationError: A column is missing, occurs twice, or cannot be a partition.
    """
    keys = []
    problems: list[str] = []
    for level in levels:
        if level.column not in schema.names:
            problems.append(f"there is no column {level.column!r}")
            continue
        key = PartitionKey(level, schema.field(level.column))
        problems += _problems(key)
        keys.append(key)
    problems += _name_problems(schema, keys)
    if problems:
        raise SchemaValidationError(
            f"partition_by of {stream}: {'; '.join(problems)}", stream=stream, phase="write"
        )
    return tuple(keys)


def split(
    batch: pa.RecordBatch, keys: Sequence[PartitionKey]
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield the records of each folder, by the folder's path below the epoch.

    *batch* still has all columns; what is yielded lacks those that live in folder names.
    """
    kept = batch.select([name for name in batch.schema.names if name not in _leaving(keys)])
    codes, texts = _codes(batch, keys)
    groups = pc.value_counts(codes)
    if len(groups) == 1:
        yield _path(groups[0].as_py()["values"], keys, texts), kept
        return
    order = pc.sort_indices(codes)
    groups = pc.value_counts(codes.take(order))
    start = 0
    for code, count in zip(*(part.to_pylist() for part in groups.flatten()), strict=True):
        # Not a slice: a few waiting records would keep the memory of the whole batch.
        yield _path(code, keys, texts), kept.take(order.slice(start, count))
        start += count


def folder_values(path: str, keys: Sequence[PartitionKey]) -> dict[str, pa.Array]:
    """Return the value, as an array of one, of each column that lives in folder names only.

    Raises:
        ValueError: The path is not one that :func:`split` gives.
    """
    names = path.split("/") if keys else []
    values = {}
    for key, name in zip(keys, names, strict=True):
        column, _, text = name.partition("=")
        if unquote(column) != key.level.key:
            raise ValueError(f"{name!r} is no folder of {key.level.key!r}")
        if key.leaves_file:
            known = None if text == NULL_FOLDER else unquote(text)
            values[key.level.column] = convert(
                pa.array([known], pa.string()), _plain(key.field.type)
            )
    return values


def _leaving(keys: Sequence[PartitionKey]) -> set[str]:
    return {key.level.column for key in keys if key.leaves_file}


def _path(code: int, keys: Sequence[PartitionKey], texts: Sequence[list[str | None]]) -> str:
    names = []
    for key, choices in zip(reversed(keys), reversed(texts), strict=True):
        code, index = divmod(code, len(choices))
        names.append(key.folder(choices[index]))
    return "/".join(reversed(names))


def _codes(
    batch: pa.RecordBatch, keys: Sequence[PartitionKey]
) -> tuple[pa.Array, list[list[str | None]]]:
    """Return one number per record that tells its folder, and the texts of each level."""
    codes = pa.repeat(pa.scalar(0, pa.int64()), batch.num_rows)
    texts = []
    for key in keys:
        column = batch.column(batch.schema.get_field_index(key.level.column))
        encoded = _keyed(column, key).dictionary_encode(null_encoding="encode")
        choices = _texts(encoded.dictionary, key)
        codes = pc.add(pc.multiply(codes, len(choices)), encoded.indices.cast(pa.int64()))
        texts.append(choices)
    return codes, texts


def _keyed(column: pa.Array, key: PartitionKey) -> pa.Array:
    """Return *column* reduced to what decides the folder."""
    if key.leaves_file:
        plain = _plain(column.type)
        return convert(column, plain)
    if types.is_timestamp(column.type):
        column = column.view(pa.timestamp(column.type.unit))  # the zone is a display matter
    _require_years(column, key)
    parts = (pc.year, pc.month, pc.day, pc.hour)[: _UNITS[key.level.part]]
    bases = (1, 12, 31, 24)
    code = pc.year(column)
    for part, base, least in zip(parts[1:], bases[1:], (1, 1, 0), strict=False):
        code = pc.add(pc.multiply(code, base), pc.subtract(part(column), least))
    return code


def _plain(arrow: pa.DataType) -> pa.DataType:
    if types.is_dictionary(arrow):
        return _plain(arrow.value_type)
    return pa.large_string() if is_text(arrow) else arrow


def _texts(values: pa.Array, key: PartitionKey) -> list[str | None]:
    if not key.leaves_file:
        return [None if code is None else _date_text(code, key) for code in values.to_pylist()]
    texts = values.cast(pa.string())
    if not _reads_back(texts, values):
        raise DataValidationError(
            f"the partition column {key.level.column!r} has a value without an exact text, such "
            "as a date beyond the year 9999",
            fix=f"Mend the value in the source, or take {key.level.column} out of partition_by.",
            phase="write",
        )
    return list(texts.to_pylist())


def _reads_back(texts: pa.Array, values: pa.Array) -> bool:
    try:
        return bool(texts.cast(values.type).equals(values))
    except pa.ArrowInvalid:
        return False


def _date_text(code: int, key: PartitionKey) -> str:
    numbers = []
    units = _UNITS[key.level.part]
    for base, least in list(zip((12, 31, 24), (1, 1, 0), strict=True))[: units - 1][::-1]:
        code, number = divmod(code, base)
        numbers.append(number + least)
    year = f"{'-' if code < 0 else ''}{abs(code):04d}"
    return _FORMATS[units - 1].format(year, *reversed(numbers))


def _require_years(column: pa.Array, key: PartitionKey) -> None:
    days = column.cast(pa.date32(), safe=False).view(pa.int32())
    limits = pc.min_max(days).as_py()
    far = max((abs(days) for days in limits.values() if days is not None), default=0)
    if far > math.floor(_MAX_YEAR * _DAYS_PER_YEAR):
        raise DataValidationError(
            f"the partition column {key.level.column!r} has a date beyond the year {_MAX_YEAR}",
            fix=f"Mend the date in the source, or take {key.level.column} out of partition_by.",
            phase="write",
        )


def _problems(key: PartitionKey) -> Iterator[str]:
    name, arrow = key.level.column, key.field.type
    plain = arrow.value_type if types.is_dictionary(arrow) else arrow
    if key.leaves_file:
        if not (is_text(plain) or types.is_integer(plain) or types.is_boolean(plain)) and not (
            types.is_date(plain)
        ):
            yield (
                f"the column {name!r} is of {arrow}; only texts, integers, booleans and dates "
                "can name a folder exactly"
            )
    elif not (types.is_date(arrow) or types.is_timestamp(arrow)):
        yield f"the column {name!r} is of {arrow}, which has no {key.level.part}"
    elif key.level.part is PartitionPart.HOUR and types.is_date(arrow):
        yield f"the column {name!r} is of {arrow}, which has no hour"


def _name_problems(schema: pa.Schema, keys: Sequence[PartitionKey]) -> Iterator[str]:
    names = [key.level.key for key in keys]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the level {name!r} occurs twice"
    for key in keys:
        if not key.leaves_file and key.level.key in schema.names:
            yield f"the folder {key.level.key!r} would hide the column of that name"
        if key.leaves_file and len(quote(key.level.key, safe="")) > _MAX_NAME_BYTES // 2:
            yield f"the column {key.level.column!r:.60} has too long a name for a folder"
    if keys and _leaving(keys) == set(schema.names):
        yield "no column would be left for the files"
