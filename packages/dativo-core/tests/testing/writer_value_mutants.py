"""Mutants of the reference writer in values, schemas, streams, memory and compaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import pyarrow as pa
from reference_session import ReferenceSession
from reference_table import DataFile, Head, Table
from reference_writer import ReferenceWriter

from dativo.contract import Batch, Commit, Operation, Staged
from dativo.errors import DataValidationError, InvalidConfigError

__all__ = ["MUTANTS"]


class CutsNanoseconds(ReferenceWriter):
    """Stores moments by the microsecond."""

    class Store(Table):
        def write_file(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> DataFile:
            return super().write_file(schema, (_cut(batch) for batch in batches))


class TakesEmptyForNull(ReferenceWriter):
    """Stores an empty text as NULL, as some files and databases do."""

    class Store(Table):
        def write_file(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> DataFile:
            return super().write_file(schema, (_emptied(batch) for batch in batches))


class DropsFlagsAndMetadata(ReferenceWriter):
    """Keeps names and types of fields, and nothing else."""

    class Session(ReferenceSession):
        def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
            after = super().following(head, commit, files)
            assert after.schema is not None
            fields = [pa.field(field.name, field.type) for field in after.schema]
            return attrs.evolve(after, schema=pa.schema(fields))


class RefusesEverything(ReferenceWriter):
    """Takes no type at all."""

    class Session(ReferenceSession):
        def require_schema(self, schema: pa.Schema) -> None:
            raise DataValidationError(f"the type {schema.field(0).type} cannot be stored")


class FailsOnWideDecimals(ReferenceWriter):
    """Refuses a type by an exception of a library."""

    class Session(ReferenceSession):
        def require_schema(self, schema: pa.Schema) -> None:
            if any(pa.types.is_decimal256(field.type) for field in schema):
                raise ValueError("precision must be between 1 and 38")
            super().require_schema(schema)


class TakesAnySchema(ReferenceWriter):
    """Goes on with fields of whatever type, and without fields."""

    class Session(ReferenceSession):
        def require_schema(self, schema: pa.Schema) -> None:
            self.schema = schema


class RefusesNewFields(ReferenceWriter):
    """Takes the first schema and no other."""

    class Session(ReferenceSession):
        def require_schema(self, schema: pa.Schema) -> None:
            published = self.table.head().schema
            if published is not None and published != schema:
                raise DataValidationError("the schema has changed")
            super().require_schema(schema)


class BlamesTheJobFile(ReferenceWriter):
    """Refuses a changed schema with an error that sends people to the wrong place."""

    class Session(ReferenceSession):
        def require_schema(self, schema: pa.Schema) -> None:
            try:
                super().require_schema(schema)
            except DataValidationError as error:
                raise InvalidConfigError(error.message) from error


class JoinsNames(ReferenceWriter):
    """Makes one folder of two names that differ by what a folder's name cannot have."""

    class Store(Table):
        def folder_name(self, stream: str) -> str:
            return super().folder_name(stream.replace("/", "_").replace(" ", "_"))


class IgnoresCase(ReferenceWriter):
    """Makes one folder of two names that differ by case."""

    class Store(Table):
        def folder_name(self, stream: str) -> str:
            return super().folder_name(stream.lower())


