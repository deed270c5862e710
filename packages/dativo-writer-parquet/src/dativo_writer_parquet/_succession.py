"""Which epoch may follow what is published, and with which columns."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pyarrow as pa

from dativo.contract import WriteMode, WriteRequest
from dativo.errors import DataValidationError, InvalidConfigError
from dativo_writer_parquet._columns import EpochSchema
from dativo_writer_parquet._config import PartitionBy, PartitionPart
from dativo_writer_parquet._partition import partition_keys
from dativo_writer_parquet._records import Published
from dativo_writer_parquet._schema import require_followable, target
from dativo_writer_parquet._versions import merge_key, require_mergeable

__all__ = ["Succession", "require_same_way"]


@attrs.frozen(kw_only=True)
class Succession:
    """What the next epoch of a stream has to keep to.

    Attributes:
        stream: The stream's name.
        mode: How the run writes.
        partition_by: The levels of folders that the run wants.
        primary_key: In merge mode, what identifies a record; else empty.
        last: The newest published epoch.
    """

    stream: str
    mode: WriteMode
    partition_by: tuple[PartitionBy, ...]
    primary_key: tuple[str, ...]
    last: Published | None

    def schema(self, current: pa.Schema) -> EpochSchema:
        """Return the schema of an epoch whose records come as *current*.

        Raises:
            DataValidationError: Published records cannot be read with it.
            SchemaValidationError: A column of the folders or of the key is not there.
            InvalidConfigError: The folders would change.
        """
        before = None if self.mode is WriteMode.REPLACE else self.last
        if before is not None:
            require_followable(current, before.schema, stream=self.stream)
            self._require_same_folders(before)
        logical = target(current, None if before is None else before.schema)
        if self.primary_key:
            require_mergeable(logical, self.primary_key, stream=self.stream)
        keys = partition_keys(logical, self.partition_by, stream=self.stream)
        return EpochSchema.of(logical, keys, primary_key=self.primary_key)

    def provisional(self, current: pa.Schema) -> EpochSchema:
        """Return a schema for deletions that come before anything tells the columns."""
        known = current if self.last is None else self.last.schema
        folders = [
            _null_column(level) for level in self.partition_by if level.column not in known.names
        ]
        schema = self.schema(pa.schema([*known, *folders], metadata=known.metadata))
        return schema.without({field.name for field in folders})

    def without_records(self) -> EpochSchema:
        """Return the schema of an epoch that has no batch.

        Raises:
            DataValidationError: Nothing was ever published, so that nothing tells the columns.
        """
        if self.last is None:
            raise DataValidationError(
                f"nothing was ever published of {self.stream}, so an epoch without a batch has no "
                "schema",
                fix="Run the job once; a stream without records publishes its schema too.",
                stream=self.stream,
                phase="write",
            )
        return self.schema(self.last.schema)

    def _require_same_folders(self, before: Published) -> None:
        if before.partition_by != self.partition_by:
            raise InvalidConfigError(
                f"partition_by of {self.stream} is {_names(self.partition_by)}, but the "
                f"published data has {_names(before.partition_by)}",
                fix="Restore partition_by, or publish anew in replace mode.",
            )


def require_same_way(request: WriteRequest, last: Published) -> None:
    """Refuse to go on with published records in a mode or by a key that they do not have.

    Raises:
        InvalidConfigError: It is merge after append or a replace without versions, append after
            merge, or another key.
    """
    if request.mode is WriteMode.REPLACE:
        return
    before, now = last.primary_key, merge_key(request)
    if set(before) == set(now):
        return
    unmerged = "replaced" if last.record.commit.mode is WriteMode.REPLACE else "appended"
    raise InvalidConfigError(
        f"the published data of {request.stream} is {_way(before) or unmerged}, not "
        f"{_way(now) or 'appended'}",
        fix="Restore the setting, or publish everything anew with --full-refresh.",
    )


def _way(primary_key: Sequence[str]) -> str:
    return f"merged by {', '.join(primary_key)}" if primary_key else ""


def _null_column(level: PartitionBy) -> pa.Field:
    is_value = level.part is PartitionPart.VALUE
    return pa.field(level.column, pa.string() if is_value else pa.timestamp("ms"))


def _names(levels: Sequence[PartitionBy]) -> str:
    return ", ".join(level.key for level in levels) or "none"
