"""Writing a run into the history while it goes on; a history that fails never fails the run."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from dativo.config import Job
from dativo.contract import EpochCommitted, Event, StreamFinished, StreamStarted
from dativo.engine._control import RunControl
from dativo.engine._results import RunResult, StreamResult
from dativo.engine._telling import run_outcome
from dativo.errors import (
    DativoError,
    InternalError,
    wrap_exception,
)
from dativo.state import EpochEntry, History, RunEnd, StreamEntry
from dativo.state import now as utc_now

__all__ = ["Recorder", "recording"]

_PATIENCE_SECONDS = 0.2
"""What streams tell within such a time is written at once, but a commit does not wait."""

_NOT_STORED = "its message is not stored: it may hold what nobody knew to be a secret yet"


@contextlib.contextmanager
def recording(job: Job, run_id: str, options: Mapping[str, object]) -> Iterator[Recorder]:
    """Note a run of *job* in the project's history: its beginning, and its end, whatever that is.

    What ends the process without an end is found by the lock that nobody holds any more.
    """
    recorder = Recorder(job, run_id)
    recorder.begin(options)
    try:
        yield recorder
    except BaseException as error:
        recorder.settle(wrap_exception(error))
        raise
    finally:
        recorder.close()


class Recorder:
    """Observes one run; after its first failure it observes nothing more."""

    def __init__(self, job: Job, run_id: str) -> None:
        self._job = job
        self._run_id = run_id
        self._history: History | None = None
        self._problem = ""
        self._control: RunControl | None = None
        self._streams: dict[str, StreamEntry] = {}
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._waiting: list[StreamEntry | EpochEntry] = []
        self._written_at = 0.0

    def begin(self, options: Mapping[str, object]) -> None:
        """Note that the run begins."""
        try:
            self._history = History(self._job.folder / ".dativo")
        except DativoError as error:
            self._give_up(error)
        self._write(
            lambda history: history.begin(
                self._run_id,
                job=self._job.name,
                file=self._job.file,
                options=options,
                keep=self._job.run.keep_runs,
            )
        )

    def watch(self, control: RunControl) -> None:
        """Be told what happens in the run, and tell there what cannot be written."""
        self._control = control
        control.watch(self._observe)
        self._warn()

    def flush(self) -> None:
        """Write what has waited; called now and then while nothing happens."""
        problem: DativoError | None = None
        with self._lock:  # also while writing, or an older entry could come after a newer one
            entries, self._waiting = self._waiting, []
            if entries and self._history is not None:
                try:
                    self._history.add(self._run_id, entries)
                except DativoError as error:
                    problem = error
                self._written_at = time.monotonic()
        if problem is not None:  # whoever is told of it may wait for whoever notes something
            self._give_up(problem)

    def finish(self, result: RunResult) -> RunResult:
        """Note how the run ended, and return *result*."""
        self.flush()
        error = result.error
        end = RunEnd(
            outcome=run_outcome(result.error, interrupted=result.interrupted),
            exit_code=result.exit_code,
            rows=result.rows,
            size_bytes=result.size_bytes,
            snapshots=result.snapshots,
            seconds=result.seconds,
            error_code="" if error is None else error.code,
            error_message="" if error is None else self._redact(error.message),
        )
        streams = tuple(self._entry(stream) for stream in result.streams)
        self._write(lambda history: history.end(self._run_id, end, streams))
        return result

    def settle(self, error: DativoError | None) -> None:
        """Note that what is no run of streams ended, and with which error."""
        self.flush()
        end = RunEnd(
            outcome=run_outcome(error, interrupted=False),
            exit_code=0 if error is None else error.exit_code,
            seconds=time.monotonic() - self._started,
            error_code="" if error is None else error.code,
            error_message="" if error is None else self._message(error),
        )
        self._write(lambda history: history.end(self._run_id, end))

    def close(self) -> None:
        """Close the history."""
        history, self._history = self._history, None
        if history is not None:
            history.close()

    def _observe(self, event: Event) -> None:
        match event:
            case StreamStarted():
                entry = StreamEntry(stream=event.stream, outcome="running", attempts=event.attempt)
                self._put(entry)
            case EpochCommitted():
                self._note(self._epoch(event))
                self.flush()  # what is published is to be seen even if the run is killed
            case StreamFinished():
                self._put(self._finished(event))
            case _:
                pass

    def _put(self, entry: StreamEntry) -> None:
        self._streams[entry.stream] = entry
        self._note(entry)

    def _note(self, entry: StreamEntry | EpochEntry) -> None:
        """Write *entry*, or let it wait for others if something was written just now."""
        with self._lock:
            self._waiting.append(entry)
            is_due = time.monotonic() - self._written_at >= _PATIENCE_SECONDS
        if is_due:
            self.flush()

    def _finished(self, event: StreamFinished) -> StreamEntry:
        before = self._streams.get(event.stream)
        return StreamEntry(
            stream=event.stream,
            outcome="done" if event.error is None else "failed",
            attempts=1 if before is None else before.attempts,
            rows=event.rows,
            seconds=event.seconds,
            error_code="" if event.error is None else event.error.code,
            error_message="" if event.error is None else self._redact(event.error.message),
        )

    def _epoch(self, event: EpochCommitted) -> EpochEntry:
        checkpoint = event.checkpoint
        return EpochEntry(
            stream=event.stream,
            epoch=event.epoch,
            commit_id=event.commit_id,
            rows=event.rows,
            size_bytes=event.size_bytes,
            files=event.files,
            checkpoint=None if checkpoint is None else self._redact(checkpoint.to_json()),
            committed_at=utc_now(),
        )

    def _entry(self, result: StreamResult) -> StreamEntry:
        return StreamEntry(
            stream=result.stream,
            outcome=result.outcome.value,
            attempts=result.attempts,
            rows=result.rows,
            size_bytes=result.size_bytes,
            epochs=result.epochs,
            files=result.files,
            seconds=result.seconds,
            error_code="" if result.error is None else result.error.code,
            error_message="" if result.error is None else self._redact(result.error.message),
        )

    def _message(self, error: DativoError) -> str:
        if error.phase == "load" or isinstance(error, InternalError):
            # Until both connectors are loaded nobody knows what is a secret.
            return _NOT_STORED
        return self._redact(error.message)

    def _redact(self, text: str) -> str:
        return self._job.redactor.redact(text)

    def _write(self, write: Callable[[History], None]) -> None:
        if self._history is not None:
            try:
                write(self._history)
            except DativoError as error:
                self._give_up(error)

    def _give_up(self, error: DativoError) -> None:
        self._problem = f"this run is not written down: {error.message}; {error.fix}"
        self.close()
        self._warn()

    def _warn(self) -> None:
        """Say once, as soon as there is somebody to say it to, that the history is incomplete."""
        if self._problem and self._control is not None:
            self._control.message(self._problem, level="warning")
            self._problem = ""
