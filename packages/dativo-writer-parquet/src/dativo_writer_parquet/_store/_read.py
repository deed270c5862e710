"""Reading what is published on an object store, by the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from dativo.contract import ArrowStream, Context, WriteRequest
from dativo.errors import ConcurrencyError, DativoError, ResourceNotFoundError
from dativo_writer_parquet._config import ParquetConfig
from dativo_writer_parquet._errors import translate
from dativo_writer_parquet._live import Budget, live_rows
from dativo_writer_parquet._rows import rows_of
from dativo_writer_parquet._state import DataFile, State
from dativo_writer_parquet._store._entries import StoredFile
from dativo_writer_parquet._store._files import open_parquet
from dativo_writer_parquet._store._keys import Keys
from dativo_writer_parquet._store._log import Log
from dativo_writer_parquet._store._objects import Caller, Objects

__all__ = ["published_in_store", "require_log", "state_and_keys", "state_of"]


def published_in_store(
    config: ParquetConfig, request: WriteRequest, context: Context
) -> ArrowStream:
    """Return a lazy reader of what is published now; commits that follow do not show in it.

    Raises:
        ResourceNotFoundError: Nothing is published.
        StateUnreadableError: The log cannot be read.
    """
    state = state_of(require_log(config, request.stream, context))
    return context.reader(state.schema, _batches(state, context))


def require_log(config: ParquetConfig, stream: str, caller: Caller) -> Log:
    """Return the log of a stream of which something is published.

    Raises:
        ResourceNotFoundError: Nothing is.
        StateUnreadableError: The log cannot be read.
    """
    log = Log(Objects(config, caller), Keys(stream), caller)
    log.open()
    if log.commit is None:
        raise ResourceNotFoundError(
            f"nothing is published of {stream} in {config.path}",
            fix="Run the job first, or check the stream's name and the path.",
            stream=stream,
            phase="read_back",
        )
    return log


def state_of(log: Log) -> State:
    """Return what the log says is published; something must be."""
    state, _ = state_and_keys(log)
    return state


def state_and_keys(log: Log) -> tuple[State, Mapping[DataFile, StoredFile]]:
    """Return what the log says is published, and what each file of it is in the store."""
    assert log.commit is not None
    last = log.commit.published
    files: dict[DataFile, StoredFile] = {}
    for commit in log.commits():
        epoch = commit.published.record.commit.epoch
        for file in commit.files:
            files[DataFile(epoch, file.name, size_bytes=file.size_bytes)] = file
    state = State(
        record=last.record,
        schema=last.schema,
        partition_by=last.partition_by,
        primary_key=last.primary_key,
        files=tuple(files),
        open=lambda file: _open(log, files[file]),
    )
    return state, files


@contextmanager
def _open(log: Log, file: StoredFile) -> Iterator[pq.ParquetFile]:
    try:
        with open_parquet(log.objects, file) as parquet:
            yield parquet
    except FileNotFoundError as error:
        raise ConcurrencyError(
            f"{log.objects.name(file.key)} is gone: the stream was replaced a long time ago",
            fix="Read it again.",
            stream=log.keys.stream,
            phase="read_back",
        ) from error


def _batches(state: State, context: Context) -> Iterator[pa.RecordBatch]:
    stream = state.record.commit.stream
    try:
        live = None
        if state.is_versioned:
            budget = Budget(
                bytes=context.buffer_bytes, folder=context.workdir, tell=context.progress
            )
            live = live_rows(state, budget)
        yield from rows_of(state, state.schema, live=live, batch_rows=context.batch_rows)
    except DativoError as error:
        error.located(stream=stream, phase="read_back")
        raise
    except (OSError, MemoryError, pa.ArrowException) as error:
        raise translate(error, context.workdir, stream=stream, phase="read_back") from error
