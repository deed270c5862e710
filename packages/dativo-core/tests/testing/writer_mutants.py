"""Mutants of the reference writer: each breaks one rule in one way that vendors really do.

Those about what is written and read back are in ``writer_data_mutants``.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence

import attrs
import pyarrow as pa
from reference_table import DataFile, Head, Table
from reference_writer import ReferenceSession, ReferenceWriter

from dativo.contract import Batch, Commit, CommitRecord, Receipt, Staged, WriteMode
from dativo.errors import ConcurrencyError, ContractViolationError

__all__ = ["MUTANTS", "AppendingWriter", "WithoutReadBack"]


class AppendingWriter(ReferenceWriter):
    """The reference writer with one mode, so that each rule is quick; by itself it is correct."""

    write_modes = (WriteMode.APPEND,)


class NeverSweeps(Table):
    """Leaves what earlier sessions have left behind; by itself that breaks nothing but order."""

    def sweep(self, head: Head) -> None:
        pass


class WithoutReadBack(AppendingWriter):
    """Cannot show what is published; that is allowed, but nobody can verify it then."""

    read_back = None  # type: ignore[assignment] # so that it is no hook


# Commits.


class VisibleWhenStaged(AppendingWriter):
    """Adds a file to the published ones as soon as it is written."""

    class Session(ReferenceSession):
        def keep(self, file: DataFile) -> Staged:
            with self.table.locked():
                head = self.table.head()
                files = (*head.files, attrs.evolve(file, epoch=head.epoch + 1))
                self.table.save(attrs.evolve(head, files=files, schema=self.schema))
            return super().keep(file)

        def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
            names = {file.name for file in files}
            kept = tuple(file for file in head.files if file.name not in names)
            return super().following(attrs.evolve(head, files=kept), commit, files)


class FileByFile(AppendingWriter):
    """Publishes the files of an epoch one after the other."""

    class Store(Table):
        def save(self, head: Head) -> None:
            known = self.head().files
            new = [file for file in head.files if file not in known]
            for count in range(1, len(new)):
                some = [file for file in head.files if file in known or file in new[:count]]
                super().save(attrs.evolve(head, files=tuple(some)))
            super().save(head)


class DeletesBeforeReplacing(ReferenceWriter):
    """Empties the table first and fills it then."""

    write_modes = (WriteMode.REPLACE,)

    class Session(ReferenceSession):
        def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
            after = super().following(head, commit, files)
            if commit.mode is WriteMode.REPLACE:
                self.table.save(attrs.evolve(head, files=()))
            return after


class AppendsAgain(AppendingWriter):
    """Does not know its own commits, and takes the newest epoch again."""

    class Session(ReferenceSession):
        def is_replay(self, commit: Commit, record: CommitRecord) -> bool:
            return False

        def require_next(self, commit: Commit, head: Head) -> None:
            self.require_fence(head)


class RefusesReplays(AppendingWriter):
    """Takes its own commit for somebody else's."""

    class Session(ReferenceSession):
        def is_replay(self, commit: Commit, record: CommitRecord) -> bool:
            return False


class RemembersReplaysInMemory(AppendingWriter):
    """Knows a commit again only in the session that made it."""

    class Session(ReferenceSession):
        known = ""

        def is_replay(self, commit: Commit, record: CommitRecord) -> bool:
            return self.known == commit.commit_id

        def require_next(self, commit: Commit, head: Head) -> None:
            self.require_fence(head)
            self.known = commit.commit_id


class HidesReplays(AppendingWriter):
    """Does nothing the second time, but says that it did."""

    class Session(ReferenceSession):
        def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
            return attrs.evolve(super().commit(commit, staged), replayed=False)


class GoesByTheEpoch(AppendingWriter):
    """Takes any commit of the newest epoch for its own, and hands out that one's receipt."""

    class Session(ReferenceSession):
        def is_replay(self, commit: Commit, record: CommitRecord) -> bool:
            return commit.epoch == record.commit.epoch


class TakesAnyEpoch(AppendingWriter):
    """Does not look which epoch is published."""

    class Session(ReferenceSession):
        def require_next(self, commit: Commit, head: Head) -> None:
            self.require_fence(head)


class IgnoresFences(AppendingWriter):
    """Lets everybody publish."""

    class Session(ReferenceSession):
        def require_fence(self, head: Head) -> None:
            pass

    Store = NeverSweeps


class FencesOnlySessions(AppendingWriter):
    """Looks at the fence when a session begins, and never again."""

    class Session(ReferenceSession):
        def require_next(self, commit: Commit, head: Head) -> None:
            if commit.epoch <= head.epoch:
                raise ConcurrencyError(f"the epoch {commit.epoch} is published")

    Store = NeverSweeps


class ClaimsByCommit(AppendingWriter):
    """Stores a fence with a commit only, so that a newer session alone keeps nobody out."""

    class Session(ReferenceSession):
        def claim(self) -> None:
            with self.table.locked():
                self.require_fence(self.table.head())

        def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
            return attrs.evolve(super().following(head, commit, files), fence=commit.fence)


class KeepsTheFenceToItself(AppendingWriter):
    """Refuses, but does not say behind which fence."""

    class Session(ReferenceSession):
        def require_fence(self, head: Head) -> None:
            if head.fence > self.context.fence:
                raise ConcurrencyError("a newer run has claimed the stream")


# Records.


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


# Sessions.


class LeavesStagedFiles(AppendingWriter):
    """Forgets what was staged instead of removing it, and sweeps nothing."""

    class Session(ReferenceSession):
        def abort(self) -> None:
            self.staged = []

    Store = NeverSweeps


