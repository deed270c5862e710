"""A published state: the files that hold it, wherever they lie, and how their rows are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from dativo.contract import CommitRecord
from dativo_writer_parquet._config import PartitionBy
from dativo_writer_parquet._convert import convert
from dativo_writer_parquet._partition import PartitionKey, folder_values, partition_keys

__all__ = ["DataFile", "State", "restored"]


@attrs.frozen(order=True)
class DataFile:
    """One file of a published state.

    Attributes:
        epoch: The epoch that published it.
        name: Its name below the epoch, with the Hive folders.
        size_bytes: Its size.
    """

    epoch: int
    name: str
    size_bytes: int = attrs.field(default=0, order=False)

    @property
    def folder(self) -> str:
        """The Hive folders that it lies in; empty for none."""
        return self.name.rpartition("/")[0]


@attrs.frozen(kw_only=True, slots=False)
class State:
    """What is published of one stream at one moment.

    Attributes:
        record: The newest commit record.
        schema: The records as the source gave them.
        partition_by: The levels of folders.
        primary_key: What identifies a record if the files hold versions; else empty.
        files: The files, in the order of their epochs.
        open: Opens one of them; raises ``FileNotFoundError`` if it is gone.
    """

    record: CommitRecord
    schema: pa.Schema
    partition_by: tuple[PartitionBy, ...]
    primary_key: tuple[str, ...]
    files: tuple[DataFile, ...]
    open: Callable[[DataFile], AbstractContextManager[pq.ParquetFile]]

    @property
    def is_versioned(self) -> bool:
        """Whether the files hold versions of records, and not each record once."""
        return bool(self.primary_key)

    @cached_property
    def keys(self) -> tuple[PartitionKey, ...]:
        """The levels of folders with the types of their columns."""
        stream = self.record.commit.stream
        return partition_keys(self.schema, self.partition_by, stream=stream)

    def counts(self) -> tuple[int, ...]:
        """Return how many rows each file has, by its footer."""
        return tuple(self._count(file) for file in self.files)

    def _count(self, file: DataFile) -> int:
        with self.open(file) as parquet:
            return int(parquet.metadata.num_rows)

    def constants(self, file: DataFile) -> Mapping[str, pa.Array]:
        """Return the columns that only the folders of *file* tell, as arrays of one value."""
        return folder_values(file.folder, self.keys)


def restored(
    batch: pa.RecordBatch, schema: pa.Schema, constants: Mapping[str, pa.Array]
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of *batch* with the columns of *schema*; those that it lacks are NULL."""
    try:
        columns = [_column(batch, field, constants) for field in schema]
    except pa.ArrowInvalid:
        # Small dictionary indices: several dictionaries may have met in one row group.
        if batch.num_rows <= 1:
            raise
        half = batch.num_rows // 2
        yield from restored(batch.slice(0, half), schema, constants)
        yield from restored(batch.slice(half), schema, constants)
        return
    yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _column(batch: pa.RecordBatch, field: pa.Field, constants: Mapping[str, pa.Array]) -> pa.Array:
    if field.name in constants:
        column = pa.repeat(constants[field.name][0], batch.num_rows)
    elif field.name in batch.schema.names:
        column = batch.column(batch.schema.get_field_index(field.name))
    else:
        column = pa.nulls(batch.num_rows)
    return convert(column, field.type)
