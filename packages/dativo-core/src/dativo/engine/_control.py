"""What all parts of one run share: its limits, its observers, its clock and its switch."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import attrs

from dativo.contract import Event, HeldLock, Message
from dativo.engine._cancel import Cancellation
from dativo.engine._events import Observer
from dativo.engine._retry import RetryPolicy
from dativo.errors import DativoError, StateLockedError

__all__ = ["Limits", "RunControl", "temporary_folder"]

_MIB = 1024 * 1024


@attrs.frozen(kw_only=True)
class Limits:
    """How much of the machine a run may use.

    Attributes:
        parallelism: Readers that are drained at once; a source opens about as many connections.
        memory_bytes: What all batches and buffers in flight may take together.
        batch_rows: Rows of a record batch.
    """

    parallelism: int
    memory_bytes: int
    batch_rows: int = 65_536

    @property
    def batch_bytes(self) -> int:
        """A record batch's share: a slot holds a few of them between driver and file."""
        return _between(_MIB, self.memory_bytes // (self.parallelism * 16), 16 * _MIB)

    @property
    def buffer_bytes(self) -> int:
        """A writer's share per slot; encoding takes about as much again."""
        return _between(_MIB, self.memory_bytes // (self.parallelism * 4), 128 * _MIB)


def _between(low: int, value: int, high: int) -> int:
    return max(low, min(value, high))


class RunControl:
    """One run's shared means; safe to use from several threads.

    Args:
        job: The job's name; empty outside a job.
        run_id: Unique per run.
        fence: See :class:`dativo.contract.Commit`.
        limits: What the run may use.
        retry: The retry layer.
        workdir: The run's folder for temporary files.
        redact: Takes secrets out of a text.
        observer: Is told every event, as by :meth:`watch`.
        cancellation: The run's switch.
        timeout_seconds: The run's deadline from now; ``None`` for none.
    """

    def __init__(
        self,
        *,
        job: str,
        run_id: str,
        limits: Limits,
        retry: RetryPolicy,
        workdir: Path,
        redact: Callable[[str], str],
        fence: int = 0,
        observer: Observer | None = None,
        cancellation: Cancellation | None = None,
        timeout_seconds: float | None = None,
    ) -> None:
        self.job = job
        self.run_id = run_id
        self.fence = fence
        self.limits = limits
        self.retry = retry
        self.workdir = workdir
        self.redact = redact
        self.cancellation = cancellation or Cancellation()
        self.deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        self.moved_at = time.monotonic()
        self._observers = [] if observer is None else [observer]
        self._telling = threading.RLock()
        self._locks: list[HeldLock] = []
        self._raising = threading.Lock()

    def hold(self, lock: HeldLock) -> None:
        """Make the run depend on *lock*; see :meth:`require_locks`."""
        self._locks.append(lock)

    def require_locks(self) -> None:
        """Stop the whole run if another one has taken over a lock of it.

        Raises:
            StateLockedError: A lock is lost; nothing more may be published.
            DativoError: The run is being stopped.
        """
        if not all(lock.is_held() for lock in self._locks):
            msg = f"another run took over the lock of job {self.job!r} while this one stood still"
            fix = "Look at the other run; this one has published nothing since."
            self.cancellation.cancel(StateLockedError(msg, fix=fix))
        self.cancellation.raise_if_set()

    def raise_fence(self, above: int, next_fence: Callable[[], int]) -> None:
        """Give the sessions that are opened from now on a fence that is higher than *above*."""
        with self._raising:
            if self.fence <= above:
                self.fence = next_fence()

    def watch(self, observer: Observer) -> None:
        """Tell *observer* every event from now on; if it fails it is not told any more."""
        with self._telling:
            self._observers.append(observer)

    def tell(self, event: Event) -> None:
        """Pass *event* to the observers; observers fail open, and may tell something themselves."""
        with self._telling:
            for observer in tuple(self._observers):
                try:
                    observer(event)
                except Exception:  # noqa: BLE001 - it must not end the work it watches
                    self._observers.remove(observer)

    def message(
        self,
        text: str,
        *,
        level: str = "info",
        connector: str = "",
        stream: str = "",
        fields: Mapping[str, object] | None = None,
    ) -> None:
        """Tell a :class:`Message`, redacted."""
        said = {name: self._redacted_value(value) for name, value in (fields or {}).items()}
        self.tell(
            Message(
                job=self.job,
                run_id=self.run_id,
                level=level,
                text=self.redact(text),
                connector=connector,
                stream=stream,
                fields=said,
            )
        )

    def moved(self) -> None:
        """Note that something moved, for the stall watchdog."""
        self.moved_at = time.monotonic()

    def waiting(self, seconds: float) -> None:
        """Note that nothing will move for *seconds*, on purpose; that is no stall."""
        self.moved_at = time.monotonic() + seconds

    def seconds_left(self) -> float | None:
        """Return how much of the run's time is left; ``None`` without a deadline."""
        return None if self.deadline is None else self.deadline - time.monotonic()

    def redacted(self, error: DativoError) -> DativoError:
        """Take secrets out of *error*'s texts, in place, and return it."""
        error.message = self.redact(error.message)
        error.args = (error.message,)
        error.fix = self.redact(error.fix)
        error.details = {key: self._redacted_value(value) for key, value in error.details.items()}
        return error

    @contextlib.contextmanager
    def redacting(self) -> Iterator[None]:
        """Take secrets out of an error before it reaches the caller."""
        try:
            yield
        except DativoError as error:
            self.redacted(error)
            raise

    def _redacted_value(self, value: object) -> object:
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, dict):
            return {str(key): self._redacted_value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._redacted_value(item) for item in value]
        return value


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a private folder that is gone when it is left."""
    folder = Path(tempfile.mkdtemp(prefix="dativo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
