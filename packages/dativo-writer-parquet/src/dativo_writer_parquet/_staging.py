"""Staging: many readers at once into few files, in bounded memory, where nobody sees them."""

from __future__ import annotations

import resource
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path

import attrs
import pyarrow as pa

from dativo.errors import DataValidationError, WriteFailedError
from dativo_writer_parquet._columns import EpochSchema
from dativo_writer_parquet._files import FileFormat, FinishedFile, StagedFile
from dativo_writer_parquet._layout import STAGED_SUFFIX
from dativo_writer_parquet._publish import remove_tree
from dativo_writer_parquet._size import size_bytes
from dativo_writer_parquet._versions import Stamp

__all__ = ["Account", "Lane", "StagingArea"]

MAX_PARTITIONS = 10_000


class StagingArea:
    """The files of the epoch that is being staged; safe to use from several threads.

    A lane is what one ``stage`` call writes to. Lanes are handed on from call to call, so that
    many small readers share files and row groups.

    Args:
        folder: Where the files are; others may have files there too.
        names: What the names of its files begin with, and nobody else's do.
        form: How files are written.
        stream: The stream's name.
        finished: Called with each file that is finished.
    """

    def __init__(
        self,
        folder: Path,
        names: str,
        form: FileFormat,
        *,
        stream: str,
        finished: Callable[[StagingArea, FinishedFile], None] = lambda _area, _file: None,
    ) -> None:
        self.schema: EpochSchema | None = None
        self.accounts: list[Account] = []
        self.has_failed = False
        self._folder = folder
        self._names = names
        self._stream = stream
        self._form = form
        self._finish = finished
        self._lock = threading.Lock()
        self._paths: list[Path] = []
        self._idle: list[Lane] = []
        self._busy: set[Lane] = set()
        self._finished: list[FinishedFile] = []
        self._partitions: set[str] = set()
        self._numbers = count(1)
        self._arrivals = count(1)
        self._is_closed = False

    @contextmanager
    def lane(self, schema: EpochSchema) -> Iterator[Lane]:
        """Lend a lane to one thread; it is discarded if the thread fails."""
        with self._lock:
            fitting = [lane for lane in self._idle if lane.schema is schema]
            lane = fitting[-1] if fitting else Lane(self, schema, self._form)
            self._idle = [other for other in self._idle if other is not lane]
            self._busy.add(lane)
        try:
            yield lane
        except BaseException:
            lane.discard()
            raise
        finally:
            with self._lock:
                self._busy.discard(lane)
                if self._is_closed:
                    lane.discard()
                else:
                    self._idle.append(lane)

    def new_file(self, schema: EpochSchema, partition: str) -> StagedFile:
        """Open a file for the records of the folder *partition*.

        Raises:
            DataValidationError: The epoch has too many folders.
        """
        with self._lock:
            self._require_open()
            self._partitions.add(partition)
            folders = len(self._partitions)
            path = self._folder / f"{self._names}-{next(self._numbers):05d}{STAGED_SUFFIX}"
            self._paths.append(path)
        if folders > MAX_PARTITIONS:
            raise DataValidationError(
                f"partition_by makes more than {MAX_PARTITIONS} folders in one epoch",
                fix="Choose a column with fewer values, or a coarser part of the date.",
                phase="write",
            )
        return StagedFile(path, schema.in_files, self._form, partition=partition)

    def account(self, rows: int) -> Account:
        """Remember how many records one ``stage`` call has read.

        Raises:
            WriteFailedError: The epoch was aborted in the meantime.
        """
        account = Account(rows)
        with self._lock:
            self._require_open()
            self.accounts.append(account)
        return account

    def scratch(self) -> Path:
        """Return a folder for files that have no name."""
        return self._folder

    @cached_property
    def outbox(self) -> Path:
        """The folder for what is to be published: it does not exist yet, and goes with the area."""
        return self._folder / f"{self._names}.publish"

    def next_arrival(self) -> int:
        """Return the number of a batch that the engine gave none."""
        with self._lock:
            return next(self._arrivals)

    def empty_file(self, schema: EpochSchema) -> StagedFile:
        """Open a file for an epoch without records, so that it has a schema."""
        return self.new_file(schema, "/".join(key.folder(None) for key in schema.keys))

    def keep(self, file: FinishedFile) -> None:
        """Remember a file that is finished, and do with it what is to be done with such files."""
        with self._lock:
            self._finished.append(file)
        self._finish(self, file)

    def open_files(self) -> list[StagedFile]:
        """Return the files that are still open; call it when every ``stage`` has returned."""
        return [file for lane in self._idle for file in lane.files()]

    @property
    def is_busy(self) -> bool:
        """Whether a ``stage`` has not returned yet."""
        return bool(self._busy)

    def finished_files(self) -> list[FinishedFile]:
        """Return the files that are finished."""
        return list(self._finished)

    def hand_over(self) -> None:
        """Forget the files: all of them are finished, and have gone to :attr:`outbox`."""
        with self._lock:
            self._is_closed = True
            self._idle, self._finished, self._paths = [], [], []

    def discard(self) -> None:
        """Remove what the area has; what a thread is still writing goes when it ends."""
        with self._lock:
            self._is_closed = True
            for lane in self._idle:
                lane.discard()
            self._idle, self._finished = [], []
        if self._partitions:  # else there never was a file
            remove_tree(*self._paths, self.outbox)

    def _require_open(self) -> None:
        if self._is_closed:
            raise WriteFailedError(
                f"the epoch of {self._stream} was aborted while it was staged",
                stream=self._stream,
                phase="write",
            )