class ReadsAllAtOnce(ReferenceWriter):
    """Collects a reader in memory before it writes."""

    class Store(Table):
        def write_file(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> DataFile:
            return super().write_file(schema, list(batches))


class KeepsAllUntilCommit(ReferenceWriter):
    """Holds a copy of what was staged, for a retry that nobody asks for."""

    class Session(ReferenceSession):
        def keep(self, file: DataFile) -> Staged:
            self.copies = getattr(self, "copies", [])
            self.copies.append((self.table.folder / file.name).read_bytes())
            return super().keep(file)


class CompactsTheCommitAway(ReferenceWriter):
    """Forgets the commit record in a compaction."""

    def compacted(self, head: Head, file: DataFile) -> Head:
        return attrs.evolve(super().compacted(head, file), record=None)


class CompactsDeletionsAway(ReferenceWriter):
    """Removes deletions, but not what they have deleted."""

    class Store(Table):
        def save(self, head: Head) -> None:
            is_compaction = head.record == self.head().record and len(head.files) == 1
            if is_compaction and any(one.op == "delete" for one in self.head().files):
                kept = tuple(one for one in self.head().files if one.op == "upsert")
                super().save(attrs.evolve(head, files=kept))
            else:
                super().save(head)

        def remove(self, files: Sequence[DataFile]) -> None:
            pass


class RemovesBeforeCompacting(ReferenceWriter):
    """Removes the old files before readers can find the new one."""

    class Store(Table):
        def save(self, head: Head) -> None:
            is_compaction = head.record == self.head().record and len(head.files) == 1
            self.remove(self.head().files if is_compaction else ())
            super().save(head)


def _mapped(batch: pa.RecordBatch, change: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([change(one) for one in batch.columns], schema=batch.schema)


def _cut(batch: pa.RecordBatch) -> pa.RecordBatch:
    def change(array: pa.Array) -> pa.Array:
        is_fine = pa.types.is_timestamp(array.type) and array.type.unit == "ns"
        coarse = pa.timestamp("us", array.type.tz) if is_fine else array.type
        return array.cast(coarse, safe=False).cast(array.type, safe=False) if is_fine else array

    return _mapped(batch, change)


def _emptied(batch: pa.RecordBatch) -> pa.RecordBatch:
    def change(array: pa.Array) -> pa.Array:
        if not pa.types.is_string(array.type):
            return array
        return pa.array([text or None for text in array.to_pylist()], pa.string())

    return _mapped(batch, change)


class WritesByPosition(ReferenceWriter):
    """Puts the fields that come into those that are published, one after the other."""

    class Session(ReferenceSession):
        def write(self, reader: pa.RecordBatchReader, batch: Batch) -> DataFile:
            known = self.table.head().schema
            if known is None or batch.op is Operation.DELETE:
                return super().write(reader, batch)
            came = reader.schema.names
            names = [*known.names, *(name for name in came if name not in known.names)][: len(came)]
            fields = [one.with_name(name) for one, name in zip(reader.schema, names, strict=True)]
            parts = (one.rename_columns(names) for one in reader)
            return super().write(pa.RecordBatchReader.from_batches(pa.schema(fields), parts), batch)


MUTANTS: Mapping[str, Mapping[type[ReferenceWriter], str]] = {
    "values.round_trip": {
        CutsNanoseconds: "timestamp[ns]: 'value' of the record 2 is 0 in place of -1",
        TakesEmptyForNull: "string: 'value' of the record 0 is None in place of ''",
        DropsFlagsAndMetadata: "may be NULL, but was written as one that is never NULL",
        RefusesEverything: "every type is refused",
        FailsOnWideDecimals: "decimal256(76, 0): writing ends with PLUGIN_EXECUTION",
    },
    "schema.changes": {
        TakesAnySchema: "a changed type ends with no error",
        WritesByPosition: "after a new nullable field readers see",
        RefusesNewFields: "a new nullable field ends with DATA_VALIDATION",
        BlamesTheJobFile: "a changed type ends with INVALID_CONFIG",
    },
    "streams.separate": {
        JoinsNames: "readers of the stream 'a_b' see",
        IgnoresCase: "readers of the stream 'A' see",
    },
    "memory.bounded_writing": {
        ReadsAllAtOnce: "in one batch made the memory grow",
        KeepsAllUntilCommit: "in one batch made the memory grow",
    },
    "compact.same_data": {
        CompactsTheCommitAway: "after the compaction last_commit gives no record",
        CompactsDeletionsAway: "that had begun before the compaction sees 7 records in place of 6",
        RemovesBeforeCompacting: "a reader failed during the compaction",
    },
}
