"""Data files: put into the store and read back, or opened where they lie."""

from __future__ import annotations

import io
from collections.abc import Callable

import pyarrow.parquet as pq

from dativo.contract import failpoint
from dativo.errors import WriteFailedError
from dativo_writer_parquet._files import FinishedFile
from dativo_writer_parquet._layout import FILE_SUFFIX, STAGED_SUFFIX
from dativo_writer_parquet._store._entries import StoredFile
from dativo_writer_parquet._store._objects import Objects

__all__ = ["open_parquet", "to_be_stored", "upload"]

_TAIL_BYTES = 64 * 1024
_PIECE_BYTES = 8 * 1024 * 1024


def to_be_stored(session: str, file: FinishedFile) -> StoredFile:
    """Return what *file* becomes below *session*."""
    name = file.path.name.removesuffix(STAGED_SUFFIX) + FILE_SUFFIX
    name = f"{file.partition}/{name}" if file.partition else name
    return StoredFile(
        key=f"{session}/{name}", name=name, rows=file.rows, size_bytes=file.size_bytes
    )


def upload(objects: Objects, file: FinishedFile, stored: StoredFile) -> None:
    """Put *file* into the store, check what arrived, and remove it from the disk.

    Raises:
        WriteFailedError: The store has another size than the disk, or its footer tells another
            number of records.
    """
    failpoint("parquet.store.staged")
    objects.upload(stored.key, file.path)
    failpoint("parquet.store.uploaded")
    _require_whole(objects, stored)
    failpoint("parquet.store.verified")
    file.path.unlink()


def open_parquet(objects: Objects, file: StoredFile) -> pq.ParquetFile:
    """Open a data file in the store; it is read in parts, and no more than is asked for.

    Raises:
        FileNotFoundError: It is gone.
    """
    return pq.ParquetFile(_Reader(objects, file))


def _require_whole(objects: Objects, file: StoredFile) -> None:
    reader = _Reader(objects, file)
    rows = pq.read_metadata(reader).num_rows
    if rows != file.rows:
        raise WriteFailedError(
            f"{objects.name(file.key)} holds {rows} records, but {file.rows} were written to it",
            phase="write",
        )


class _Reader(io.RawIOBase):
    """A file in the store, for Arrow; the end of it, where the footer is, is fetched first."""

    def __init__(self, objects: Objects, file: StoredFile) -> None:
        super().__init__()
        self._fetch: Callable[[int, int], bytes] = lambda start, end: _part(
            objects, file, start, end
        )
        self._size = file.size_bytes
        self._position = 0
        self._tail_start = max(0, self._size - _TAIL_BYTES)
        self._tail = self._fetch(self._tail_start, self._size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = start + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._position + size, self._size)
        pieces = []
        while self._position < end:
            pieces.append(self._piece(end))
            self._position += len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _piece(self, end: int) -> bytes:
        if self._position >= self._tail_start:
            return self._tail[self._position - self._tail_start : end - self._tail_start]
        end = min(end, self._position + _PIECE_BYTES, self._tail_start)
        return self._fetch(self._position, end)


def _part(objects: Objects, file: StoredFile, start: int, end: int) -> bytes:
    found = objects.read_part(file.key, start, end)
    if found.size_bytes != file.size_bytes or len(found.data) != end - start:
        raise WriteFailedError(
            f"{objects.name(file.key)} has {found.size_bytes} bytes, not the {file.size_bytes} "
            "that were written to it",
            details={"path": objects.name(file.key)},
            retryable=False,
        )
    return found.data
