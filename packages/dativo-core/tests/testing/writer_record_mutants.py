"""Mutants of the reference writer that break a rule about commit records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import attrs
import pyarrow as pa
from reference_session import ReferenceSession
from reference_table import DataFile, Head, Table
from reference_writer import ReferenceWriter
from writer_variants import AppendingWriter

from dativo.contract import Commit, CommitRecord, Receipt, Staged, WriteMode

__all__ = ["MUTANTS"]


class ForgetsCheckpointVersions(AppendingWriter):
    """Stores the value of a checkpoint alone."""

    class Session(ReferenceSession):
        def last_commit(self) -> CommitRecord | None:
            record = super().last_commit()
            if record is None or record.commit.checkpoint is None:
                return record
            checkpoint = attrs.evolve(record.commit.checkpoint, version=1)
            return attrs.evolve(record, commit=attrs.evolve(record.commit, checkpoint=checkpoint))


class RemembersRecordsInMemory(AppendingWriter):
    """Tells the last commit only in the session that made it."""

    class Session(ReferenceSession):
        mine: CommitRecord | None = None

        def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
            receipt = super().commit(commit, staged)
            self.mine = receipt.record
            return receipt

        def last_commit(self) -> CommitRecord | None:
            return self.mine


class ShortensFingerprints(AppendingWriter):
    """Leaves out what is empty in a fingerprint."""

    class Session(ReferenceSession):
        def record(
            self, commit: Commit, files: Sequence[DataFile], schema: pa.Schema | None
        ) -> CommitRecord:
            record = super().record(commit, files, schema)
            kept = {key: value for key, value in record.commit.fingerprint.items() if value}
            return attrs.evolve(record, commit=attrs.evolve(record.commit, fingerprint=kept))


class SkipsEmptyEpochs(AppendingWriter):
    """Takes an epoch without records for nothing to do."""

    class Session(ReferenceSession):
        def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
            if commit.mode is not WriteMode.REPLACE and not sum(one.rows for one in staged):
                self.abort()
                return Receipt(record=CommitRecord(commit=commit, rows=0))
            return super().commit(commit, staged)


class EmptiesOnEmptyEpochs(AppendingWriter):
    """Publishes what is staged, and nothing else, if that is nothing."""

    class Session(ReferenceSession):
        def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
            kept = head if sum(file.rows for file in files) else attrs.evolve(head, files=())
            return super().following(kept, commit, files)


class RecordBeforeData(AppendingWriter):
    """Stores the record in a step of its own, before the data."""

    class Store(Table):
        def save(self, head: Head) -> None:
            super().save(attrs.evolve(self.head(), record=head.record))
            super().save(head)


class DataBeforeRecord(AppendingWriter):
    """Stores the data in a step of its own, before the record."""

    class Store(Table):
        def save(self, head: Head) -> None:
            super().save(attrs.evolve(head, record=self.head().record))
            super().save(head)


class WritesInPlace(AppendingWriter):
    """Writes over its only copy of what is published."""

    class Store(Table):
        def save(self, head: Head) -> None:
            with (self.folder / "head.json").open("w") as file:
                file.write(head.to_json())


class SeesOwnRecordsOnly(AppendingWriter):
    """Hides another job's record, as if the place were free."""

    class Session(ReferenceSession):
        def last_commit(self) -> CommitRecord | None:
            record = super().last_commit()
            mine = record is not None and record.commit.job_id == self.context.job_id
            return record if mine else None


class ClaimsWhatIsNotItsOwn(AppendingWriter):
    """Locks the owner out by looking."""

    class Session(ReferenceSession):
        def claim(self) -> None:
            with self.table.locked():
                head = self.table.head()
                self.require_fence(head)
                self.table.save(attrs.evolve(head, fence=self.context.fence))


class RemembersRecordsInTheProcess(AppendingWriter):
    """Tells the last commit of any session of the same process, and of no other."""

    class Session(ReferenceSession):
        known: ClassVar[dict[Path, CommitRecord]] = {}

        def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
            receipt = super().commit(commit, staged)
            self.known[self.table.folder] = receipt.record
            return receipt

        def last_commit(self) -> CommitRecord | None:
            return self.known.get(self.table.folder)


MUTANTS: Mapping[str, Mapping[type[ReferenceWriter], str]] = {
    "commit.record": {
        ForgetsCheckpointVersions: '"version":1}\' in place of',
        RemembersRecordsInMemory: "last_commit of a new session has no record",
        RemembersRecordsInTheProcess: "last_commit in another process has no record",
        ShortensFingerprints: "the receipt has fingerprint",
    },
    "commit.no_rows": {
        SkipsEmptyEpochs: "last_commit after an epoch without a batch has",
        EmptiesOnEmptyEpochs: "after epochs without rows readers see 0 records",
    },
    "commit.after_kill": {
        RecordBeforeData: "with last_commit at epoch 2, readers see",
        DataBeforeRecord: "with last_commit at epoch 1, readers see",
        WritesInPlace: "the next run ends with PLUGIN_EXECUTION",
    },
    "other_job.visible": {
        SeesOwnRecordsOnly: "a session of another job sees no record",
        ClaimsWhatIsNotItsOwn: "after another job only looked, the owner's next run fails",
    },
}
