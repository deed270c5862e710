"""A published state as a polars LazyFrame; nothing but ``scan`` imports this, and polars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import quote

import polars as pl
import pyarrow as pa
from pyarrow import types

from dativo_writer_parquet._partition import PartitionKey
from dativo_writer_parquet._state import DataFile, State
from dativo_writer_parquet._types import is_text
from dativo_writer_parquet._versions import DELETED, EPOCH, SEQUENCE

__all__ = ["scan_state"]

_VERSION = "_dativo_version"
_SEQUENCES = 2**63


def scan_state(
    state: State,
    locate: Callable[[DataFile], str],
    *,
    storage_options: Mapping[str, Any] | None = None,
) -> pl.LazyFrame:
    """Return the records of *state*, whose files polars finds at what *locate* says."""
    options: dict[str, Any] = {}
    if storage_options:
        options["storage_options"] = dict(storage_options)
    schemas = {file: _schema_of(locate(file), options) for file in state.files}
    columns = _columns(state, schemas)
    frames = []
    # Files that follow each other and are alike are scanned together.
    for found, files in groupby(state.files, lambda file: tuple(schemas[file].items())):
        frame = pl.scan_parquet(
            [locate(file) for file in files],
            glob=False,
            hive_partitioning=bool(state.keys),
            hive_schema={_folder_name(key): pl.String for key in state.keys} or None,
            **options,
        )
        frames.append(_completed(frame, dict(found), columns, state))
    frame = pl.concat(frames)
    if state.is_versioned:
        frame = _last_versions(frame, state.primary_key)
    return frame.select(state.schema.names)


def _schema_of(path: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    # read_parquet_schema knows no object stores
    frame = pl.scan_parquet(path, glob=False, hive_partitioning=False, **options)
    return dict(frame.collect_schema())


def _columns(state: State, schemas: Mapping[DataFile, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the columns and types that all frames get: those of the newest file that has them."""
    columns: dict[str, Any] = {}
    for file in reversed(state.files):
        columns = {**schemas[file], **columns}
    for key in state.keys:
        if key.leaves_file:
            columns[key.field.name] = _folder_type(key.field.type)
    wanted = list(state.schema.names)
    if state.is_versioned:
        columns |= {EPOCH: pl.Int64(), SEQUENCE: pl.Int64(), DELETED: pl.Boolean()}
        wanted += [EPOCH, SEQUENCE, DELETED]
    return {name: columns[name] for name in wanted}


def _folder_name(key: PartitionKey) -> str:
    return quote(key.level.key, safe="")


def _folder_type(arrow: pa.DataType) -> Any:
    """Return the type of a column that lives in folders' names."""
    if types.is_dictionary(arrow):
        return _folder_type(arrow.value_type)
    if is_text(arrow):
        return pl.String()
    return pl.Schema(pa.schema([("value", arrow)]))["value"]


def _completed(
    frame: pl.LazyFrame, found: Mapping[str, Any], columns: Mapping[str, Any], state: State
) -> pl.LazyFrame:
    """Return *frame*, whose files have the columns *found*, with all *columns* in their types."""
    folders = {key.field.name: key for key in state.keys if key.leaves_file}
    expressions = []
    for name, wanted in columns.items():
        if name in folders:
            value = _parsed(pl.col(_folder_name(folders[name])), wanted)
        elif name not in found:
            value = pl.lit(None, wanted)
        else:
            value = pl.col(name) if found[name] == wanted else pl.col(name).cast(wanted)
        expressions.append(value.alias(name))
    return frame.select(expressions)


def _parsed(text: pl.Expr, wanted: Any) -> pl.Expr:
    """Return the values that folders' names spell."""
    if wanted == pl.Date:
        return text.str.to_date()
    return text == "true" if wanted == pl.Boolean else text.cast(wanted)


def _last_versions(frame: pl.LazyFrame, primary_key: Sequence[str]) -> pl.LazyFrame:
    """Keep the last version of each key, unless it is a deletion.

    A version is one number, so that the winners are found by the maximum of each key, and their
    rows by a join that has to remember numbers only.
    """
    number = pl.col(EPOCH).cast(pl.Int128) * pl.lit(_SEQUENCES, pl.Int128) + pl.col(SEQUENCE)
    versions = frame.with_columns(number.alias(_VERSION))
    winners = versions.group_by(primary_key).agg(pl.col(_VERSION).max()).select(_VERSION)
    return versions.join(winners, on=_VERSION, how="semi").filter(~pl.col(DELETED))
