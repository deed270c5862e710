"""One stream of one run: tries, epochs, commits."""

from __future__ import annotations

import contextlib
import time

import attrs

from dativo.contract import (
    Checkpoint,
    Commit,
    ReadMode,
    Replay,
    StreamRequest,
    WriteMode,
    failpoint,
)
from dativo.engine._cancel import fresh
from dativo.engine._context import EngineContext
from dativo.engine._control import RunControl
from dativo.engine._count import Counting
from dativo.engine._drain import Drain
from dativo.engine._epoch import Done, Epoch, EpochLimits
from dativo.engine._keys import KeyScan
from dativo.engine._pipe import Pipe
from dativo.engine._recover import Start
from dativo.engine._results import StreamOutcome, StreamResult
from dativo.engine._slots import Slots
from dativo.engine._telling import retry_scheduled, stream_finished, stream_started
from dativo.engine._turns import Turns
from dativo.engine._writing import StreamPlan, Writing, open_writing
from dativo.errors import (
    ConcurrencyError,
    ContractViolationError,
    DativoError,
    wrap_exception,
)
from dativo.state import StateStore

__all__ = ["Shared", "StreamRun"]

_SMALL_BYTES = 1024 * 1024  # such an epoch holds next to nothing while it is published


@attrs.frozen(kw_only=True)
class Shared:
    """What the streams of a run share: threads, turns, their requests, and when epochs end."""

    slots: Slots
    turns: Turns
    streams: tuple[StreamRequest, ...]
    epochs: EpochLimits


