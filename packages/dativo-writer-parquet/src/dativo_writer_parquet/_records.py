"""What is published: the epochs of a stream's folder, and the record that lies in each."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from dativo.contract import CommitRecord
from dativo.errors import DativoError, StateError, StateUnreadableError
from dativo_writer_parquet._config import PartitionBy, PartitionPart
from dativo_writer_parquet._layout import COMMIT_SUFFIX, Place, epoch_folder, epoch_of

__all__ = [
    "Newest",
    "Published",
    "footer_entries",
    "newest",
    "published_epochs",
    "published_of",
    "read_epoch",
    "require_gapless",
]

COMMIT_KEY = b"dativo.commit"
SCHEMA_KEY = b"dativo.schema"
PARTITION_KEY = b"dativo.partition_by"
PRIMARY_KEY = b"dativo.primary_key"

_FIX = "Restore {} from a backup, or move it away and run once with --full-refresh."


@attrs.frozen(kw_only=True)
class Published:
    """One epoch as its footer tells it.

    Attributes:
        record: The commit record.
        schema: The schema of the records as the source gave it, with the partition columns.
        partition_by: The levels of folders below it.
        primary_key: In merge mode, what identifies a record; else empty.
    """

    record: CommitRecord
    schema: pa.Schema
    partition_by: tuple[PartitionBy, ...]
    primary_key: tuple[str, ...] = ()


def footer_entries(
    record: CommitRecord,
    schema: pa.Schema,
    partition_by: tuple[PartitionBy, ...],
    *,
    primary_key: tuple[str, ...] = (),
) -> Mapping[bytes, bytes]:
    """Return what goes into the footer of the one file that carries the record."""
    levels = [{"column": level.column, "part": str(level.part)} for level in partition_by]
    return {
        COMMIT_KEY: record.to_json().encode(),
        SCHEMA_KEY: base64.b64encode(schema.serialize().to_pybytes()),
        PARTITION_KEY: json.dumps(levels).encode(),
        PRIMARY_KEY: json.dumps(primary_key).encode(),
    }


def published_of(entries: Mapping[bytes, bytes]) -> Published:
    """Read what :func:`footer_entries` made.

    Raises:
        ValueError: A text is damaged; ``LookupError`` if one is missing; or an error of Arrow.
    """
    return Published(
        record=CommitRecord.from_json(entries[COMMIT_KEY].decode()),
        schema=pa.ipc.read_schema(pa.py_buffer(base64.b64decode(entries[SCHEMA_KEY]))),
        partition_by=_levels(entries[PARTITION_KEY]),
        primary_key=tuple(json.loads(entries.get(PRIMARY_KEY, b"[]"))),
    )


def published_epochs(place: Place) -> tuple[int, ...]:
    """Return the published epochs in order; a folder that does not exist has none.

    Raises:
        StateError: The folder holds something that Dativo did not write there.
    """
    try:
        if stat.S_ISLNK(os.lstat(place.data).st_mode):
            raise _foreign(place, "is a link")
        with os.scandir(place.data) as entries:
            kinds = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
    except FileNotFoundError:
        return ()
    except NotADirectoryError:
        raise _foreign(place, "is no folder") from None
    strange = sorted(name for name, folder in kinds.items() if not (folder and epoch_of(name)))
    if strange:
        raise _foreign(place, f"holds {strange[0]!r}, which is no epoch")
    return tuple(sorted(epoch for epoch in map(epoch_of, kinds) if epoch))


def newest(place: Place) -> Published | None:
    """Return the newest epoch of the stream's place, of whatever job; ``None`` if there is none.

    Raises:
        StateUnreadableError: It has no readable record.
        StateError: The folder holds something that Dativo did not write there.
    """
    epochs = published_epochs(place)
    return read_epoch(place, epochs[-1]) if epochs else None


class Newest:
    """The newest epoch of a place; its record is read again only where something has changed.

    A published epoch never changes and its successor is another folder, so this saves the reading
    of footers, several for each commit.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._known: tuple[Published, Sequence[object]] | None = None

    @property
    def known(self) -> Published | None:
        """What it was when it was read or noted last."""
        return None if self._known is None else self._known[0]

    def is_current(self) -> bool:
        """Whether nothing has changed since then; also without the lock.

        Raises:
            StateError: The folder holds something that Dativo did not write there.
        """
        return self._is_of(published_epochs(self._place))

    def read(self) -> Published | None:
        """Return it as :func:`newest` does, and raise what that raises; call it under the lock."""
        epochs = published_epochs(self._place)
        if not self._is_of(epochs):
            self._known = None
            if epochs:
                self.note(read_epoch(self._place, epochs[-1]))
        return self.known

    def note(self, published: Published) -> None:
        """Take in what is now published; call it under the lock."""
        self._known = published, self._marks(published)

    def _is_of(self, epochs: Sequence[int]) -> bool:
        known = self._known
        if known is None or not epochs:
            return known is None and not epochs
        published, marks = known
        return published.record.commit.epoch == epochs[-1] and self._marks(published) == marks

    def _marks(self, published: Published) -> Sequence[object]:
        """Return what changes with the epoch's folder, and with the file that has its record."""
        record = published.record
        carriers = (name for name in record.files if name.endswith(COMMIT_SUFFIX))
        names = (epoch_folder(record.commit.epoch), *carriers)
        try:
            found = [self._place.data.joinpath(name).stat() for name in names]
        except OSError as error:
            return [error]  # like nothing else, so that it is read
        return [
            (one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for one in found
        ]


def require_gapless(place: Place, epochs: Sequence[int]) -> None:
    """Refuse a stream that lacks an epoch between its first and its last one.

    Raises:
        StateError: An epoch was removed, or got lost in a copy of the folder.
    """
    missing = sorted({*range(epochs[0], epochs[-1])} - {*epochs}) if epochs else []
    if missing:
        raise StateError(
            f"{place.data} has the epochs {epochs[0]} to {epochs[-1]}, but not {missing[0]}",
            fix=f"Restore {epoch_folder(missing[0])} from a backup, or run with --full-refresh.",
            details={"path": str(place.data), "missing": missing},
            stream=place.stream,
        )


def read_epoch(place: Place, epoch: int) -> Published:
    """Return what the footer of *epoch* says.

    Raises:
        StateUnreadableError: There is no record, more than one, or a damaged one.
    """
    folder = place.epoch(epoch)
    try:
        found = published_of(_entries(folder))
        _require_same(found.record, place.stream, epoch)
    except (OSError, ValueError, LookupError, TypeError, DativoError, pa.ArrowException) as error:
        raise StateUnreadableError(
            f"the commit record of {folder} cannot be read: {error}",
            fix=_FIX.format(place.data),
            details={"path": str(folder)},
            stream=place.stream,
            phase="write",
        ) from error
    return found


def stream_of(folder: Path) -> str | None:
    """Return the stream that is published in *folder*, ``None`` if it holds no epoch.

    Raises:
        StateUnreadableError: The newest epoch has no readable record.
    """
    try:
        epochs = sorted(path for path in folder.iterdir() if epoch_of(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not epochs:
        return None
    try:
        return published_of(_entries(epochs[-1])).record.commit.stream
    except (OSError, ValueError, LookupError, TypeError, DativoError, pa.ArrowException) as error:
        raise StateUnreadableError(
            f"the commit record of {epochs[-1]} cannot be read: {error}",
            fix=_FIX.format(folder),
            details={"path": str(epochs[-1])},
        ) from error


def _entries(folder: Path) -> Mapping[bytes, bytes]:
    carriers = [
        Path(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
        if name.endswith(COMMIT_SUFFIX)
    ]
    if len(carriers) != 1:
        raise LookupError(f"{len(carriers)} files carry one, not exactly 1")
    metadata = pq.read_metadata(carriers[0], memory_map=False).metadata
    return metadata or {}


def _levels(text: bytes) -> tuple[PartitionBy, ...]:
    return tuple(
        PartitionBy(column=level["column"], part=PartitionPart(level["part"]))
        for level in json.loads(text)
    )


def _require_same(record: CommitRecord, stream: str, epoch: int) -> None:
    told = record.commit.stream, record.commit.epoch
    if told != (stream, epoch):
        raise LookupError(f"it is the record of stream {told[0]!r}, epoch {told[1]}")


def _foreign(place: Place, what: str) -> StateError:
    return StateError(
        f"{place.data} {what}; Dativo keeps nothing but its own epochs there",
        fix=f"Move what is in the way out of {place.data}, or choose another path.",
        details={"path": str(place.data)},
        stream=place.stream,
        phase="write",
    )
