"""A stream on an object store, as a target: files first, then one conditional entry of the log."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

import attrs
import pyarrow as pa

from dativo.contract import Commit, CommitRecord, Context, WriteMode, failpoint
from dativo.errors import (
    CommitUnknownError,
    ConcurrencyError,
    DativoError,
    StateError,
    WriteFailedError,
)
from dativo_writer_parquet._columns import EpochSchema
from dativo_writer_parquet._errors import translate
from dativo_writer_parquet._files import FileFormat, FinishedFile, StagedFile
from dativo_writer_parquet._publish import remove_tree
from dativo_writer_parquet._records import Published
from dativo_writer_parquet._staging import StagingArea
from dativo_writer_parquet._state import State
from dativo_writer_parquet._store._entries import (
    MOST_EARLIER,
    CommitEntry,
    StoredFile,
)
from dativo_writer_parquet._store._files import to_be_stored, upload
from dativo_writer_parquet._store._log import TakenError
from dativo_writer_parquet._store._open import OpenedLog, taken_over
from dativo_writer_parquet._store._read import state_of
from dativo_writer_parquet._target import Sealed

__all__ = ["Prefix"]

_UPLOADS_AT_ONCE = 4


@attrs.define
class _Uploads:
    """What an area has put into the store: every key it began, and the files that are whole."""

    keys: list[str] = attrs.field(factory=list)
    files: list[StoredFile] = attrs.field(factory=list)


class Prefix:
    """One run's hold on the objects of one stream; see :class:`Target`."""

    def __init__(self, opened: OpenedLog, context: Context) -> None:
        self._log = opened.log
        self._claim = opened.claim
        self._session = opened.session
        self._folder = opened.folder
        self._data = opened.log.keys.session(opened.log.head)
        self._context = context
        self._areas = count(1)
        self._lock = threading.Lock()
        self._uploads: dict[StagingArea, _Uploads] = {}

    @property
    def name(self) -> str:
        return self._log.objects.name(self._log.keys.data)

    @property
    def is_foreign(self) -> bool:
        return self._claim is None

    @contextmanager
    def explained(self) -> Iterator[None]:
        try:
            yield
        except DativoError as error:
            error.located(stream=self._log.keys.stream, phase="write")
            raise
        except (OSError, MemoryError, pa.ArrowException) as error:
            # The store's own failures are of the catalogue already: this is about the disk.
            raise translate(error, self._folder, stream=self._log.keys.stream) from error

    def area(self, form: FileFormat) -> StagingArea:
        names = f"{self._session}-{next(self._areas)}"
        stream = self._log.keys.stream
        area = StagingArea(self._folder, names, form, stream=stream, finished=self._upload)
        self._uploads[area] = _Uploads()
        return area

    def drop(self, area: StagingArea) -> None:
        area.discard()
        keys = self._uploads.pop(area, _Uploads()).keys
        try:
            self._log.objects.delete(keys)
        except DativoError as error:
            text = f"files that nobody will publish stay for now: {error.message}"
            self._context.log(text, level="warning", stream=self._log.keys.stream)

    def last(self) -> Published | None:
        return None if self._log.commit is None else self._log.commit.published

    def newest(self) -> Published | None:
        self._log.catch_up()
        return None if self._log.commit is None else self._log.commit.published

    def state(self) -> State | None:
        self._log.catch_up()
        return None if self._log.commit is None else state_of(self._log)

    def found(self, commit: Commit, last: Published | None) -> Published | None:
        newest = 0 if last is None else last.record.commit.epoch
        if commit.epoch == newest + 1:
            self._require_claim()
            return None
        if last is None or commit.epoch > newest:
            raise StateError(
                f"epoch {commit.epoch} of {commit.stream} cannot follow epoch {newest}, the newest "
                f"one in {self.name}",
                stream=commit.stream,
                phase="write",
            )
        known = (one.published for one in reversed(self._log.commits()))
        there = next((one for one in known if one.record.commit.epoch == commit.epoch), last)
        if _identity(there.record.commit) == _identity(commit):
            return there
        raise ConcurrencyError(
            f"epoch {commit.epoch} of {commit.stream} is published already, by run "
            f"{there.record.commit.run_id} of job {last.record.commit.job_id}; the newest epoch is "
            f"{newest}",
            details={"newest_epoch": newest, "fence": last.record.commit.fence},
            stream=commit.stream,
            phase="write",
        )

    def confirm(self, found: Published) -> int:
        commits = self._log.commits()
        return sum(one.size_bytes for one in commits if one.published.record == found.record)

    def seal(self, area: StagingArea, schema: EpochSchema, commit: Commit, rows: int) -> Sealed:
        files = self._sealed(area, schema, rows)
        return self._ready(area, self._entry(schema, commit, files))

    def rewrite(
        self, area: StagingArea, schema: EpochSchema, record: CommitRecord, rows: int
    ) -> Sealed:
        self._log.catch_up()
        self._require_claim()
        files = self._sealed(area, schema, rows)
        entry = self._entry(schema, record.commit, files, follows=False)
        return self._ready(area, attrs.evolve(entry, session=f"{self._session}/compaction"))

    def _sealed(self, area: StagingArea, schema: EpochSchema, rows: int) -> Sequence[StoredFile]:
        """Close and upload what is still open, and return all files of the epoch."""
        open_files = area.open_files() or [area.empty_file(schema)]
        with ThreadPoolExecutor(_UPLOADS_AT_ONCE, thread_name_prefix="dativo-upload") as pool:
            list(pool.map(lambda file: _finish(area, file), open_files))
        files = sorted(self._uploads[area].files, key=lambda file: file.key)
        counted = sum(file.rows for file in files)
        if counted != rows:
            raise WriteFailedError(
                f"the files of {self._log.keys.stream} in the store hold {counted} records, but "
                f"{rows} were read",
                phase="write",
            )
        return files

    def _ready(self, area: StagingArea, entry: CommitEntry) -> Sealed:
        failpoint("parquet.store.sealed")
        return Sealed(
            published=entry.published,
            size_bytes=entry.size_bytes,
            publish=lambda: self._publish(area, entry),
        )

    def close(self) -> None:
        remove_tree(self._folder)

    def _upload(self, area: StagingArea, file: FinishedFile) -> None:
        stored = to_be_stored(self._data, file)
        with self._lock:
            uploads = self._uploads.get(area)
            if uploads is None:  # aborted in the meantime
                return
            uploads.keys.append(stored.key)
        upload(self._log.objects, file, stored)
        with self._lock:
            uploads.files.append(stored)
            is_dropped = area not in self._uploads
        if is_dropped:
            self._log.objects.delete([stored.key])

    def _entry(
        self,
        schema: EpochSchema,
        commit: Commit,
        files: Sequence[StoredFile],
        *,
        follows: bool = True,
    ) -> CommitEntry:
        """Return the entry of a commit that *follows* what is published, or takes its place."""
        assert self._claim is not None
        before = self._log.commit if follows and commit.mode is not WriteMode.REPLACE else None
        sequence = self._log.head + 1
        record = CommitRecord(
            commit=commit,
            rows=sum(file.rows for file in files),
            files=tuple(file.key for file in files),
            schema=schema.logical.to_string(show_field_metadata=False, show_schema_metadata=False),
        )
        return CommitEntry(
            claim=self._claim,
            session=f"{self._session}/{commit.commit_id}",
            published=Published(
                record=record,
                schema=schema.logical,
                partition_by=tuple(key.level for key in schema.keys),
                primary_key=schema.primary_key,
            ),
            files=tuple(files),
            base=before.base if before else sequence,
            earlier=(*before.earlier, before.sequence)[-MOST_EARLIER:] if before else (),
            sequence=sequence,
        )

    def _publish(self, area: StagingArea, entry: CommitEntry) -> None:
        """Append the entry; whatever may be published must not be removed any more."""
        uploads = self._uploads.pop(area)
        try:
            self._log.append(entry)
        except TakenError as error:
            self._uploads[area] = uploads
            raise taken_over(self._log, error.entry, self._context) from error
        except CommitUnknownError:
            raise
        except DativoError:
            self._uploads[area] = uploads
            raise
        failpoint("parquet.store.committed")
        self._log.write_hint(swept=self._log.hint.swept, base=self._log.hint.base)
        failpoint("parquet.store.hinted")

    def _require_claim(self) -> None:
        newest = self._log.newest
        if newest is not None and newest.session.partition("/")[0] != self._session:
            raise taken_over(self._log, newest, self._context)


def _finish(area: StagingArea, file: StagedFile) -> None:
    area.keep(file.finish())


def _identity(commit: Commit) -> tuple[str, str, int, str]:
    return commit.job_id, commit.stream, commit.epoch, commit.commit_id
