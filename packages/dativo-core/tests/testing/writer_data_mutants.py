"""Mutants of the reference writer in what is written and read back; see ``writer_mutants``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs
import pyarrow as pa
import pyarrow.compute as pc
from reference_table import DataFile, Head, Table
from reference_writer import ReferenceSession, ReferenceWriter

from dativo.contract import Batch, Commit, Operation, Staged, WriteMode, WriteRequest
from dativo.errors import DataValidationError, InvalidConfigError

__all__ = ["DATA_MUTANTS"]


# Write modes.


class DropsEqualRecords(ReferenceWriter):
    """Keeps one of several equal records, although nothing was said of a key."""

    class Store(Table):
        def batches(self, key: Sequence[str]) -> Iterator[pa.RecordBatch]:
            found = pa.Table.from_batches(super().batches(key), schema=self.head().schema)
            yield from found.group_by(found.schema.names).aggregate([]).to_batches()


class AppendsNothingButTheNewest(ReferenceWriter):
    """Replaces whatever the mode is."""

    class Session(ReferenceSession):
        def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
            return super().following(attrs.evolve(head, files=()), commit, files)


class AppendsThoughUndeclared(ReferenceWriter):
    """Declares replace only, and takes append for it all the same."""

    write_modes = (WriteMode.REPLACE,)

    def require_mode(self, request: WriteRequest) -> None:
        pass


class AppendsInReplace(ReferenceWriter):
    """Keeps what was there."""

    class Session(ReferenceSession):
        def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
            after = super().following(head, commit, files)
            return attrs.evolve(after, files=(*head.files, *files))


class KeepsOldFields(ReferenceWriter):
    """Exchanges the records, but reads them with the fields of the first ones."""

    class Session(ReferenceSession):
        def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
            after = super().following(head, commit, files)
            return attrs.evolve(after, schema=head.schema or after.schema)


class SkipsEmptyReplaces(ReferenceWriter):
    """Takes nothing to replace with for nothing to replace."""

    class Session(ReferenceSession):
        def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
            after = super().following(head, commit, files)
            is_empty = not sum(file.rows for file in files)
            return attrs.evolve(after, files=head.files) if is_empty else after


class ForgetsEmptySchemas(ReferenceWriter):
    """Has no table where there is no record."""

    class Session(ReferenceSession):
        def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
            after = super().following(head, commit, files)
            is_empty = not sum(file.rows for file in files)
            return attrs.evolve(after, schema=None) if is_empty else after


class MergesInOrderOfArrival(ReferenceWriter):
    """Goes by the time at which a batch was staged."""

    class Session(ReferenceSession):
        def write(self, reader: pa.RecordBatchReader, batch: Batch) -> DataFile:
            return attrs.evolve(super().write(reader, batch), sequence=len(self.staged))


class ComparesWithoutCase(ReferenceWriter):
    """Takes keys for equal that differ by case or by a blank at the end."""

    class Store(Table):
        def keys(self, table: pa.Table, key: Sequence[str]) -> list[tuple[Any, ...]]:
            rows = super().keys(table, key)
            return [tuple(_collated(value) for value in row) for row in rows]


class KeepsValuesOverNull(ReferenceWriter):
    """Merges field by field, so that NULL does not replace a value."""

    class Store(Table):
        def live(self, head: Head, files: Sequence[Any], key: Sequence[str]) -> pa.Table:
            found = super().live(head, files, key)
            place = found.schema.get_field_index("note")
            return found.set_column(place, "note", pc.fill_null(found["note"], "a"))


class DeletesLast(ReferenceWriter):
    """Applies all deletions of an epoch after all upserts."""

    class Session(ReferenceSession):
        def write(self, reader: pa.RecordBatchReader, batch: Batch) -> DataFile:
            file = super().write(reader, batch)
            is_deletion = batch.op is Operation.DELETE
            return attrs.evolve(file, sequence=10**9) if is_deletion else file


class DeletesWhatItUpserts(ReferenceWriter):
    """Lets ``delete_missing`` win over the epoch's own upserts."""

    class Session(ReferenceSession):
        def delete_missing(self, keys: Batch) -> Staged:
            known = [self.table.folder / file.name for file in self.staged]
            staged = super().delete_missing(keys)
            fresh = [pa.ipc.open_stream(path.read_bytes()).read_all() for path in known]
            schema = pa.schema([pa.field("id", pa.int64(), nullable=False)])
            ids = pa.concat_tables(fresh).select(["id"]).cast(schema)
            self.keep(
                attrs.evolve(
                    self.table.write_file(schema, iter(ids.to_batches())),
                    op=Operation.DELETE.value,
                    sequence=10**9,
                )
            )
            return staged

        def numbered(self, commit: Commit, staged: Sequence[Staged]) -> tuple[DataFile, ...]:
            return tuple(attrs.evolve(file, epoch=commit.epoch) for file in self.staged)


class DeletesNothingWithoutKeys(ReferenceWriter):
    """Takes an empty list of keys for none given."""

    class Session(ReferenceSession):
        def delete_missing(self, keys: Batch) -> Staged:
            given = pa.RecordBatchReader.from_stream(keys.data).read_all()
            return super().delete_missing(Batch(given)) if given.num_rows else Staged(rows=0)


# Values, schemas and streams.


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


def _collated(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


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


DATA_MUTANTS = {
    "modes.append": (
        DropsEqualRecords,
        AppendsNothingButTheNewest,
        AppendsThoughUndeclared,
    ),
    "modes.replace": (AppendsInReplace, KeepsOldFields),
    "empty.replace": (SkipsEmptyReplaces, ForgetsEmptySchemas),
    "modes.merge": (MergesInOrderOfArrival, ComparesWithoutCase, KeepsValuesOverNull),
    "modes.deletes": (DeletesLast, DeletesWhatItUpserts, DeletesNothingWithoutKeys),
    "values.round_trip": (
        CutsNanoseconds,
        TakesEmptyForNull,
        DropsFlagsAndMetadata,
        RefusesEverything,
        FailsOnWideDecimals,
    ),
    "schema.changes": (TakesAnySchema, RefusesNewFields, BlamesTheJobFile),
    "streams.separate": (JoinsNames, IgnoresCase),
    "memory.bounded_writing": (ReadsAllAtOnce, KeepsAllUntilCommit),
    "compact.same_data": (CompactsTheCommitAway, CompactsDeletionsAway, RemovesBeforeCompacting),
}
"""The mutants of each rule about what is written and read back."""
