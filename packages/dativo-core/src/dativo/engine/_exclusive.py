"""A job that nobody else may run or change in the meantime, neither here nor in its target."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import attrs

from dativo.config import Job
from dativo.contract import HeldLock, failpoint
from dativo.engine._cancel import Cancellation
from dativo.engine._control import RunControl
from dativo.engine._events import Observer
from dativo.engine._means import open_control
from dativo.engine._observing import observing
from dativo.engine._open import Sides, open_sides
from dativo.state import StateStore

__all__ = ["Exclusive", "open_exclusively"]


@attrs.frozen(kw_only=True)
class Exclusive:
    """A job with all that is needed to read and publish.

    Attributes:
        sides: Its connectors.
        control: The run, which knows its locks and has a fence of its own.
        store: The project's state.
    """

    sides: Sides
    control: RunControl
    store: StateStore


@contextlib.contextmanager
def open_exclusively(
    job: Job,
    lock: HeldLock,
    *,
    run_id: str,
    observer: Observer | None = None,
    cancellation: Cancellation | None = None,
    observes: bool = False,
) -> Iterator[Exclusive]:
    """Open *job* under its *lock*, get a fence, and hold the lock of the target while entered.

    Args:
        job: The job.
        lock: What :func:`dativo.state.job_lock` gives.
        run_id: The run that holds it.
        observer: Is told what happens.
        cancellation: Stops the run from outside.
        observes: Whether the observers of the job are told what happens.

    Raises:
        DativoError: A connector or the state store is wrong.
        StateLockedError: Another run holds the target.
    """
    failpoint("engine.lock.held")
    store = StateStore(job.folder / ".dativo")
    with (
        contextlib.closing(store),
        open_control(job, run_id=run_id, observer=observer, cancellation=cancellation) as control,
        observing(job, control) if observes else contextlib.nullcontext(),
        open_sides(job) as sides,
    ):
        control.fence = store.next_fence(job.name)
        failpoint("engine.fence.stored")
        control.hold(lock)
        writer = sides.pipe.writer
        with writer.connector.lock(writer.config, writer.context(control)) as held:
            if held is not None:
                control.hold(held)
            failpoint("engine.target.locked")
            yield Exclusive(sides=sides, control=control, store=store)
