"""What is written but not published: files in a session's own folder."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import pyarrow as pa

from dativo_writer_jsonl._config import Compression, JsonlConfig
from dativo_writer_jsonl._disk import make_folder, remove, sync_file, try_lock
from dativo_writer_jsonl._layout import Place

__all__ = ["Area", "File", "Session", "open_session_folder"]

_MIB = 1024 * 1024
_ALIVE = ".alive"


@attrs.define(eq=False)
class File:
    """A file that is being written, or is whole and durable."""

    path: Path
    stream: pa.NativeFile
    rows: int = 0
    size_bytes: int = 0

    def write(self, lines: Sequence[str]) -> int:
        """Add *lines* and return their bytes."""
        data = "".join([f"{line}\n" for line in lines]).encode()
        self.stream.write(data)
        self.rows += len(lines)
        self.size_bytes += len(data)
        return len(data)

    def finish(self) -> None:
        """Make it whole and durable."""
        self.stream.close()
        sync_file(self.path)


class Area:
    """The files of one epoch; threads that stage at once write to different files."""

    def __init__(self, folder: Path, config: JsonlConfig) -> None:
        self._folder = folder
        self._config = config
        self._lock = threading.Lock()
        self._free: list[File] = []
        self._open: set[File] = set()
        self._whole: list[File] = []
        self._count = 0
        self.schema: pa.Schema | None = None
        self.tokens: set[int] = set()
        self.rows = 0
        self.has_failed = False

    @property
    def folder(self) -> Path:
        """The folder that becomes the epoch's."""
        return self._folder

    @contextlib.contextmanager
    def file(self) -> Iterator[list[File]]:
        """Give this thread a file of its own, as the last of a list."""
        mine: list[File] = []
        with self._lock:
            if self._free:
                mine.append(self._free.pop())
        try:
            yield mine
        except BaseException:
            self.has_failed = True
            raise
        finally:
            with self._lock:
                self._free += mine[-1:]

    def write(self, mine: list[File], lines: Sequence[str]) -> int:
        """Write to the last file of *mine*, and to another one once it is large enough."""
        if mine and mine[-1].size_bytes >= self._config.rotate_mib * _MIB:
            whole = mine.pop()
            whole.finish()
            with self._lock:
                self._open.discard(whole)
                self._whole.append(whole)
        if not mine:
            mine.append(self._new())
        return mine[-1].write(lines)

    def account(self, rows: int) -> int:
        """Note that so many records were staged, and return a token for them."""
        with self._lock:
            self.rows += rows
            token = len(self.tokens) + 1
            self.tokens.add(token)
            return token

    def finish(self) -> Sequence[File]:
        """Make all files whole and durable, and return them."""
        for file in sorted(self._open, key=lambda one: one.path):
            file.finish()
            self._whole.append(file)
        self._open.clear()
        self._free.clear()
        return sorted(self._whole, key=lambda one: one.path)

    def discard(self) -> None:
        """Remove everything."""
        for file in self._open:
            with contextlib.suppress(OSError, pa.ArrowException):
                file.stream.close()
        self._open.clear()
        self._free.clear()
        remove(self._folder)

    def _new(self) -> File:
        with self._lock:
            self._count += 1
            # No reader's glob takes it for a file of the lake before it is published.
            path = self._folder / f"{self._folder.name}-{self._count:05d}.part"
            make_folder(self._folder)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            packed = self._config.compression
            name = None if packed is Compression.NONE else packed.value
            file = File(path, pa.output_stream(str(path), compression=name))
            self._open.add(file)
            return file


@attrs.frozen
class Session:
    """A session's own folder; the lock on its mark tells the living from the dead."""

    folder: Path
    descriptor: int

    def close(self) -> None:
        """Remove the folder and its mark."""
        remove(self.folder)
        self.folder.with_name(self.folder.name + _ALIVE).unlink(missing_ok=True)
        os.close(self.descriptor)


def open_session_folder(place: Place) -> Session:
    """Make a folder of our own, and remove those of sessions that have died.

    Call it under the stream's lock.
    """
    make_folder(place.sessions)
    for mark in place.sessions.glob(f"*{_ALIVE}"):
        with contextlib.suppress(FileNotFoundError):
            _sweep(mark)
    folder = place.sessions / secrets.token_hex(8)
    mark = folder.with_name(folder.name + _ALIVE)
    descriptor = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try_lock(descriptor)
    make_folder(folder)
    return Session(folder, descriptor)


def _sweep(mark: Path) -> None:
    descriptor = os.open(mark, os.O_RDWR | os.O_CLOEXEC)
    try:
        if try_lock(descriptor):
            remove(mark.with_name(mark.name.removesuffix(_ALIVE)))
            mark.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
