"""Mutants of the reference writer that break a rule about sessions."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs
import pyarrow as pa
from reference_session import ReferenceSession
from reference_table import DataFile, Head, Table
from reference_writer import ReferenceWriter
from writer_variants import AppendingWriter, NeverSweeps

from dativo.contract import Batch, Commit, CommitRecord, Staged
from dativo.errors import ContractViolationError

__all__ = ["MUTANTS"]


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


MUTANTS: Mapping[str, Mapping[type[ReferenceWriter], str]] = {
    "abort.clean": {
        LeavesStagedFiles: "staged things are left after abort and close",
        CommitsWhatWasAborted: "an abort in the same session readers see 19 records in place of 9",
    },
    "counts.true": {
        CountsBatches: "stage tells 15 rows for a batch of 100",
        CountsNoDeletions: "the record tells 1602 rows of 1606 staged",
    },
    "stage.concurrent": {
        NamesFilesByProcess: "after 4 threads have staged at once readers see",
        LosesUpdates: "after 4 threads have staged at once readers see",
        StagesOneAtATime: "in one of 4 threads at once ends with the session is busy",
    },
    "stage.failed": {
        SwallowsErrors: "returns as if it were whole, with 1000 rows",
        PublishesHalves: "after the next try readers see 3005 records in place of 2005",
    },
    "session.close": {
        LeavesDescriptorsOpen: "have left behind descriptor",
        LeavesThreads: "have left behind thread 'heartbeat'",
        ClosesOnce: "the second close ends with CONTRACT_VIOLATION",
    },
}