class StreamRun:
    """Reads one stream and publishes it, epoch by epoch, trying again where that makes sense."""

    def __init__(
        self,
        plan: StreamPlan,
        *,
        pipe: Pipe,
        control: RunControl,
        store: StateStore,
        shared: Shared,
    ) -> None:
        self._plan = plan
        self._pipe = pipe
        self._control = control
        self._store = store
        self._shared = shared
        self._done = Done()
        self._has_begun = False
        self._known: Start | None = None
        self._last: Commit | None = None

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
        result = StreamResult(
            stream=self._plan.stream,
            outcome=self._outcome(error),
            attempts=attempt,
            seconds=time.monotonic() - started,
            error=error,
            **attrs.asdict(self._done, recurse=False),
        )
        self._control.tell(stream_finished(self._control, result))
        return result

    def _outcome(self, error: DativoError | None) -> StreamOutcome:
        if error is None:
            return StreamOutcome.DONE
        if not self._control.cancellation.is_set():
            return StreamOutcome.FAILED
        return StreamOutcome.INTERRUPTED if self._has_begun else StreamOutcome.NOT_STARTED

    def _try(self, attempt: int) -> DativoError | None:
        try:
            self._attempt(attempt)
        except DativoError as error:
            return self._control.redacted(self._cause(error).located(stream=self._plan.stream))
        except Exception as error:  # noqa: BLE001 - one stream's bug must not end the others
            return self._control.redacted(wrap_exception(error, stream=self._plan.stream))
        return None

    def _cause(self, error: DativoError) -> DativoError:
        """What a source says of being cancelled is no failure of its own: return why it was."""
        cancellation = self._control.cancellation
        if error.phase != "extract" or not cancellation.is_set():
            return error
        reason = fresh(cancellation.reason)
        reason.__cause__ = error
        return reason

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
            retry_scheduled(
                self._control, self._plan.stream, error, attempt=attempt, wait_seconds=wait
            )
        )
        return not self._control.cancellation.wait(wait)

    def _attempt(self, attempt: int) -> None:
        with (
            open_writing(
                self._plan,
                self._pipe.writer,
                control=self._control,
                store=self._store,
                attempt=attempt,
            ) as writing,
            contextlib.ExitStack() as turn,
        ):
            self._require_alone(writing.start)
            self._done.recovered |= writing.start.roll_forward
            turn.enter_context(self._shared.turns.taken())
            self._has_begun = True
            begins = writing.start.checkpoint
            self._control.tell(stream_started(self._control, self._plan, begins, attempt=attempt))
            if self._has_come_through(writing):
                return
            try:
                epoch = self._copy(writing, self._context(attempt))
                if epoch.size_bytes <= _SMALL_BYTES:
                    turn.close()  # while this one waits for the disk another one can read
                self._finish(epoch, writing)
            finally:
                self._known = writing.start

    def _require_alone(self, start: Start) -> None:
        """See that between two tries nobody but this run has published."""
        record = start.record
        if self._known is None or record is None or record == self._known.record:
            return
        if record.commit.run_id != self._control.run_id:
            msg = (
                f"run {record.commit.run_id} published epoch {record.commit.epoch} of the stream "
                "while this run was at work"
            )
            raise ConcurrencyError(msg, retryable=False, stream=self._plan.stream)

    def _has_come_through(self, writing: Writing) -> bool:
        """Count a commit of the last try that was published although its answer was lost.

        Return whether it was the last one of the stream: then to read again would double records
        that are appended without a checkpoint.
        """
        record = writing.start.record
        if self._known is None or record is None or record == self._known.record:
            return False
        self._done.add(writing.recover(record))
        self._done.recovered = True
        return record.commit == self._last

    def _context(self, attempt: int) -> EngineContext:
        return self._pipe.source.context(
            self._control, stream=self._plan.stream, attempt=attempt, streams=self._shared.streams
        )

    def _copy(self, writing: Writing, context: EngineContext) -> Epoch:
        """Move all that the source yields, commit where limits ask for it, return the rest."""
        drain = Drain(
            writing.session,
            slots=self._shared.slots,
            control=self._control,
            counting=self._counting,
            transforming=self._pipe.transforming(
                self._plan.read, self._control, attempt=context.attempt
            ),
            takes_deletions=self._plan.read.deletes,
        )
        epoch = Epoch(checkpoint=writing.start.checkpoint)
        state = self._plan.resumes_at(writing.start.checkpoint)
        with self._pipe.source.extract(self._plan.read, state, context) as batches:
            try:
                for batch in batches:
                    self._control.cancellation.raise_if_set()
                    failpoint("engine.extract.batch")
                    self._done.note(batch.note)
                    drain.start(batch, epoch)
                    if batch.checkpoint is not None:
                        epoch = self._reach(batch.checkpoint, epoch, drain, writing)
                drain.finish(epoch)
                failpoint("engine.extract.ended")
            finally:
                drain.stop()
        self._control.cancellation.raise_if_set()
        if self._is_first(writing.start) and not epoch.staged:
            msg = "the source yielded no batch; an empty stream is one batch without rows"
            raise ContractViolationError(
                msg, connector=self._pipe.source.name, stream=self._plan.stream, phase="extract"
            )
        if self._plan.keys is not None:
            self._delete_missing(self._plan.keys, epoch, writing, context)
        return epoch

    def _is_first(self, start: Start) -> bool:
        """Whether something must be published even if there are no records."""
        return start.record is None or self._plan.write.mode is WriteMode.REPLACE

    @property
    def _counting(self) -> Counting:
        info = self._pipe.source.connector.info.source
        return Counting(
            source=self._pipe.source.name,
            writer=self._pipe.writer.name,
            stream=self._plan.stream,
            is_required=info is not None and info.replay is Replay.EXACT,
        )

    def _reach(self, checkpoint: Checkpoint, epoch: Epoch, drain: Drain, writing: Writing) -> Epoch:
        """Take in a checkpoint: all before it is drained, then it may end the epoch."""
        drain.finish(epoch)
        checkpoint.to_json()
        if not self._plan.is_backfill:
            epoch.checkpoint = checkpoint
        if self._plan.is_one_epoch or not epoch.is_due(self._shared.epochs):
            return epoch
        self._commit(epoch, writing)
        return Epoch(checkpoint=epoch.checkpoint)

    def _finish(self, epoch: Epoch, writing: Writing) -> None:
        """Publish the rest, unless there is nothing to say."""
        if self._plan.read.mode is ReadMode.FULL:
            # The next full read begins at the beginning.
            epoch.checkpoint = None
        first = self._is_first(writing.start)
        if epoch.rows or first or epoch.checkpoint != writing.start.checkpoint:
            try:
                self._commit(epoch, writing)
            finally:
                self._last = writing.tried

    def _delete_missing(
        self, request: StreamRequest, epoch: Epoch, writing: Writing, context: EngineContext
    ) -> None:
        """Stage the deletion of what the source has no longer, as a part of *epoch*."""
        scan = KeyScan(
            self._pipe.source,
            request,
            session=writing.session,
            counting=self._counting,
            transforming=self._pipe.transforming(
                self._plan.read, self._control, attempt=context.attempt
            ),
            control=self._control,
        )
        sequence = epoch.next_sequence()
        # In a slot, because it reads like any other reader.
        staged = self._shared.slots.submit(lambda: scan.delete_missing(context, sequence)).result()
        epoch.add(staged, 0)
        self._control.cancellation.raise_if_set()

    def _commit(self, epoch: Epoch, writing: Writing) -> None:
        self._done.add(writing.commit(epoch))
