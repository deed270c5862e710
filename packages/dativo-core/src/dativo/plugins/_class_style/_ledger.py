"""What a class has published of one stream, written down beside its data as well as can be."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs

from dativo.contract import Commit, CommitRecord
from dativo.errors import ConcurrencyError, StateUnreadableError, wrap_exception
from dativo.plugins._class_style._settings import WriterSettings

__all__ = ["Entry", "Ledger", "folder_of", "safe_name"]

_FORMAT = 1
_LONGEST = 150


@attrs.frozen(kw_only=True)
class Entry:
    """What is known of one stream.

    Attributes:
        record: The newest commit that ended.
        fence: The highest fence that was claimed.
        counter: How many files were counted by all commits that ended.
        begun: The epoch of a commit that has begun and not ended; 0 for none.
    """

    record: CommitRecord | None = None
    fence: int = 0
    counter: int = 0
    begun: int = 0


@attrs.frozen
class Ledger:
    """The file of one stream; whoever changes it holds the target's lock."""

    path: Path

    @classmethod
    def of(cls, settings: WriterSettings, stream: str) -> Ledger:
        """Return the ledger of *stream* in the place that *settings* name."""
        return cls(folder_of(settings) / f"{safe_name(stream)}.json")

    def read(self) -> Entry:
        """Return what is written.

        Raises:
            StateUnreadableError: It cannot be read; that is never taken for nothing.
        """
        try:
            return _entry(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return Entry()
        except OSError as error:
            raise wrap_exception(error, default=StateUnreadableError) from error
        except (ValueError, KeyError, TypeError) as error:
            msg = f"the record of what is published, {self.path}, is damaged: {error}"
            fix = "Bring the file back from a backup; without it nobody knows what is published."
            raise StateUnreadableError(msg, fix=fix) from error

    def claim(self, fence: int) -> Entry:
        """Keep runs with a lower fence from publishing, and return what is written.

        Raises:
            ConcurrencyError: A run with a higher fence has claimed the stream.
        """
        entry = self._require_fence(self.read(), fence)
        if entry.fence < fence:
            entry = attrs.evolve(entry, fence=fence)
            self._write(entry)
        return entry

    def begin(self, commit: Commit) -> Entry:
        """Note that *commit* begins, and return what was written before.

        Raises:
            ConcurrencyError: A later run has claimed the stream, or the epoch is published.
        """
        entry = self._require_fence(self.read(), commit.fence)
        published = 0 if entry.record is None else entry.record.commit.epoch
        if commit.epoch <= published:
            msg = f"epoch {commit.epoch} of stream {commit.stream!r} is published already"
            raise ConcurrencyError(msg, details={"epoch": published})
        self._write(attrs.evolve(entry, begun=commit.epoch))
        return entry

    def end(self, record: CommitRecord, *, files: int) -> None:
        """Note that the commit of *record* has ended, having counted *files* files."""
        entry = self.read()
        self._write(attrs.evolve(entry, record=record, counter=entry.counter + files, begun=0))

    def _require_fence(self, entry: Entry, fence: int) -> Entry:
        if entry.fence > fence:
            msg = f"a run with the fence {entry.fence} has claimed the stream; this one has {fence}"
            raise ConcurrencyError(msg, details={"fence": entry.fence})
        return entry

    def _write(self, entry: Entry) -> None:
        """Exchange the file in one step, forced to the disk."""
        document = {
            "format": _FORMAT,
            "record": None if entry.record is None else entry.record.to_json(),
            "fence": entry.fence,
            "counter": entry.counter,
            "begun": entry.begun,
        }
        fresh = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(document, file)
                file.flush()
                os.fsync(descriptor)
            fresh.replace(self.path)
            _sync(self.path.parent)
        except OSError as error:
            raise wrap_exception(error, default=StateUnreadableError) from error


def folder_of(settings: WriterSettings) -> Path:
    """Return the folder of the ledgers: with the data if it is in a folder, else in the project."""
    if isinstance(settings.output_base, Path):
        return settings.output_base / ".dativo"
    place = "\0".join(
        (
            settings.type,
            settings.output_base or "",
            settings.catalog or "",
            settings.warehouse or "",
        )
    )
    return settings.records / hashlib.sha256(place.encode()).hexdigest()[:12]


def safe_name(stream: str) -> str:
    """Return *stream* as a name of a file or folder, different for different streams."""
    quoted = quote(stream, safe=" ,=+@").replace("~", "%7E")
    if len(quoted) <= _LONGEST and not quoted.startswith("."):
        return quoted
    digest = hashlib.sha256(stream.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{quoted.lstrip('.')[:_LONGEST]}-{digest}"


def _entry(document: Any) -> Entry:
    if document["format"] != _FORMAT:
        msg = f"format {document['format']!r}; this core reads {_FORMAT}"
        raise ValueError(msg)
    record = document["record"]
    return Entry(
        record=None if record is None else CommitRecord.from_json(record),
        fence=int(document["fence"]),
        counter=int(document["counter"]),
        begun=int(document["begun"]),
    )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)
