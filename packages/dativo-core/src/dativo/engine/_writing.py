"""Writing one stream: a session whose commits go on from what is published; state follows."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping

import attrs

from dativo.contract import (
    Checkpoint,
    Commit,
    CommitRecord,
    EpochCommitted,
    Receipt,
    StreamRequest,
    WriteMode,
    WriteRequest,
    WriteSession,
    failpoint,
)
from dativo.engine._control import RunControl
from dativo.engine._epoch import Epoch
from dativo.engine._pipe import Side
from dativo.engine._recover import Start, reconcile
from dativo.errors import ConcurrencyError, ContractViolationError, DativoError
from dativo.plugins import GuardedSession
from dativo.state import StateEntry, StateStore

__all__ = ["StreamPlan", "Writing", "open_writing"]


@attrs.frozen(kw_only=True)
class StreamPlan:
    """What is to be done for one stream.

    Attributes:
        read: What the source is asked.
        write: What the writer is asked.
        keys: What the source is asked afterwards to find deletions; ``None`` for nothing.
        is_backfill: Whether a range is read again, beside the checkpoints.
        fingerprint: What the stream's checkpoints depend on.
        estimated_rows: About how many records there are, where discovery said so.
    """

    read: StreamRequest
    write: WriteRequest
    keys: StreamRequest | None = None
    is_backfill: bool = False
    fingerprint: Mapping[str, str]
    estimated_rows: int | None = None

    @property
    def stream(self) -> str:
        """The stream's name."""
        return self.read.stream

    def resumes_at(self, checkpoint: Checkpoint | None) -> Checkpoint | None:
        """Return where the source reads on, if *checkpoint* is published; ``None``: nowhere."""
        return None if self.is_backfill else checkpoint

    @property
    def is_one_epoch(self) -> bool:
        """Whether nothing is published before the stream is read to its end.

        A backfill begins anew after a failure, so what it appends must not be published in parts.
        """
        return self.write.mode is WriteMode.REPLACE or self.doubles

    @property
    def doubles(self) -> bool:
        """Whether what is published already is published once more."""
        return self.is_backfill and self.write.mode is WriteMode.APPEND


class Writing:
    """An open session and what is published so far.

    Attributes:
        session: Where records are staged.
        start: What is published, and where the source reads on from; moves with each commit.
        tried: The commit that was asked for last, whatever became of it.
    """

    def __init__(
        self,
        session: GuardedSession,
        start: Start,
        *,
        plan: StreamPlan,
        writer: str,
        fence: int,
        control: RunControl,
        store: StateStore,
    ) -> None:
        self.session = session
        self.start = start
        self.tried: Commit | None = None
        self._plan = plan
        self._writer = writer
        self._fence = fence
        self._control = control
        self._store = store

    def commit(self, epoch: Epoch) -> Receipt:
        """Publish *epoch* as the next one, then store that as state.

        Raises:
            ConcurrencyError: Somebody else has published or claimed the stream.
            StateLockedError: This run has lost its lock; the whole run ends.
        """
        self._control.require_locks()
        commit = self.tried = self._commit(epoch)
        failpoint("engine.commit.before")
        receipt = self.session.commit(commit, epoch.staged)
        failpoint("engine.commit.receipt")
        if receipt.record.commit != commit or receipt.record.rows != epoch.rows:
            msg = (
                f"the receipt is for commit {receipt.record.commit.commit_id} of "
                f"{receipt.record.rows} rows, asked for {commit.commit_id} of {epoch.rows} rows"
            )
            raise ContractViolationError(msg, connector=self._writer, phase="commit")
        self._store.save(receipt.record)
        failpoint("engine.commit.saved")
        self.start = Start(epoch=commit.epoch, checkpoint=commit.checkpoint, record=receipt.record)
        self._tell(receipt)
        return receipt

    def recover(self, record: CommitRecord) -> Receipt:
        """Store and tell a commit of this run that was published although its answer was lost."""
        self._store.save(record)
        receipt = Receipt(record=record, replayed=True)
        self._tell(receipt)
        return receipt

    def _commit(self, epoch: Epoch) -> Commit:
        return Commit(
            job_id=self._control.job,
            stream=self._plan.stream,
            epoch=self.start.epoch + 1,
            commit_id=uuid.uuid4().hex,
            run_id=self._control.run_id,
            fence=self._fence,
            mode=self._plan.write.mode,
            checkpoint=epoch.checkpoint,
            fingerprint=self._plan.fingerprint,
        )

    def _tell(self, receipt: Receipt) -> None:
        commit = receipt.record.commit
        self._control.moved()
        self._control.tell(
            EpochCommitted(
                job=commit.job_id,
                run_id=self._control.run_id,
                stream=commit.stream,
                epoch=commit.epoch,
                rows=receipt.record.rows,
                size_bytes=receipt.size_bytes,
                files=len(receipt.record.files),
                commit_id=commit.commit_id,
                checkpoint=commit.checkpoint,
            )
        )


