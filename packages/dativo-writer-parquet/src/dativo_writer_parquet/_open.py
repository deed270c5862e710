"""Opening a stream for one run: who may write it, and what the runs before have left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import attrs

from dativo.contract import Context, WriteMode, WriteRequest, failpoint
from dativo.errors import CapabilityMissingError, ConcurrencyError
from dativo_writer_parquet._claims import (
    Claim,
    Workspace,
    has_sessions,
    open_workspace,
    publish_claim,
    read_claim,
    sweep,
)
from dativo_writer_parquet._config import ParquetConfig
from dativo_writer_parquet._errors import explained
from dativo_writer_parquet._layout import Place
from dativo_writer_parquet._publish import LockTimeoutError, can_exchange, locked, make_folder
from dativo_writer_parquet._records import Newest, Published, published_epochs, require_gapless
from dativo_writer_parquet._retired import sweep_retired
from dativo_writer_parquet._succession import require_same_way
from dativo_writer_parquet._versions import merge_key

__all__ = ["Opened", "critical", "open_place"]


@attrs.frozen(kw_only=True)
class Opened:
    """A stream's place that is ready to be written.

    Attributes:
        place: Where it is.
        workspace: The session's names among what is staged.
        claim: This run's claim; ``None`` if the place belongs to another job.
        newest: What is published.
        last: What was when the place was claimed.
    """

    place: Place
    workspace: Workspace
    claim: Claim | None
    newest: Newest
    last: Published | None


def open_place(
    config: ParquetConfig, request: WriteRequest, context: Context, *, exchanges: bool
) -> Opened:
    """Claim the stream for this run and remove what dead runs have left.

    Raises:
        ConcurrencyError: Another run holds the stream with a fence that is not lower.
        CapabilityMissingError: The file system lacks what the mode needs.
        InvalidConfigError: The published data is of another mode or has another key.
        StateError: The stream's folder is not as Dativo left it.
    """
    merge_key(request)
    place = Place(config.root, request.stream)
    with explained(place.control, stream=request.stream):
        is_new = not place.staging.is_dir() and _made(place, config)
        with critical(place, context):
            if exchanges:
                _require_exchange(place, context)
            if not is_new:
                _sweep(place, config, context)
            failpoint("parquet.swept")
            newest = Newest(place)
            last = newest.read()
            if request.mode is not WriteMode.REPLACE:
                require_gapless(place, published_epochs(place))
            claim = _claim(place, request, context, last)
            failpoint("parquet.claimed")
            workspace = open_workspace(place)
            failpoint("parquet.opened")
    return Opened(place=place, workspace=workspace, claim=claim, newest=newest, last=last)


@contextmanager
def critical(place: Place, context: Context) -> Iterator[None]:
    """Hold the stream's kernel lock.

    Raises:
        ConcurrencyError: Another process holds it for longer than a publication ever takes.
    """
    try:
        with locked(place.lock, stopped=context.cancelled):
            yield
    except LockTimeoutError as error:
        raise ConcurrencyError(
            f"{place.data} is locked; the newest claim is that of {read_claim(place)}",
            stream=place.stream,
            phase="write",
        ) from error


def _made(place: Place, config: ParquetConfig) -> bool:
    """Make the folders of the stream, and return whether nobody can have left anything there."""
    if not place.root.is_dir():
        make_folder(place.root, mode=config.folder_bits)
    make_folder(place.control)
    return make_folder(place.staging, is_lasting=False)


def _sweep(place: Place, config: ParquetConfig, context: Context) -> None:
    swept = sweep(place)
    sweep_retired(place, grace_seconds=config.grace_seconds)
    if swept:
        context.log("removed what broken runs left staged", stream=place.stream, runs=swept)


def _claim(
    place: Place, request: WriteRequest, context: Context, last: Published | None
) -> Claim | None:
    """Publish this run's claim, unless the place belongs to another job."""
    claim = Claim.own(job_id=context.job_id, run_id=context.run_id, fence=context.fence)
    written = None if last is None else last.record.commit
    if written is not None and written.job_id != claim.job_id:
        return None
    if last is not None:
        require_same_way(request, last)
    holder = read_claim(place)
    if holder is not None and holder.job_id != claim.job_id and not has_sessions(place):
        holder = None  # another job claimed the place, published nothing and is gone
    if written is not None and (holder is None or holder.fence < written.fence):
        # The claim was removed by hand; the published record still tells the fence.
        holder = Claim(job_id=written.job_id, run_id=written.run_id, fence=written.fence)
    publish_claim(place, claim, holder)
    return claim


def _require_exchange(place: Place, context: Context) -> None:
    # All streams of a run lie on one file system, so one trial tells for all.
    can = context.resource("can exchange", lambda: nullcontext(can_exchange(place.control)))
    if not can:
        raise CapabilityMissingError(
            f"the file system of {place.root} cannot exchange two folders in one step, and what "
            "is published is never deleted before its successor is there",
            fix="Use a local file system (ext4, xfs, btrfs, tmpfs, APFS), or append mode.",
            stream=place.stream,
            phase="write",
        )
