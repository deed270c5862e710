"""A stream in a folder, as a target."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from itertools import count
from typing import TYPE_CHECKING

from dativo.contract import Commit, CommitRecord, Context
from dativo.errors import ConcurrencyError
from dativo_writer_parquet._claims import read_claim
from dativo_writer_parquet._columns import EpochSchema
from dativo_writer_parquet._config import ParquetConfig
from dativo_writer_parquet._epoch import (
    SealedEpoch,
    already_published,
    confirm,
    publish,
    seal,
)
from dativo_writer_parquet._errors import explained
from dativo_writer_parquet._files import FileFormat
from dativo_writer_parquet._open import Opened, critical
from dativo_writer_parquet._records import Published
from dativo_writer_parquet._retired import sweep_retired
from dativo_writer_parquet._staging import StagingArea
from dativo_writer_parquet._target import Sealed

if TYPE_CHECKING:
    from dativo_writer_parquet._state import State

__all__ = ["Folder"]


class Folder:
    """One run's hold on the folder of one stream; see :class:`Target`."""

    def __init__(self, config: ParquetConfig, context: Context, opened: Opened) -> None:
        self._config = config
        self._context = context
        self._place = opened.place
        self._workspace = opened.workspace
        self._claim = opened.claim
        self._newest = opened.newest
        self._last = opened.last
        self._areas = count(1)

    @property
    def name(self) -> str:
        return str(self._place.data)

    @property
    def is_foreign(self) -> bool:
        return self._claim is None

    def explained(self) -> AbstractContextManager[None]:
        return explained(self._place.data, stream=self._place.stream)

    def area(self, form: FileFormat) -> StagingArea:
        names = f"{self._workspace.session}-{next(self._areas)}"
        return StagingArea(self._workspace.folder, names, form, stream=self._place.stream)

    def drop(self, area: StagingArea) -> None:
        area.discard()

    def last(self) -> Published | None:
        return self._last

    def newest(self) -> Published | None:
        if self._newest.is_current():
            return self._newest.known
        with self._critical():
            return self._newest.read()

    def state(self) -> State | None:
        from dativo_writer_parquet._read import published_state  # noqa: PLC0415 - few runs read

        return published_state(self._place)

    def found(self, commit: Commit, last: Published | None) -> Published | None:
        return already_published(self._place, commit, last)

    def confirm(self, found: Published) -> int:
        confirm(self._place)
        return sum((self._place.data / name).stat().st_size for name in found.record.files)

    def seal(self, area: StagingArea, schema: EpochSchema, commit: Commit, rows: int) -> Sealed:
        sealed = self._sealed(area, schema, commit, rows)
        return Sealed(
            published=sealed.published,
            size_bytes=sealed.size_bytes,
            publish=lambda: self._publish(sealed),
        )

    def rewrite(
        self, area: StagingArea, schema: EpochSchema, record: CommitRecord, rows: int
    ) -> Sealed:
        sealed = self._sealed(area, schema, record.commit, rows)
        return Sealed(
            published=sealed.published,
            size_bytes=sealed.size_bytes,
            publish=lambda: self._exchange(sealed, record),
        )

    def close(self) -> None:
        self._workspace.close()

    def _publish(self, sealed: SealedEpoch) -> None:
        with self._critical():
            self._require_claim()
            already_published(self._place, sealed.published.record.commit, self._newest.read())
            publish(self._place, sealed)
            self._newest.note(sealed.published)
            self._sweep()

    def _exchange(self, sealed: SealedEpoch, record: CommitRecord) -> None:
        with self._critical():
            self._require_claim()
            last = self._newest.read()
            if last is None or last.record != record:
                raise ConcurrencyError(
                    f"{self._place.data} was written while it was compacted; nothing was changed",
                    stream=self._place.stream,
                    phase="compact",
                )
            publish(self._place, sealed, is_rewritten=True)
            self._sweep()

    def _sweep(self) -> None:
        # The epoch is published by now, whatever becomes of what was published before.
        with suppress(OSError):
            sweep_retired(self._place, grace_seconds=self._config.grace_seconds)

    def _sealed(
        self, area: StagingArea, schema: EpochSchema, commit: Commit, rows: int
    ) -> SealedEpoch:
        return seal(
            area,
            schema,
            commit,
            rows=rows,
            folder_mode=self._config.folder_bits,
            tell=self._context.progress,
        )

    def _require_claim(self) -> None:
        holder = read_claim(self._place)
        if holder is None or self._claim is None or not self._claim.is_same_run(holder):
            raise ConcurrencyError(
                f"{self._place.data} was taken over by {holder or 'somebody'} while this run "
                f"{self._context.run_id} was writing; nothing of it was published",
                details={} if holder is None else holder.told_to(self._context.job_id),
                stream=self._place.stream,
                phase="write",
            )

    def _critical(self) -> AbstractContextManager[None]:
        return critical(self._place, self._context)