@contextlib.contextmanager
def open_writing(
    plan: StreamPlan,
    writer: Side,
    *,
    control: RunControl,
    store: StateStore,
    attempt: int = 1,
    resumes: bool = True,
    rebuilds: bool = False,
) -> Iterator[Writing]:
    """Open the writer's session and go through the start-up table, before anything is read.

    What is not committed is gone when it is left. If a fence in the target is above this run's
    although this run holds the locks, its fence is raised above that one, for the next try.

    Args:
        plan: What is to be done.
        writer: The writer.
        control: The run; its locks are held.
        store: Where state goes.
        attempt: Counts the tries.
        resumes: Whether the published checkpoint is going to be used, so that it must fit.
        rebuilds: Whether the state follows what is published even where it is ahead of that.

    Raises:
        StateError: State and target do not fit together.
        ConcurrencyError: Somebody else holds the stream.
        StateLockedError: This run has lost its lock; the whole run ends.
    """
    control.require_locks()
    context = writer.context(control, stream=plan.stream, attempt=attempt)
    with _raising_fence(control, store, context.fence):
        session = writer.open_session(plan.write, context)
        with _closing(session):
            failpoint("engine.session.opened")
            yield Writing(
                session,
                _start(plan, session, control, store, resumes=resumes, rebuilds=rebuilds),
                plan=plan,
                writer=writer.name,
                fence=context.fence,
                control=control,
                store=store,
            )


def _start(
    plan: StreamPlan,
    session: WriteSession,
    control: RunControl,
    store: StateStore,
    *,
    resumes: bool,
    rebuilds: bool,
) -> Start:
    entry = store.load(control.job, plan.stream)
    start = reconcile(
        session.last_commit(),
        entry,
        job=control.job,
        fingerprint=plan.fingerprint,
        mode=plan.write.mode,
        resumes=resumes,
        rebuilds=rebuilds,
    )
    if rebuilds:
        _follow(start.record, entry, stream=plan.stream, control=control, store=store)
    elif start.roll_forward and start.record is not None:
        failpoint("engine.recover.before")
        store.save(start.record)
        failpoint("engine.recover.saved")
    return start


def _follow(
    record: CommitRecord | None,
    entry: StateEntry | None,
    *,
    stream: str,
    control: RunControl,
    store: StateStore,
) -> None:
    """Make the state what the target says, forward or back, unless it is that already."""
    published = None if record is None else record.commit
    if published != (None if entry is None else entry.record.commit):
        control.require_locks()
        store.restore(control.job, stream, record)


@contextlib.contextmanager
def _closing(session: WriteSession) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # What cannot be removed now is swept by the next run.
        with contextlib.suppress(DativoError):
            session.abort()
        raise
    finally:
        with contextlib.suppress(DativoError):
            session.close()


@contextlib.contextmanager
def _raising_fence(control: RunControl, store: StateStore, fence: int) -> Iterator[None]:
    try:
        yield
    except ConcurrencyError as error:
        claimed = error.details.get("fence")
        if isinstance(claimed, int) and claimed >= fence:
            control.require_locks()
            control.raise_fence(claimed, lambda: store.next_fence(control.job, above=claimed))
        raise