class CommitsWhatWasAborted(AppendingWriter):
    """Publishes all that it finds in its folder."""

    class Session(ReferenceSession):
        def abort(self) -> None:
            pass

        def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
            return super().following(head, commit, tuple(self.staged))


class CountsBatches(AppendingWriter):
    """Counts record batches in place of records."""

    class Store(Table):
        def write_file(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> DataFile:
            given: list[pa.RecordBatch] = list(batches)
            file = super().write_file(schema, given)
            return attrs.evolve(file, rows=len(given))


class CountsNoDeletions(ReferenceWriter):
    """Leaves deletions out of the record's count."""

    class Session(ReferenceSession):
        def record(
            self, commit: Commit, files: Sequence[DataFile], schema: pa.Schema | None
        ) -> CommitRecord:
            record = super().record(commit, files, schema)
            return attrs.evolve(record, rows=sum(f.rows for f in files if f.op == "upsert"))


class NamesFilesByProcess(AppendingWriter):
    """Gives all files of a run the same name."""

    class Store(Table):
        def file_name(self) -> str:
            return f"{os.getpid()}.arrows"


class LosesUpdates(AppendingWriter):
    """Adds to what is staged without a lock."""

    class Session(ReferenceSession):
        def keep(self, file: DataFile) -> Staged:
            known = list(self.staged)
            time.sleep(0.05)
            self.staged = [*known, file]
            return Staged(rows=file.rows, token=file)

        def numbered(self, commit: Commit, staged: Sequence[Staged]) -> tuple[DataFile, ...]:
            return tuple(attrs.evolve(file, epoch=commit.epoch) for file in self.staged)


class StagesOneAtATime(AppendingWriter):
    """Refuses a batch while another one is under way."""

    class Session(ReferenceSession):
        def claim(self) -> None:
            super().claim()
            self.busy = threading.Lock()

        def stage(self, batch: Batch) -> Staged:
            if not self.busy.acquire(blocking=False):
                raise ContractViolationError("the session is busy")
            try:
                return super().stage(batch)
            finally:
                self.busy.release()


class SwallowsErrors(AppendingWriter):
    """Takes a reader that fails for one that ends."""

    class Store(Table):
        def write_file(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> DataFile:
            return super().write_file(schema, _until_failure(batches, []))


class PublishesHalves(AppendingWriter):
    """Leaves the part that came before a failure, and publishes it with the next try."""

    class Store(NeverSweeps):
        def write_file(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> DataFile:
            failed: list[BaseException] = []
            file = super().write_file(schema, _until_failure(batches, failed))
            if failed:
                (self.folder / file.name).rename(self.folder / "half.arrows")
                raise failed[0]
            return file

    class Session(ReferenceSession):
        def numbered(self, commit: Commit, staged: Sequence[Staged]) -> tuple[DataFile, ...]:
            files = super().numbered(commit, staged)
            is_half = (self.table.folder / "half.arrows").exists()
            half = DataFile(name="half.arrows", rows=0, epoch=commit.epoch)
            return (*files, half) if is_half else files


class LeavesDescriptorsOpen(AppendingWriter):
    """Opens the stream's lock for good."""

    class Session(ReferenceSession):
        def claim(self) -> None:
            super().claim()
            os.open(self.table.folder / "lock", os.O_RDONLY)


class LeavesThreads(AppendingWriter):
    """Starts a heartbeat that nobody stops."""

    class Session(ReferenceSession):
        def claim(self) -> None:
            super().claim()
            threading.Thread(target=time.sleep, args=(15,), name="heartbeat", daemon=True).start()


class ClosesOnce(AppendingWriter):
    """Fails when it is closed again."""

    class Session(ReferenceSession):
        is_open = True

        def close(self) -> None:
            if not self.is_open:
                raise ContractViolationError("the session is closed")
            self.is_open = False
            super().close()


def _until_failure(
    batches: Iterable[pa.RecordBatch], failed: list[BaseException]
) -> Iterator[pa.RecordBatch]:
    """Yield what comes before a failure, and keep that."""
    try:
        yield from batches
    except Exception as error:  # noqa: BLE001 - that is what is wrong with it
        failed.append(error)


MUTANTS = {
    "commit.atomic": (VisibleWhenStaged, FileByFile, DeletesBeforeReplacing),
    "commit.idempotent": (AppendsAgain, RefusesReplays, RemembersReplaysInMemory, HidesReplays),
    "commit.other_id": (GoesByTheEpoch, TakesAnyEpoch),
    "commit.fence": (IgnoresFences, FencesOnlySessions, ClaimsByCommit, KeepsTheFenceToItself),
    "commit.record": (ForgetsCheckpointVersions, RemembersRecordsInMemory, ShortensFingerprints),
    "commit.no_rows": (SkipsEmptyEpochs, EmptiesOnEmptyEpochs),
    "commit.after_kill": (RecordBeforeData, DataBeforeRecord, WritesInPlace),
    "other_job.visible": (SeesOwnRecordsOnly, ClaimsWhatIsNotItsOwn),
    "abort.clean": (LeavesStagedFiles, CommitsWhatWasAborted),
    "counts.true": (CountsBatches, CountsNoDeletions),
    "stage.concurrent": (NamesFilesByProcess, LosesUpdates, StagesOneAtATime),
    "stage.failed": (SwallowsErrors, PublishesHalves),
    "session.close": (LeavesDescriptorsOpen, LeavesThreads, ClosesOnce),
}
"""The mutants of each rule about commits and sessions."""
