"""Observers of a run: each in a thread of its own, told through a queue with an end.

They fail open: one that raises, is slow or hangs changes nothing of the run; what it missed is
told to the operator.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TypeVar

import attrs

from dativo.config import Job, ProblemList
from dativo.contract import BatchRead, Event, Message, RunFinished
from dativo.engine._cancel import fresh
from dativo.engine._control import RunControl
from dativo.engine._extensions import LoadedExtension, load_extensions
from dativo.engine._left_behind import abandon
from dativo.engine._telling import run_failed
from dativo.errors import DativoError, wrap_exception

__all__ = ["observing"]

_GRACE_SECONDS = 5.0
_ROOM = 1_000  # what is told most often must leave room for what is told once
_RESERVE = 1_000

AnyEvent = TypeVar("AnyEvent", bound=Event)


@contextlib.contextmanager
def observing(job: Job, control: RunControl) -> Iterator[None]:
    """Have the observers of *job* told what happens while entered, an end in any case.

    Settings that are wrong are the business of whoever opens the job; such observers do not begin.

    Raises:
        PluginError: An extension is not installed or cannot be loaded.
    """
    problems = ProblemList()
    loaded = load_extensions(job.extensions, problems)
    observers = [one for one in loaded if not problems and not one.extension.is_transformer]
    names = frozenset(one.name for one in observers)
    watches = [_Watch(one, control, names) for one in observers]
    for watch in watches:
        control.watch(watch.put)
    started = time.monotonic()
    try:
        yield
    except BaseException as error:
        ended = run_failed(control, _described(error), seconds=time.monotonic() - started)
        for watch in watches:
            watch.put(ended)
        raise
    finally:
        _close(watches, control)


def _described(error: BaseException) -> DativoError:
    return error if isinstance(error, DativoError) else wrap_exception(error)


def _close(watches: Sequence[_Watch], control: RunControl) -> None:
    """Wait a few seconds for all of them together, and tell what each has missed."""
    until = time.monotonic() + _GRACE_SECONDS
    for watch in watches:
        watch.end()
    for watch in watches:
        watch.join(until)
    for watch in watches:
        missed = watch.missed()
        if missed:
            control.message(missed, level="warning", connector=watch.name)


class _Watch:
    """One observer, its thread and its queue.

    Args:
        observer: The extension.
        control: The run, where its failures are told.
        observers: All observers: none of them is told what one of them says, or two that log
            what they are told would never come to an end.
    """

    def __init__(
        self, observer: LoadedExtension, control: RunControl, observers: frozenset[str]
    ) -> None:
        self.name = observer.name
        self._observers = observers
        self._observer = observer
        self._control = control
        self._events: deque[Event] = deque()
        self._changed = threading.Condition()
        self._is_over = False
        self._has_finished = False
        self._dropped = 0
        self._failed = 0
        self._thread = threading.Thread(
            target=self._work, name=f"dativo-observer-{self.name}", daemon=True
        )
        self._thread.start()

    def put(self, event: Event) -> None:
        """Queue *event* for the observer, or count it as dropped; does not wait."""
        if isinstance(event, Message) and event.connector in self._observers:
            return
        many = isinstance(event, BatchRead | Message)
        with self._changed:
            if self._has_finished or self._is_over:
                return
            self._has_finished = isinstance(event, RunFinished)
            if len(self._events) >= (_ROOM if many else _ROOM + _RESERVE):
                self._dropped += 1
                return
            self._events.append(event)
            self._changed.notify()

    def end(self) -> None:
        """Say that nothing more is going to be told."""
        with self._changed:
            self._is_over = True
            self._changed.notify()

    def join(self, until: float) -> None:
        """Wait for the thread, but not longer than *until*; it is left behind then."""
        self._thread.join(max(0.0, until - time.monotonic()))
        if self._thread.is_alive():
            abandon()

    def missed(self) -> str:
        """Return what the observer did not get to know, as a sentence; nothing if it knows all."""
        with self._changed:
            left = len(self._events) + self._thread.is_alive()
            parts = (
                f"{self._dropped} events came too fast for it" if self._dropped else "",
                f"{self._failed} events made it fail" if self._failed else "",
                f"at the end of the run it was not done with {left}" if left else "",
            )
        told = ", ".join(part for part in parts if part)
        return f"the observer {self.name!r} has missed something: {told}" if told else ""

    def _work(self) -> None:
        try:
            session = self._observer.extension.observe(
                self._observer.config, self._observer.context(self._control)
            )
        except BaseException as error:  # noqa: BLE001 - it fails open, whatever it raises
            self._give_up(error)
            return
        while (event := self._next()) is not None:
            try:
                session.tell(_copied(event, self._control))
            except BaseException as error:  # noqa: BLE001 - as above
                self._failed += 1
                if self._failed == 1:
                    self._warn("failed", error)
        try:
            session.close()
        except BaseException as error:  # noqa: BLE001 - as above
            self._warn("failed at its end", error)
        self._observer.resources.close()

    def _next(self) -> Event | None:
        with self._changed:
            while not self._events:
                if self._is_over:
                    return None
                self._changed.wait()
            return self._events.popleft()

    def _give_up(self, error: BaseException) -> None:
        with self._changed:
            self._is_over = True
            self._events.clear()
        self._warn("does not observe this run", error)
        self._observer.resources.close()

    def _warn(self, what: str, error: BaseException) -> None:
        described = _described(error)
        text = f"the observer {self.name!r} {what}: {described.message} [{described.code}]"
        self._control.message(text, level="warning", connector=self.name)


def _copied(event: AnyEvent, control: RunControl) -> AnyEvent:
    """Give an observer an error of its own: without frames, secrets, or a way into the run."""
    error = getattr(event, "error", None)
    if not isinstance(error, DativoError):
        return event
    copy = fresh(error).located(connector=error.connector, stream=error.stream, phase=error.phase)
    return attrs.evolve(event, error=control.redacted(copy))  # type: ignore[call-arg]
