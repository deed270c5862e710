"""The writing of one stream: staged where nobody looks, published in one step."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Sequence

import pyarrow as pa

from dativo.contract import (
    Batch,
    Commit,
    CommitRecord,
    Context,
    Operation,
    Receipt,
    Staged,
    WriteMode,
    WriteRequest,
    WriteSession,
)
from dativo.errors import (
    CapabilityMissingError,
    ContractViolationError,
    StateError,
    WriteFailedError,
)
from dativo_writer_jsonl._claims import Claim, claim, require_claim
from dativo_writer_jsonl._config import JsonlConfig
from dativo_writer_jsonl._disk import locked, make_folder
from dativo_writer_jsonl._encode import Rules, lines_of
from dativo_writer_jsonl._errors import explained
from dativo_writer_jsonl._layout import Place
from dativo_writer_jsonl._publish import (
    Sealed,
    confirm,
    publish,
    published_before,
    seal,
    sweep_retired,
)
from dativo_writer_jsonl._records import Published, newest
from dativo_writer_jsonl._schema import require_follows, require_same
from dativo_writer_jsonl._staging import Area, Session, open_session_folder
from dativo_writer_jsonl._types import require_types

__all__ = ["open_session"]

_ROWS = 4096
"""So many records are turned to text at once."""


def open_session(config: JsonlConfig, request: WriteRequest, context: Context) -> WriteSession:
    """Claim the stream and make room to stage; a stream of another job is only looked at.

    Raises:
        ConcurrencyError: A newer run has claimed the stream.
        CapabilityMissingError: The mode is none of this writer's.
    """
    if request.mode not in {WriteMode.APPEND, WriteMode.REPLACE}:
        raise CapabilityMissingError(
            f"JSON Lines cannot be written in {request.mode} mode",
            fix="Choose append or replace, or a writer that can merge.",
            stream=request.stream,
        )
    place = Place(config.path, request.stream)
    with explained(place.data, stream=place.stream):
        make_folder(place.control)
        with locked(place.lock):
            last = newest(place)
            mine = Claim.of(context)
            is_foreign = last is not None and last.record.commit.job_id != context.job_id
            if not is_foreign:
                claim(place, mine)
            sweep_retired(place, grace_seconds=config.grace_seconds)
            folder = open_session_folder(place)
    return _JsonlSession(
        config, request, place, folder=folder, claim=None if is_foreign else mine, last=last
    )


class _JsonlSession:
    def __init__(
        self,
        config: JsonlConfig,
        request: WriteRequest,
        place: Place,
        *,
        folder: Session,
        claim: Claim | None,
        last: Published | None,
    ) -> None:
        self._config = config
        self._mode = request.mode
        self._place = place
        self._rules = Rules.of(config)
        self._session = folder
        self._claim = claim
        self._last = last
        self._lock = threading.Lock()
        self._is_closed = False
        self._area = self._new_area()

    def stage(self, batch: Batch) -> Staged:
        """Drain *batch* into files; an error of its reader passes through unchanged."""
        self._require_open()
        if batch.op is not Operation.UPSERT:
            msg = f"a batch to {batch.op} records came to a writer that cannot merge"
            raise ContractViolationError(msg)
        area = self._area
        with area.file() as mine:
            reader = pa.RecordBatchReader.from_stream(batch.data)
            self._accept(area, reader.schema)
            rows = size_bytes = 0
            for piece in reader:
                with self._explained():
                    for start in range(0, piece.num_rows, _ROWS):
                        part = piece.slice(start, _ROWS)
                        lines = lines_of(part, self._rules, stream=self._place.stream)
                        size_bytes += area.write(mine, lines)
                rows += piece.num_rows
        return Staged(rows=rows, size_bytes=size_bytes, token=area.account(rows))

    def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
        """Publish all that is staged and the record in one step; the same again does nothing."""
        self._require_open()
        self._require_own(commit)
        with self._explained():
            last = newest(self._place)
            found = published_before(self._place, commit, last)
            if found is not None:
                return self._replayed(found)
            self._require_all(staged)
            sealed = self._seal(commit)
            with locked(self._place.lock):
                assert self._claim is not None  # it is not foreign
                require_claim(self._place, self._claim)
                published_before(self._place, commit, newest(self._place))
                publish(self._place, sealed)
        self._last = sealed.published
        self.abort()
        return Receipt(record=sealed.published.record, size_bytes=sealed.size_bytes)

    def abort(self) -> None:
        """Remove all that was staged and not committed; the session can stage anew."""
        self._area.discard()
        self._area = self._new_area()

    def last_commit(self) -> CommitRecord | None:
        """Return the newest published record in the stream's place, of whatever job."""
        with self._explained():
            last = newest(self._place)
        return None if last is None else last.record

    def close(self) -> None:
        """Remove what is staged; further calls do nothing."""
        if not self._is_closed:
            self._is_closed = True
            self._area.discard()
            self._session.close()

    def _new_area(self) -> Area:
        return Area(self._session.folder / secrets.token_hex(4), self._config)

    def _explained(self) -> contextlib.AbstractContextManager[None]:
        return explained(self._place.data, stream=self._place.stream)

    def _accept(self, area: Area, schema: pa.Schema) -> None:
        """Take the schema of the epoch's first reader; the others must agree with it."""
        stream = self._place.stream
        with self._lock:
            if area.schema is not None:
                require_same(schema, area.schema, stream=stream)
                return
            require_types(schema, stream=stream)
            if self._mode is WriteMode.APPEND and self._last is not None:
                require_follows(schema, self._last.schema, stream=stream)
            area.schema = schema

    def _seal(self, commit: Commit) -> Sealed:
        area = self._area
        schema = area.schema
        if schema is None:  # an epoch without a batch, such as of `state set`
            schema = pa.schema([]) if self._last is None else self._last.schema
        try:
            return seal(area, commit, schema, suffix=self._config.suffix)
        except BaseException:
            area.has_failed = True
            raise

    def _replayed(self, found: Published) -> Receipt:
        confirm(self._place)
        self.abort()
        size = sum((self._place.data / name).stat().st_size for name in found.record.files)
        return Receipt(record=found.record, size_bytes=size, replayed=True)

    def _require_open(self) -> None:
        if self._is_closed:
            raise ContractViolationError("the session is closed")
        if self._claim is None:
            owner = "" if self._last is None else self._last.record.commit.job_id
            raise StateError(
                f"{self._place.data} belongs to the job {owner!r}",
                fix="Give this job another path, or its former name back.",
                stream=self._place.stream,
            )

    def _require_own(self, commit: Commit) -> None:
        mine = self._claim
        assert mine is not None  # _require_open saw to it
        own = (mine.job_id, mine.fence, self._place.stream, self._mode)
        if (commit.job_id, commit.fence, commit.stream, commit.mode) != own:
            msg = f"a session of job, fence, stream and mode {own} was asked for another's commit"
            raise ContractViolationError(msg)

    def _require_all(self, staged: Sequence[Staged]) -> None:
        area = self._area
        if area.has_failed:
            raise WriteFailedError(
                f"a part of the epoch of {self._place.stream} failed; abort it and stage it anew",
                stream=self._place.stream,
            )
        if {part.token for part in staged} != area.tokens:
            msg = f"{len(staged)} parts were handed over, and {len(area.tokens)} are staged"
            raise ContractViolationError(msg)
