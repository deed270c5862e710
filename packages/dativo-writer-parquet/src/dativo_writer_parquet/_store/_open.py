"""Opening a stream on an object store: the claim that ends every session before it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import attrs

from dativo.contract import Context, WriteRequest, failpoint
from dativo.errors import ConcurrencyError
from dativo_writer_parquet._claims import Claim
from dativo_writer_parquet._config import ParquetConfig
from dativo_writer_parquet._store._check import require_conditions
from dativo_writer_parquet._store._entries import ClaimEntry, CommitEntry, Entry
from dativo_writer_parquet._store._keys import Keys
from dativo_writer_parquet._store._log import Log, TakenError
from dativo_writer_parquet._store._objects import Objects
from dativo_writer_parquet._store._sweep import sweep
from dativo_writer_parquet._succession import require_same_way
from dativo_writer_parquet._versions import merge_key

__all__ = ["OpenedLog", "open_log", "taken_over"]

_ATTEMPTS = 50


@attrs.frozen(kw_only=True)
class OpenedLog:
    """A stream that is ready to be written.

    Attributes:
        log: Its log; the newest entry is this session's claim.
        claim: The run; ``None`` if the stream's place belongs to another job.
        session: Unique per session.
        folder: Where files are staged, on this machine.
    """

    log: Log
    claim: Claim | None
    session: str
    folder: Path


def open_log(config: ParquetConfig, request: WriteRequest, context: Context) -> OpenedLog:
    """Claim the stream for this run, then remove what dead sessions have left.

    Raises:
        ConcurrencyError: Another run holds the stream with a fence that is not lower.
        InvalidConfigError: The published data is of another mode or has another key.
        StateUnreadableError: The log is not as Dativo left it.
    """
    merge_key(request)
    objects = Objects(config, context)
    context.resource(f"parquet conditions {objects.url}", lambda: _tried(objects))
    log = Log(objects, Keys(request.stream), context)
    log.open()
    session = secrets.token_hex(8)
    claim = _claim(log, request, context, session)
    if claim is not None:
        failpoint("parquet.store.claimed")
        sweep(log, context, grace=timedelta(seconds=config.grace_seconds))
        failpoint("parquet.store.swept")
    folder = context.workdir / f"parquet-{session}"
    folder.mkdir(mode=0o700, parents=True)
    return OpenedLog(log=log, claim=claim, session=session, folder=folder)


def taken_over(log: Log, entry: Entry, context: Context) -> ConcurrencyError:
    """Return the error of a run whose stream somebody else has claimed, or published to."""
    what = "published to" if isinstance(entry, CommitEntry) else "claimed"
    place = log.objects.name(log.keys.data)
    return ConcurrencyError(
        f"{place} was {what} by {entry.claim} while this run {context.run_id} with fence "
        f"{context.fence} was writing; nothing of it was published",
        details=entry.claim.told_to(context.job_id),
        stream=log.keys.stream,
        phase="write",
    )


@contextmanager
def _tried(objects: Objects) -> Iterator[str]:
    """Once in a run: a store that ignores conditions is not written to."""
    require_conditions(objects)
    yield objects.url


def _claim(log: Log, request: WriteRequest, context: Context, session: str) -> Claim | None:
    claim = Claim.own(job_id=context.job_id, run_id=context.run_id, fence=context.fence)
    for _ in range(_ATTEMPTS):
        if log.commit is not None:
            if log.commit.published.record.commit.job_id != claim.job_id:
                return None
            _require_same_way(log, request)
        _require_newer(log, claim)
        at = 0 if log.commit is None else log.commit.sequence
        failpoint("parquet.store.claiming")
        try:
            log.append(ClaimEntry(claim=claim, session=session, commit=at))
        except TakenError:
            log.catch_up()
            continue
        return claim
    raise ConcurrencyError(
        f"{log.objects.name(log.keys.data)} is claimed by one run after the other",
        stream=log.keys.stream,
        phase="write",
    )


def _require_newer(log: Log, claim: Claim) -> None:
    holder = None if log.newest is None else log.newest.claim
    if holder is None or claim.is_same_run(holder):
        return
    # Fences of two jobs cannot be compared; what is published decides whose place it is.
    if holder.job_id == claim.job_id and claim.fence <= holder.fence:
        raise ConcurrencyError(
            f"{log.objects.name(log.keys.data)} is claimed by {holder}; this run {claim.run_id} "
            f"has fence {claim.fence}, which is not above it",
            details=holder.told_to(claim.job_id),
            stream=log.keys.stream,
            phase="write",
        )


def _require_same_way(log: Log, request: WriteRequest) -> None:
    assert log.commit is not None
    require_same_way(request, log.commit.published)
