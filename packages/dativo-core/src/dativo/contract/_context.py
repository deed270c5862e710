"""What a hook may ask of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from dativo.contract._arrow import ArrowArray, ArrowSchema, ArrowStream
from dativo.contract._streams import StreamRequest

__all__ = ["Context"]

T = TypeVar("T")


class Context(Protocol):
    """The engine's side of every hook call: plain values and plain calls, nothing else.

    A connector must not care where it runs, so it gets no object of the core.
    """

    @property
    def contract(self) -> str:
        """The contract version of this core, ``major.minor``."""
        ...

    @property
    def features(self) -> frozenset[str]:
        """Optional abilities of this core, by name."""
        ...

    @property
    def job_id(self) -> str:
        """The job's name; empty outside a job."""
        ...

    @property
    def run_id(self) -> str:
        """Unique per run."""
        ...

    @property
    def attempt(self) -> int:
        """Counts the tries of this call in this run, from 1."""
        ...

    @property
    def fence(self) -> int:
        """The run's fence, see :class:`Commit`."""
        ...

    @property
    def parallelism(self) -> int:
        """How many readers of the whole run are drained at once."""
        ...

    @property
    def batch_rows(self) -> int:
        """How many rows a record batch should have at the most."""
        ...

    @property
    def batch_bytes(self) -> int:
        """How many bytes a record batch should have at the most; a share of the memory budget."""
        ...

    @property
    def buffer_bytes(self) -> int:
        """How much one ``stage`` may hold in memory, in bytes; a share of the memory budget."""
        ...

    @property
    def streams(self) -> tuple[StreamRequest, ...]:
        """For ``check_connection``: the streams of the job; a source checks each of them.

        For ``extract``: the streams of the run in the order in which they are begun, for a source
        that asks for several at once; it may ignore them.
        """
        ...

    @property
    def patterns(self) -> tuple[str, ...]:
        """For ``discover``: only streams that match one of these are wanted; empty for all.

        ``*`` stands for any text and ``?`` for one character. A source may ignore it: the engine
        filters as well.
        """
        ...

    @property
    def limit(self) -> int | None:
        """How many streams (``discover``) or records (``extract``, in a preview) are wanted.

        ``None`` for all. A source may ignore it: the engine stops asking in time.
        """
        ...

    @property
    def deadline(self) -> float | None:
        """When the call should be over, in seconds of ``time.monotonic()``."""
        ...

    @property
    def workdir(self) -> Path:
        """A folder for temporary files, with mode 0700, removed after the run."""
        ...

    def cancelled(self) -> bool:
        """Whether the run is being stopped; long work asks between steps and returns early."""
        ...

    def on_cancel(self, call: Callable[[], None]) -> AbstractContextManager[None]:
        """While the returned context manager is entered, cancelling the run calls *call* once.

        For work that waits in a driver, such as ``with context.on_cancel(cursor.cancel): ...``.
        *call* runs in another thread; it must be quick and must not raise.
        """
        ...

    def log(self, message: str, *, level: str = "info", **fields: object) -> None:
        """Tell the operator *message*, with *fields* for machines.

        *level* is debug, info, warning or error.
        """
        ...

    def progress(self, note: str = "") -> None:
        """Say that something moves although no record does; it feeds the stall watchdog.

        *note* is told to the operator at the level debug.
        """
        ...

    def resource(self, key: str, factory: Callable[[], AbstractContextManager[T]]) -> T:
        """Return what *factory*'s context manager gives, opened once per run, role and *key*.

        Thread-safe. The engine closes it when all readers of the run have ended, whatever happens.
        """
        ...

    def discard(self, key: str, resource: object) -> None:
        """Close *resource*, got under *key*, because it is broken; the next call opens anew.

        Does nothing if another thread has replaced it already.
        """
        ...

    def retry(self, call: Callable[[], T]) -> T:
        """Do *call* until it succeeds, fails for good, or the retry budget of the run is used up.

        Retryable errors are retried, after their ``retry_after`` or with growing, jittered waits.
        What is no error of ``dativo.errors`` is classified first, by ``wrap_exception``: what the
        standard library raises for sockets, TLS, HTTP and files is retried or raised as the error
        that it becomes. What that does not know, such as a ``KeyError``, passes through untouched.
        In a run that is being stopped it raises the reason.
        """
        ...

    def reader(self, schema: ArrowSchema, batches: Iterable[ArrowArray]) -> ArrowStream:
        """Make a lazy reader of Python code.

        *schema* is that of each of *batches*, which is usually a generator. It is not touched
        before the first pull; an exception in it is kept, so that the engine reports it and not an
        Arrow error without a cause.
        """
        ...
