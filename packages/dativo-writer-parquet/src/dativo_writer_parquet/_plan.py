"""What a run would write to a folder, without touching it."""

from __future__ import annotations

import math
import os
from pathlib import Path

from dativo.contract import Context, ReadPlan, WriteMode, WritePlan, WriteRequest
from dativo_writer_parquet._config import ParquetConfig, StreamOptions
from dativo_writer_parquet._errors import explained
from dativo_writer_parquet._layout import Place
from dativo_writer_parquet._publish import can_exchange
from dativo_writer_parquet._read import published_state
from dativo_writer_parquet._state import State

__all__ = ["expected_files", "plan_folder"]


def plan_folder(
    config: ParquetConfig, request: WriteRequest, read: ReadPlan, context: Context
) -> WritePlan:
    """Return where the records of *read* would go, and in about how many files.

    Raises:
        StateUnreadableError: The newest epoch has no readable record.
    """
    place = Place(config.root, request.stream)
    with explained(place.data, stream=request.stream, phase="plan"):
        state = published_state(place)
        return WritePlan(
            place=str(place.data),
            files=expected_files(config, request, read, context=context, state=state),
            assumptions=_assumptions(place, request),
            knows_last_commit=True,
            last_commit=None if state is None else state.record,
        )


def expected_files(
    config: ParquetConfig,
    request: WriteRequest,
    read: ReadPlan,
    *,
    context: Context,
    state: State | None,
) -> int | None:
    """Return about how many files the records of *read* make, ``None`` if it cannot be told.

    Readers that are drained at once write files of their own. Each Hive folder that the newest
    epoch has is expected again; nobody knows the folders of a stream that was never published.
    """
    if read.rows is None and read.size_bytes is None:
        return None
    by_size = math.ceil((read.size_bytes or 0) / config.file_size_bytes)
    by_rows = math.ceil((read.rows or 0) / config.file_rows) if config.file_rows else 0
    at_once = min(read.partitions or 1, context.parallelism) if read.rows != 0 else 1
    files = max(by_size, by_rows, at_once, 1)
    options = request.options if isinstance(request.options, StreamOptions) else StreamOptions()
    if not options.partition_by or read.rows == 0:
        return files
    if state is None:
        return None
    epoch = state.record.commit.epoch
    return max(files, len({file.folder for file in state.files if file.epoch == epoch}))


def _assumptions(place: Place, request: WriteRequest) -> tuple[str, ...]:
    existing = next(folder for folder in (place.root, *place.root.parents) if folder.exists())
    if not _lacks_exchange(existing):
        return ()
    what = "replace" if request.mode is WriteMode.REPLACE else "compaction and a full refresh"
    refused = (
        f"The file system of {existing} cannot exchange two folders in one step, so {what} will "
        "be refused there."
    )
    return (refused, "Nothing but Dativo creates folders in the stream's folder.")


def _lacks_exchange(folder: Path) -> bool:
    """Try it where that is allowed; a plan must also work for who may only read."""
    try:
        return os.access(folder, os.W_OK) and not can_exchange(folder)
    except OSError:
        return False
