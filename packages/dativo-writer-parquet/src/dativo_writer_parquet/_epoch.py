"""Sealing an epoch, which may take long, and publishing it, which is one rename."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from dativo.contract import Commit, CommitRecord, WriteMode, failpoint
from dativo.errors import CommitUnknownError, ConcurrencyError, StateError, WriteFailedError
from dativo_writer_parquet._columns import EpochSchema
from dativo_writer_parquet._files import FinishedFile, StagedFile
from dativo_writer_parquet._layout import (
    COMMIT_SUFFIX,
    FILE_SUFFIX,
    STAGED_SUFFIX,
    Place,
    epoch_folder,
)
from dativo_writer_parquet._publish import (
    fsync_folder,
    fsync_together,
    make_new_folder,
    move,
    rename_new,
)
from dativo_writer_parquet._records import Published, footer_entries, read_epoch
from dativo_writer_parquet._retired import exchange_and_retire
from dativo_writer_parquet._staging import StagingArea

__all__ = ["SealedEpoch", "already_published", "confirm", "publish", "seal"]


@attrs.frozen(kw_only=True)
class SealedEpoch:
    """An epoch that is whole and durable, and visible to nobody yet.

    Attributes:
        folder: What becomes the stream's folder if there is none, or if it is replaced.
        published: What a reader will find.
        size_bytes: The size of its files.
    """

    folder: Path
    published: Published
    size_bytes: int


def seal(
    area: StagingArea,
    schema: EpochSchema,
    commit: Commit,
    *,
    rows: int,
    folder_mode: int,
    tell: Callable[[], None],
) -> SealedEpoch:
    """Close and check the staged files and lay them out as the epoch's folder, durably.

    Raises:
        WriteFailedError: The footers of the files, read back, do not add up to *rows*.
    """
    levels = tuple(key.level for key in schema.keys)
    *others, carrier = area.open_files() or [area.empty_file(schema)]
    for file in others:
        area.keep(file.finish())
        tell()
    names = {file.path: _name(file) for file in area.finished_files()}
    names[carrier.path] = _name(carrier, suffix=COMMIT_SUFFIX)
    record = CommitRecord(
        commit=commit,
        rows=rows,
        files=tuple(sorted(f"{epoch_folder(commit.epoch)}/{name}" for name in names.values())),
        schema=schema.logical.to_string(show_field_metadata=False, show_schema_metadata=False),
    )
    entries = footer_entries(record, schema.logical, levels, primary_key=schema.primary_key)
    area.keep(carrier.finish(entries))
    files = area.finished_files()
    counted = sum(file.rows for file in files)
    if counted != rows:
        raise WriteFailedError(
            f"the staged files of {commit.stream} hold {counted} records, but {rows} were read",
            phase="write",
        )
    failpoint("parquet.sealed")
    _lay_out(area.outbox, commit.epoch, names, mode=folder_mode)
    area.hand_over()
    failpoint("parquet.laid_out")
    return SealedEpoch(
        folder=area.outbox,
        published=Published(
            record=record,
            schema=schema.logical,
            partition_by=levels,
            primary_key=schema.primary_key,
        ),
        size_bytes=sum(file.size_bytes for file in files),
    )


def publish(place: Place, sealed: SealedEpoch, *, is_rewritten: bool = False) -> None:
    """Make *sealed* visible in one step, then durable; call it under the lock.

    Args:
        place: Where.
        sealed: What.
        is_rewritten: Whether it is what is published already, in other files.

    Raises:
        ConcurrencyError: Somebody published there without the lock.
        CommitUnknownError: It is visible, but perhaps not for ever.
    """
    mode = WriteMode.REPLACE if is_rewritten else sealed.published.record.commit.mode
    step = _STEPS[mode, place.data.exists()]
    failpoint("parquet.publish.before")
    try:
        step(place, sealed)
    except OSError as error:
        _require_published(place, sealed, error)
    failpoint("parquet.publish.after")
    confirm(place, has_new_names=step is _publish_epoch)
    failpoint("parquet.publish.durable")


def confirm(place: Place, *, has_new_names: bool = True) -> None:
    """Make what is visible durable.

    Args:
        place: Where.
        has_new_names: Whether there are names in the stream's folder that may not be durable; if
            not, it is only the folder's own.

    Raises:
        CommitUnknownError: The disk did not confirm.
    """
    try:
        if has_new_names:
            fsync_folder(place.data)
        failpoint("parquet.publish.half_durable")
        fsync_together(place.root)  # the streams of a job share it
    except OSError as error:
        raise CommitUnknownError(
            f"{place.data} is published, but the disk did not confirm it: {error}",
            details={"path": str(place.data)},
            stream=place.stream,
            phase="write",
        ) from error


def already_published(place: Place, commit: Commit, last: Published | None) -> Published | None:
    """Return the epoch if exactly this commit is published, ``None`` if it is the next one.

    Raises:
        ConcurrencyError: The epoch is published under another id, or a later one is.
        StateError: Epochs before it are missing.
    """
    newest_epoch = 0 if last is None else last.record.commit.epoch
    if commit.epoch == newest_epoch + 1:
        return None
    if commit.epoch > newest_epoch:
        raise StateError(
            f"epoch {commit.epoch} of {place.stream} cannot follow epoch {newest_epoch}, the "
            f"newest one in {place.data}",
            stream=place.stream,
            phase="write",
        )
    there = place.epoch(commit.epoch).is_dir()
    found = read_epoch(place, commit.epoch) if there else last
    if found is not None and _identity(found.record.commit) == _identity(commit):
        return found
    assert last is not None
    raise ConcurrencyError(
        f"epoch {commit.epoch} of {place.stream} is published already, by run "
        f"{(found or last).record.commit.run_id} of job {last.record.commit.job_id}; the newest "
        f"epoch is {newest_epoch}",
        details={"newest_epoch": newest_epoch, "fence": last.record.commit.fence},
        stream=place.stream,
        phase="write",
    )


def _identity(commit: Commit) -> tuple[str, str, int, str]:
    return commit.job_id, commit.stream, commit.epoch, commit.commit_id


def _require_published(place: Place, sealed: SealedEpoch, error: OSError) -> None:
    """Raise what the *error* of the one step means, unless the step has happened all the same.

    An error is no answer: a disk may fail afterwards, and NFS sends a rename again whose answer
    got lost, which then finds no source (``ENOENT``) or its own target (``EEXIST``). So what is
    there decides.
    """
    record = sealed.published.record
    epoch = record.commit.epoch
    try:
        found = read_epoch(place, epoch).record if place.epoch(epoch).is_dir() else None
    except Exception as unknown:
        if not (sealed.folder / epoch_folder(epoch)).exists():  # what is there may be ours
            raise CommitUnknownError(
                f"publishing {place.data} failed, and it cannot be told how far it went: {error}",
                details={"path": str(place.data)},
                stream=place.stream,
                phase="write",
            ) from unknown
        found = None
    if found == record:
        return
    if isinstance(error, FileExistsError):
        raise ConcurrencyError(
            f"{error.filename2 or place.data} appeared while it was published",
            stream=place.stream,
            phase="write",
        ) from error
    raise error


def _name(file: StagedFile | FinishedFile, *, suffix: str = FILE_SUFFIX) -> str:
    name = file.path.name.removesuffix(STAGED_SUFFIX) + suffix
    return f"{file.partition}/{name}" if file.partition else name


def _lay_out(folder: Path, epoch: int, names: dict[Path, str], *, mode: int) -> None:
    """Rename the staged files to their places below *folder* and make their names durable.

    The epoch's own name is not: it may yet become one in the stream's folder.
    """
    top = folder / epoch_folder(epoch)
    # The last parent of a name is ".", which is the epoch's folder itself.
    nested = [Path(name) for name in names.values() if "/" in name]
    folders = {top, *(top / parent for name in nested for parent in name.parents)}
    for path in (folder, *sorted(folders)):
        make_new_folder(path, mode=mode)
    for path, name in names.items():
        move(path, top / name)
    for path in sorted(folders, reverse=True):
        fsync_folder(path)


# --- the one step, by mode and by whether there is anything yet ---------------------------------


def _publish_stream(place: Place, sealed: SealedEpoch) -> None:
    fsync_folder(sealed.folder)
    rename_new(sealed.folder, place.data)


def _publish_epoch(place: Place, sealed: SealedEpoch) -> None:
    epoch = sealed.published.record.commit.epoch
    rename_new(sealed.folder / epoch_folder(epoch), place.epoch(epoch))


def _exchange_stream(place: Place, sealed: SealedEpoch) -> None:
    fsync_folder(sealed.folder)
    exchange_and_retire(place, sealed.folder)


_STEPS: dict[tuple[WriteMode, bool], Callable[[Place, SealedEpoch], None]] = {
    (WriteMode.APPEND, False): _publish_stream,
    (WriteMode.APPEND, True): _publish_epoch,
    (WriteMode.REPLACE, False): _publish_stream,
    (WriteMode.REPLACE, True): _exchange_stream,
    (WriteMode.MERGE, False): _publish_stream,
    (WriteMode.MERGE, True): _publish_epoch,
}
