"""An epoch: laid out where nobody looks, then made visible by one rename."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pyarrow as pa

from dativo.contract import Commit, CommitRecord, WriteMode, failpoint
from dativo.errors import (
    CapabilityMissingError,
    CommitUnknownError,
    ConcurrencyError,
    StateError,
)
from dativo_writer_jsonl._disk import (
    can_exchange,
    exchange,
    make_folder,
    remove,
    sync_folder,
    write_file,
)
from dativo_writer_jsonl._layout import Place, epoch_folder
from dativo_writer_jsonl._records import COMMIT_FILE, Published, newest, read_epoch
from dativo_writer_jsonl._staging import Area

__all__ = ["Sealed", "confirm", "publish", "published_before", "seal", "sweep_retired"]


@attrs.frozen(kw_only=True)
class Sealed:
    """An epoch that is whole and durable, and visible to nobody yet.

    Attributes:
        folder: What takes the place of the stream's folder in a replace; the epoch is in it.
        published: What readers will find.
        size_bytes: The size of its files.
    """

    folder: Path
    published: Published
    size_bytes: int

    @property
    def epoch(self) -> int:
        """Its number."""
        return self.published.record.commit.epoch


def seal(area: Area, commit: Commit, schema: pa.Schema, *, suffix: str) -> Sealed:
    """Finish the files of *area* and lay them out with the commit record, durably."""
    folder = area.folder / "publish"
    epoch = folder / epoch_folder(commit.epoch)
    make_folder(epoch)
    names = []
    size_bytes = 0
    for file in area.finish():
        size_bytes += file.path.stat().st_size
        target = epoch / f"{file.path.stem}{suffix}"
        file.path.rename(target)
        names.append(f"{epoch.name}/{target.name}")
    text = schema.to_string(show_field_metadata=False, show_schema_metadata=False)
    record = CommitRecord(commit=commit, rows=area.rows, files=tuple(names), schema=text)
    published = Published(record=record, schema=schema)
    write_file(epoch / COMMIT_FILE, published.to_json())
    sync_folder(epoch)
    sync_folder(folder)
    failpoint("jsonl.sealed")
    return Sealed(folder=folder, published=published, size_bytes=size_bytes)


def published_before(place: Place, commit: Commit, last: Published | None) -> Published | None:
    """Return the epoch if exactly this commit is published, ``None`` if it is the next one.

    Raises:
        ConcurrencyError: The epoch is published under another id, or a later one is.
        StateError: Epochs before it are missing.
    """
    newest_epoch = 0 if last is None else last.record.commit.epoch
    if commit.epoch == newest_epoch + 1:
        return None
    if commit.epoch > newest_epoch or last is None:
        raise StateError(
            f"epoch {commit.epoch} of {place.stream} cannot follow epoch {newest_epoch}, the "
            f"newest one in {place.data}",
            stream=place.stream,
        )
    found = None
    with contextlib.suppress(FileNotFoundError):  # an older one that was replaced
        found = read_epoch(place, commit.epoch)
    if found is not None and _identity(found.record.commit) == _identity(commit):
        return found
    raise ConcurrencyError(
        f"epoch {commit.epoch} of {place.stream} is published already, by run "
        f"{(found or last).record.commit.run_id}; the newest one is {newest_epoch}",
        details={"newest_epoch": newest_epoch, "fence": last.record.commit.fence},
        stream=place.stream,
    )


def publish(place: Place, sealed: Sealed) -> None:
    """Make *sealed* visible in one step, then durable; call it under the lock.

    Raises:
        CommitUnknownError: It is visible, but perhaps not for ever, or it cannot be told.
        CapabilityMissingError: A replace that the file system cannot do in one step.
    """
    make_folder(place.data)
    is_exchange = sealed.published.record.commit.mode is WriteMode.REPLACE and place.epochs()
    if is_exchange and not can_exchange(place.control):
        raise CapabilityMissingError(
            f"the file system of {place.root} cannot exchange two folders in one step",
            fix="Use a local file system, or append mode.",
            stream=place.stream,
        )
    failpoint("jsonl.publish.before")
    try:
        if is_exchange:
            exchange(sealed.folder, place.data)
        else:
            (sealed.folder / epoch_folder(sealed.epoch)).rename(place.epoch(sealed.epoch))
    except OSError as error:
        _require_published(place, sealed, error)
    failpoint("jsonl.publish.after")
    confirm(place)
    if is_exchange:
        _retire(place, sealed.folder)
    failpoint("jsonl.publish.durable")


def confirm(place: Place) -> None:
    """Make what is visible durable.

    Raises:
        CommitUnknownError: The disk did not confirm.
    """
    try:
        sync_folder(place.data)
        sync_folder(place.root)
    except OSError as error:
        raise CommitUnknownError(
            f"{place.data} is published, but the disk did not confirm it: {error}",
            details={"path": str(place.data)},
            stream=place.stream,
        ) from error


def sweep_retired(place: Place, *, grace_seconds: float) -> None:
    """Remove what was replaced longer ago than the grace."""
    with contextlib.suppress(FileNotFoundError):
        for folder in place.retired.iterdir():
            since = int(folder.name.partition("-")[0])
            if time.time_ns() - since > grace_seconds * 1e9:
                remove(folder)


def _require_published(place: Place, sealed: Sealed, error: OSError) -> None:
    """Raise what the *error* of the one step means, unless the step has happened all the same."""
    with _unknown(place, sealed, error):
        last = newest(place)
    if last is None or last.record != sealed.published.record:
        raise error


@contextlib.contextmanager
def _unknown(place: Place, sealed: Sealed, error: OSError) -> Iterator[None]:
    try:
        yield
    except Exception as unknown:
        if (sealed.folder / epoch_folder(sealed.epoch) / COMMIT_FILE).exists():
            raise error from unknown  # it is still where it was
        raise CommitUnknownError(
            f"publishing {place.data} failed, and it cannot be told how far it went: {error}",
            details={"path": str(place.data)},
            stream=place.stream,
        ) from unknown


def _retire(place: Place, replaced: Path) -> None:
    # The epoch is published by now, whatever becomes of what was published before.
    with contextlib.suppress(OSError):
        make_folder(place.retired)
        replaced.rename(place.retired / f"{time.time_ns()}-{secrets.token_hex(4)}")


def _identity(commit: Commit) -> tuple[str, str, int, str]:
    return commit.job_id, commit.stream, commit.epoch, commit.commit_id
