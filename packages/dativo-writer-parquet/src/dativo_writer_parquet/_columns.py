"""The columns of an epoch: as the source gave them, as files have them, and how to get there."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import attrs
import pyarrow as pa

from dativo.errors import DataValidationError
from dativo_writer_parquet._convert import convert
from dativo_writer_parquet._partition import PartitionKey, split
from dativo_writer_parquet._types import stored_field
from dativo_writer_parquet._versions import VERSION_FIELDS, Stamp

__all__ = ["EpochSchema"]


@attrs.frozen(kw_only=True)
class EpochSchema:
    """The columns of an epoch, as the source gave them and as its files have them."""

    logical: pa.Schema
    converted: pa.Schema
    in_files: pa.Schema
    keys: tuple[PartitionKey, ...]
    primary_key: tuple[str, ...] = ()
    is_provisional: bool = False

    @classmethod
    def of(
        cls,
        logical: pa.Schema,
        keys: tuple[PartitionKey, ...],
        *,
        primary_key: tuple[str, ...] = (),
    ) -> EpochSchema:
        """Return how records of *logical* are stored below the folders of *keys*.

        With a *primary_key* they are versions, and whatever is no key may be NULL in the files:
        a deletion has nothing else.
        """
        fields = [stored_field(field, plain=bool(keys or primary_key)) for field in logical]
        if primary_key:
            fields = [
                field if field.name in primary_key else field.with_nullable(nullable=True)
                for field in fields
            ]
            fields += VERSION_FIELDS
        leaving = {key.level.column for key in keys if key.leaves_file}
        return cls(
            logical=logical,
            converted=pa.schema(fields, metadata=logical.metadata),
            in_files=pa.schema(
                [field for field in fields if field.name not in leaving],
                metadata=logical.metadata,
            ),
            keys=keys,
            primary_key=primary_key,
        )

    def fit(self, batch: pa.RecordBatch, stamp: Stamp | None = None) -> pa.RecordBatch:
        """Return *batch* with the stored types, its columns in the order of the epoch.

        Args:
            batch: Records; for a deletion only the fields of the key are taken.
            stamp: In merge mode what orders the versions; ``None`` if *batch* has those columns.

        Raises:
            DataValidationError: A NULL where there must be none.
        """
        rows = batch.num_rows
        added = {} if stamp is None else stamp.columns(rows)
        taken = self.primary_key if stamp and stamp.is_deletion else batch.schema.names
        columns = []
        for field in self.converted:
            if field.name in added:
                columns.append(added[field.name])
            elif field.name in taken:
                column = batch.column(batch.schema.get_field_index(field.name))
                self._require_values(field.name, column)
                columns.append(convert(column, field.type))
            else:
                columns.append(convert(pa.nulls(rows), field.type))
        return pa.RecordBatch.from_arrays(columns, schema=self.converted)

    def without(self, names: Collection[str]) -> EpochSchema:
        """Return it as one that only deletions have, whose files lack the columns *names*."""
        kept = [field for field in self.in_files if field.name not in names]
        in_files = pa.schema(kept, metadata=self.in_files.metadata)
        return attrs.evolve(self, in_files=in_files, is_provisional=True)

    def _require_values(self, name: str, column: pa.Array) -> None:
        if not column.null_count:
            return
        if name in self.primary_key:
            raise DataValidationError(
                f"the key column {name!r} is NULL in {column.null_count} records; in merge mode "
                "every record needs its key",
                fix="Mend the records in the source, or leave them out with where.",
                phase="write",
            )
        if name in self.logical.names and not self.logical.field(name).nullable:
            raise DataValidationError(
                f"the column {name!r} is declared as never NULL, but holds "
                f"{column.null_count} of them",
                phase="write",
            )

    def parts(self, batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield the records of each folder of a batch that :meth:`fit` made."""
        groups = split(batch, self.keys) if self.keys else [("", batch)]
        for folder, records in groups:
            yield folder, records.select(self.in_files.names)
