"""One stream of one run: tries, epochs, commits."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator, Mapping

import attrs

from dativo.contract import (
    Checkpoint,
    Commit,
    ReadMode,
    Receipt,
    Replay,
    StreamRequest,
    WriteMode,
    WriteRequest,
    WriteSession,
)
from dativo.engine._context import EngineContext
from dativo.engine._control import RunControl
from dativo.engine._count import Counting
from dativo.engine._drain import Drain
from dativo.engine._epoch import Epoch, EpochLimits
from dativo.engine._events import EpochCommitted, RetryScheduled, StreamFinished, StreamStarted
from dativo.engine._pipe import Pipe
from dativo.engine._recover import Start, reconcile
from dativo.engine._results import StreamOutcome, StreamResult
from dativo.engine._slots import Slots
from dativo.errors import ContractViolationError, DativoError, wrap_exception
from dativo.state import StateStore

__all__ = ["StreamPlan", "StreamRun"]


@attrs.frozen(kw_only=True)
class StreamPlan:
    """What is to be done for one stream.

    Attributes:
        read: What the source is asked.
        write: What the writer is asked.
        fingerprint: What the stream's checkpoints depend on.
        estimated_rows: About how many records there are, where discovery said so.
    """

    read: StreamRequest
    write: WriteRequest
    fingerprint: Mapping[str, str]
    estimated_rows: int | None = None

    @property
    def stream(self) -> str:
        """The stream's name."""
        return self.read.stream


@attrs.define
class _Done:
    """What the run has published of the stream so far."""

    rows: int = 0
    size_bytes: int = 0
    epochs: int = 0
    files: int = 0
    recovered: bool = False

    def add(self, receipt: Receipt) -> None:
        self.rows += receipt.record.rows
        self.size_bytes += receipt.size_bytes
        self.files += len(receipt.record.files)
        self.epochs += 1


