"""Mutants of the reference writer that break a rule about write modes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import pyarrow as pa
import pyarrow.compute as pc
from reference_session import ReferenceSession
from reference_table import DataFile, Head, Table
from reference_writer import ReferenceWriter

from dativo.contract import Batch, Commit, Operation, Staged, WriteMode, WriteRequest

__all__ = ["MUTANTS"]


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


def _collated(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


MUTANTS: Mapping[str, Mapping[type[ReferenceWriter], str]] = {
    "modes.append": {
        DropsEqualRecords: "after epoch 1 readers see 11 records in place of 13",
        AppendsNothingButTheNewest: "after epoch 2 readers see 6 records in place of 19",
        AppendsThoughUndeclared: "is not declared, but a commit in it is accepted",
    },
    "modes.replace": {
        AppendsInReplace: "after epoch 2 readers see 11 records in place of 2",
        KeepsOldFields: "with the fields id, total readers see the fields id, note",
    },
    "empty.replace": {
        SkipsEmptyReplaces: "by no records readers see 1 records",
        ForgetsEmptySchemas: "nothing is published, not even a schema",
    },
    "modes.merge": {
        MergesInOrderOfArrival: "after upserts in one epoch of three batches readers see",
        ComparesWithoutCase: "with a key of two fields, whose texts are alike, readers see",
        KeepsValuesOverNull: "1 missing, such as (7, None)",
    },
    "modes.deletes": {
        DeletesLast: "after deletions before and after upserts of the same key readers see",
        DeletesWhatItUpserts: "after delete_missing with three keys readers see",
        DeletesNothingWithoutKeys: "with 0 keys tells 0 deletions in place of 5",
    },
}
