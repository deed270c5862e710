"""The writing of one stream: staged where nobody looks, made visible by one rename."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

import attrs
import pyarrow as pa
from dativo.contract import (
    Batch,
    Commit,
    CommitRecord,
    Context,
    Receipt,
    Staged,
    WriteMode,
    WriteRequest,
)
from dativo.errors import CapabilityMissingError, CommitUnknownError, ConcurrencyError

from ._claim import claim, require_claim
from ._config import Config
from ._disk import link, make_folder, sync_folder, write_text
from ._files import write_files
from ._place import RECORD, Place, place_of
from ._read import published_schema, require_followable

__all__ = ["Session"]


@attrs.frozen
class _Files:
    """What a staged batch became."""

    paths: tuple[Path, ...]
    schema: pa.Schema


class Session:
    """Writes one stream; the engine calls `stage` from several threads, the others from one."""

    def __init__(self, config: Config, request: WriteRequest, context: Context) -> None:
        if request.mode is WriteMode.MERGE:
            raise CapabilityMissingError("records cannot be merged; choose append or replace")
        self._compression = config.compression
        self._place = place = place_of(config, request.stream)
        make_folder(place.folder)
        with place.locked():
            if claim(place, job_id=context.job_id, run_id=context.run_id, fence=context.fence):
                # No older run can publish any more, so what they have left is of no use.
                _sweep(place)
        self._staging = place.folder / f"staging-{uuid.uuid4().hex}"

    def stage(self, batch: Batch) -> Staged:
        """Drain *batch* into files that nobody sees, one record batch in memory at a time."""
        make_folder(self._staging)
        reader = pa.RecordBatchReader.from_stream(batch.data)
        # In the order in which the source gave them, when somebody lists the files by their names.
        start = self._staging / f"{batch.sequence:06}-{uuid.uuid4().hex[:8]}"
        written = write_files(reader, start, self._compression)
        files = _Files(written.paths, reader.schema)
        return Staged(rows=written.rows, size_bytes=written.size_bytes, token=files)

    def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
        """Make an epoch visible."""
        place, size_bytes = self._place, sum(one.size_bytes for one in staged)
        # Nobody may publish between our looking and our renaming.
        with place.locked():
            require_claim(place, job_id=commit.job_id, run_id=commit.run_id, fence=commit.fence)
            last = place.last_record()
            if last is not None and last.commit.epoch >= commit.epoch:
                return _repeated(last, commit)
            files = [one.token for one in staged if isinstance(one.token, _Files)]
            if commit.mode is WriteMode.APPEND:
                _require_followable(place, files)
            record = _record(commit, staged, files)
            self._publish(record)
        return Receipt(record=record, size_bytes=size_bytes)

    def abort(self) -> None:
        """Remove what is staged."""
        shutil.rmtree(self._staging, ignore_errors=True)

    def last_commit(self) -> CommitRecord | None:
        """Return the newest published record."""
        return self._place.last_record()

    def close(self) -> None:
        """Remove what was staged in vain."""
        self.abort()

    def _publish(self, record: CommitRecord) -> None:
        place, epoch = self._place, _name(record.commit)
        make_folder(self._staging)
        write_text(self._staging / RECORD, record.to_json())
        is_new = record.commit.mode is WriteMode.REPLACE or not place.link.is_symlink()
        target = place.folder / epoch.replace("epoch", "data") if is_new else place.link.resolve()
        make_folder(target)
        self._staging.rename(target / epoch)
        if is_new:
            sync_folder(target)
            link(place.link, target)
        # It is visible now. If the disk cannot say that it stays so, nobody knows: not a failure.
        try:
            sync_folder(place.link.parent if is_new else target)
        except OSError as error:
            raise CommitUnknownError(f"{target / epoch} may not be durable: {error}") from error
        if is_new:
            _sweep(place)


def _repeated(last: CommitRecord, commit: Commit) -> Receipt:
    """Answer the commit that is published already; any other of its number is somebody else's."""
    known, asked = last.commit, commit
    if (known.job_id, known.epoch, known.commit_id) == (asked.job_id, asked.epoch, asked.commit_id):
        return Receipt(record=last, replayed=True)
    raise ConcurrencyError(f"epoch {known.epoch} of {asked.stream} is published already")


def _require_followable(place: Place, files: Sequence[_Files]) -> None:
    old = published_schema(place)
    for staged in files if old is not None else ():
        require_followable(staged.schema, old)


def _record(commit: Commit, staged: Sequence[Staged], files: Sequence[_Files]) -> CommitRecord:
    names = sorted(path.name for one in files for path in one.paths)
    return CommitRecord(
        commit=commit,
        rows=sum(one.rows for one in staged),
        files=tuple(f"{_name(commit)}/{name}" for name in names),
        schema=files[-1].schema.to_string(show_schema_metadata=False) if files else "",
    )


def _name(commit: Commit) -> str:
    return f"epoch-{commit.epoch:010}"


def _sweep(place: Place) -> None:
    """Remove what is not published: leftovers of dead runs, and what a replace has replaced."""
    current = place.link.resolve()
    for folder in (*place.folder.glob("staging-*"), *place.folder.glob("data-*")):
        if folder != current:
            shutil.rmtree(folder, ignore_errors=True)