@attrs.frozen
class Account:
    """What one ``stage`` call has read: the other side of the count of what is in the files."""

    rows: int


class Lane:
    """The open files of one thread, one per folder, and their common budget."""

    def __init__(self, area: StagingArea, schema: EpochSchema, form: FileFormat) -> None:
        self.schema = schema
        self._area = area
        self._form = form
        self._files: OrderedDict[str, StagedFile] = OrderedDict()
        self._most_files = _most_open_files()
        self._finished_bytes = 0

    def add(self, batch: pa.RecordBatch, stamp: Stamp | None = None) -> None:
        """Take a batch of any size; what is over the budget is written."""
        for piece in _pieces(batch, self._form):
            for partition, part in self.schema.parts(self.schema.fit(piece, stamp)):
                self._append(partition, part)
            stamp = stamp and stamp.after(piece.num_rows)
            self._make_room()

    @property
    def bytes_written(self) -> int:
        """How much this lane has put on disk so far."""
        return self._finished_bytes + sum(file.bytes_written for file in self._files.values())

    def files(self) -> Sequence[StagedFile]:
        """Return the open files."""
        return tuple(self._files.values())

    def discard(self) -> None:
        """Remove the open files."""
        for file in self._files.values():
            file.discard()
        self._files.clear()

    def _append(self, partition: str, part: pa.RecordBatch) -> None:
        start = 0
        while start < part.num_rows:
            file = self._file(partition)
            rows = min(part.num_rows - start, file.room_rows())
            file.append(part.slice(start, rows))
            start += rows

    def _file(self, partition: str) -> StagedFile:
        file = self._files.get(partition)
        if file is not None and file.is_full:
            self._finish(partition)
            file = None
        if file is None:
            while len(self._files) >= self._most_files:
                self._finish(next(iter(self._files)))
            file = self._files[partition] = self._area.new_file(self.schema, partition)
        self._files.move_to_end(partition)
        return file

    def _finish(self, partition: str) -> None:
        file = self._files[partition]
        finished = file.finish()
        del self._files[partition]
        self._finished_bytes += finished.size_bytes
        self._area.keep(finished)

    def _make_room(self) -> None:
        while sum(file.pending_bytes for file in self._files.values()) > self._form.row_group_bytes:
            max(self._files.values(), key=lambda file: file.pending_bytes).flush()


def _pieces(batch: pa.RecordBatch, form: FileFormat) -> Iterator[pa.RecordBatch]:
    """Cut a batch that would not fit the budget; an empty one is no piece."""
    rows, size = batch.num_rows, max(size_bytes(batch), 1)
    share = max(1, min(rows, rows * form.row_group_bytes // size))
    for start in range(0, rows, share):
        yield batch.slice(start, share)


def _most_open_files() -> int:
    """Return how many files a lane may hold open: each takes two descriptors."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 64
    return max(2, min(64, soft // 32))
