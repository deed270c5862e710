"""Reading back what is published, with the exact types that the source gave."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dativo.contract import ArrowStream, Context, WriteRequest
from dativo.errors import ConcurrencyError, ResourceNotFoundError, StateUnreadableError
from dativo_writer_parquet._config import ParquetConfig
from dativo_writer_parquet._errors import explained
from dativo_writer_parquet._layout import FILE_SUFFIX, Place, epoch_folder
from dativo_writer_parquet._live import Budget, live_rows
from dativo_writer_parquet._records import Published, newest, published_epochs, require_gapless
from dativo_writer_parquet._rows import rows_of
from dativo_writer_parquet._state import DataFile, State

__all__ = ["published", "published_state", "require_state"]

_ATTEMPTS = 5


def published(config: ParquetConfig, request: WriteRequest, context: Context) -> ArrowStream:
    """Return a lazy reader of what is published now; commits that follow do not show in it.

    Raises:
        ResourceNotFoundError: Nothing is published.
        StateUnreadableError: The newest epoch has no readable record.
    """
    place = Place(config.root, request.stream)
    state = require_state(place)
    return context.reader(state.schema, _batches(place, state, context))


def require_state(place: Place) -> State:
    """Return what is published in *place*.

    Raises:
        ResourceNotFoundError: Nothing is.
        StateUnreadableError: The newest epoch has no readable record.
        ConcurrencyError: It was replaced again and again while it was listed.
    """
    state = published_state(place)
    if state is None:
        raise ResourceNotFoundError(
            f"nothing is published of {place.stream} in {place.root}",
            fix="Run the job first, or check the stream's name and the path.",
            stream=place.stream,
            phase="read_back",
        )
    return state


def published_state(place: Place) -> State | None:
    """Return what is published in *place*, ``None`` if nothing is; raises as the other does.

    The files are those of one state: an exchange in the meantime is seen by the folder's number.
    """
    for attempt in range(_ATTEMPTS):
        before = _number(place)
        try:
            last = newest(place)
            state = None if last is None else _state(place, last)
        except (StateUnreadableError, FileNotFoundError):
            if _number(place) == before or attempt == _ATTEMPTS - 1:
                raise
            continue
        if _number(place) == before:
            return state
    raise _replaced(place)


def _number(place: Place) -> int:
    try:
        return place.data.stat().st_ino
    except FileNotFoundError:
        return 0


def _state(place: Place, last: Published) -> State:
    epochs = [epoch for epoch in published_epochs(place) if epoch <= last.record.commit.epoch]
    require_gapless(place, epochs)
    files = [
        DataFile(epoch, str(path.relative_to(place.epoch(epoch))), path.stat().st_size)
        for epoch in epochs
        for path in _paths(place.epoch(epoch))
    ]
    return State(
        record=last.record,
        schema=last.schema,
        partition_by=last.partition_by,
        primary_key=last.primary_key,
        files=tuple(files),
        open=lambda file: _open(place, file),
    )


def _paths(folder: Path) -> list[Path]:
    return sorted(
        Path(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
        if name.endswith(FILE_SUFFIX)
    )


def _open(place: Place, file: DataFile) -> pq.ParquetFile:
    """Open *file* where it was published, or where it went when it was exchanged for others."""
    name = f"{epoch_folder(file.epoch)}/{file.name}"
    try:
        return pq.ParquetFile(place.data / name, memory_map=False)
    except FileNotFoundError:
        pass
    # Listed only now: a state is among the retired before it leaves its place.
    for folder in place.retired_states():
        with suppress(FileNotFoundError):
            return pq.ParquetFile(folder / name, memory_map=False)
    raise _replaced(place)


def _batches(place: Place, state: State, context: Context) -> Iterator[pa.RecordBatch]:
    with explained(place.data, stream=place.stream, phase="read_back"):
        live = None
        if state.is_versioned:
            budget = Budget(
                bytes=context.buffer_bytes, folder=context.workdir, tell=context.progress
            )
            live = live_rows(state, budget)
        yield from rows_of(state, state.schema, live=live, batch_rows=context.batch_rows)


def _replaced(place: Place) -> ConcurrencyError:
    return ConcurrencyError(
        f"{place.data} was replaced while it was read",
        fix="Read it again.",
        stream=place.stream,
        phase="read_back",
    )