class StreamRun:
    """Reads one stream and publishes it, epoch by epoch, trying again where that makes sense."""

    def __init__(
        self,
        plan: StreamPlan,
        *,
        pipe: Pipe,
        control: RunControl,
        store: StateStore,
        slots: Slots,
        epochs: EpochLimits,
    ) -> None:
        self._plan = plan
        self._pipe = pipe
        self._control = control
        self._store = store
        self._slots = slots
        self._epochs = epochs
        self._done = _Done()
        self._start = Start()

    def run(self) -> StreamResult:
        """Do it; failures are in the result, not raised."""
        started = time.monotonic()
        error: DativoError | None = None
        attempt = 0
        fruitless = 0
        while True:
            attempt += 1
            fruitless += 1
            before = self._done.epochs
            error = self._try(attempt)
            if error is None:
                break
            if self._done.epochs > before:
                fruitless = 1
            if not self._wait_for_retry(error, fruitless):
                break
        seconds = time.monotonic() - started
        self._control.tell(
            StreamFinished(
                job=self._control.job,
                stream=self._plan.stream,
                rows=self._done.rows,
                seconds=seconds,
                error=error,
            )
        )
        return StreamResult(
            stream=self._plan.stream,
            outcome=self._outcome(error),
            attempts=attempt,
            seconds=seconds,
            error=error,
            **attrs.asdict(self._done),
        )

    def _outcome(self, error: DativoError | None) -> StreamOutcome:
        if error is None:
            return StreamOutcome.DONE
        cancelled = self._control.cancellation.is_set()
        return StreamOutcome.INTERRUPTED if cancelled else StreamOutcome.FAILED

    def _try(self, attempt: int) -> DativoError | None:
        try:
            self._attempt(attempt)
        except DativoError as error:
            return self._control.redacted(error.located(stream=self._plan.stream))
        except Exception as error:  # noqa: BLE001 - one stream's bug must not end the others
            return self._control.redacted(wrap_exception(error, stream=self._plan.stream))
        return None

    def _wait_for_retry(self, error: DativoError, attempt: int) -> bool:
        """Wait as the retry layer says; return whether to try again."""
        if self._control.cancellation.is_set():
            return False
        wait = self._control.retry.wait_seconds(error, attempt)
        left = self._control.seconds_left()
        if wait is None or (left is not None and wait > left):
            return False
        self._control.waiting(wait)
        self._control.tell(
            RetryScheduled(
                job=self._control.job,
                stream=self._plan.stream,
                attempt=attempt,
                wait_seconds=wait,
                error=error,
            )
        )
        return not self._control.cancellation.wait(wait)

    def _attempt(self, attempt: int) -> None:
        self._control.cancellation.raise_if_set()
        with self._open_session(attempt) as session:
            self._start = self._recover(session)
            self._control.tell(
                StreamStarted(
                    job=self._control.job,
                    stream=self._plan.stream,
                    attempt=attempt,
                    resumed=self._start.checkpoint is not None,
                    estimated_rows=self._plan.estimated_rows,
                )
            )
            self._copy(session, self._context(attempt))

    @contextlib.contextmanager
    def _open_session(self, attempt: int) -> Iterator[WriteSession]:
        """Open the writer's session; whatever is not committed is gone when it closes."""
        session = self._pipe.writer.open_session(
            self._plan.write,
            self._pipe.writer.context(self._control, stream=self._plan.stream, attempt=attempt),
        )
        try:
            yield session
        except BaseException:
            # What cannot be removed now is swept by the next run.
            with contextlib.suppress(DativoError):
                session.abort()
            raise
        finally:
            with contextlib.suppress(DativoError):
                session.close()

    def _recover(self, session: WriteSession) -> Start:
        start = reconcile(
            session.last_commit(),
            self._store.load(self._control.job, self._plan.stream),
            job=self._control.job,
            fingerprint=self._plan.fingerprint,
            mode=self._plan.write.mode,
        )
        if start.roll_forward and start.record is not None:
            self._store.save(start.record)
            self._done.recovered = True
        return start

    def _context(self, attempt: int) -> EngineContext:
        return self._pipe.source.context(self._control, stream=self._plan.stream, attempt=attempt)

    def _copy(self, session: WriteSession, context: EngineContext) -> None:
        """Move everything that the source yields; commit where it allows and limits ask for it."""
        drain = Drain(
            session,
            slots=self._slots,
            control=self._control,
            counting=self._counting(),
        )
        epoch = Epoch(checkpoint=self._start.checkpoint)
        with self._pipe.source.extract(self._plan.read, self._start.checkpoint, context) as batches:
            try:
                for batch in batches:
                    self._control.cancellation.raise_if_set()
                    drain.start(batch, epoch)
                    if batch.checkpoint is not None:
                        epoch = self._reach(batch.checkpoint, epoch, drain, session)
                drain.finish(epoch)
            finally:
                drain.stop()
        self._control.cancellation.raise_if_set()
        self._finish(epoch, session)

    def _counting(self) -> Counting:
        info = self._pipe.source.connector.info.source
        return Counting(
            source=self._pipe.source.name,
            writer=self._pipe.writer.name,
            stream=self._plan.stream,
            is_required=info is not None and info.replay is Replay.EXACT,
        )

    def _reach(
        self, checkpoint: Checkpoint, epoch: Epoch, drain: Drain, session: WriteSession
    ) -> Epoch:
        """Take in a checkpoint: all before it is drained, then it may end the epoch."""
        drain.finish(epoch)
        checkpoint.to_json()
        epoch.checkpoint = checkpoint
        if self._publishes_at_the_end_only or not epoch.is_due(self._epochs):
            return epoch
        self._commit(epoch, session)
        return Epoch(checkpoint=checkpoint)

    @property
    def _publishes_at_the_end_only(self) -> bool:
        return self._plan.write.mode is WriteMode.REPLACE

    def _finish(self, epoch: Epoch, session: WriteSession) -> None:
        """Publish the rest, unless there is nothing to say."""
        if self._plan.read.mode is ReadMode.FULL:
            # The next full read begins at the beginning.
            epoch.checkpoint = None
        first = self._start.record is None or self._publishes_at_the_end_only
        if first and not epoch.staged:
            msg = "the source yielded no batch; an empty stream is one batch without rows"
            raise ContractViolationError(
                msg, connector=self._pipe.source.name, stream=self._plan.stream, phase="extract"
            )
        if epoch.rows or first or epoch.checkpoint != self._start.checkpoint:
            self._commit(epoch, session)

    def _commit(self, epoch: Epoch, session: WriteSession) -> None:
        self._control.cancellation.raise_if_set()
        commit = Commit(
            job_id=self._control.job,
            stream=self._plan.stream,
            epoch=self._start.epoch + 1,
            commit_id=uuid.uuid4().hex,
            run_id=self._control.run_id,
            fence=self._control.fence,
            mode=self._plan.write.mode,
            checkpoint=epoch.checkpoint,
            fingerprint=self._plan.fingerprint,
        )
        receipt = session.commit(commit, epoch.staged)
        if receipt.record.commit != commit or receipt.record.rows != epoch.rows:
            msg = (
                f"the receipt is for commit {receipt.record.commit.commit_id} of "
                f"{receipt.record.rows} rows, asked for {commit.commit_id} of {epoch.rows} rows"
            )
            raise ContractViolationError(msg, connector=self._pipe.writer.name, phase="commit")
        self._store.save(receipt.record)
        self._done.add(receipt)
        self._start = Start(epoch=commit.epoch, checkpoint=commit.checkpoint, record=receipt.record)
        self._control.moved()
        self._control.tell(
            EpochCommitted(
                job=self._control.job,
                stream=self._plan.stream,
                epoch=commit.epoch,
                rows=receipt.record.rows,
                size_bytes=receipt.size_bytes,
                files=len(receipt.record.files),
                commit_id=commit.commit_id,
                checkpoint=commit.checkpoint,
            )
        )
