"""What the engine tells while it works, as lines on standard error."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from dativo.cli._render import Page
from dativo.cli._render_words import count_of, duration, size
from dativo.engine import (
    BatchRead,
    EpochCommitted,
    Event,
    Message,
    RetryScheduled,
    RunStarted,
    StreamFinished,
    StreamStarted,
)

if TYPE_CHECKING:
    from dativo.cli._session import Session

__all__ = ["PlainProgress", "show_message", "show_retry", "tell_messages"]

_STYLES = {"error": "bad", "warning": "warn"}
_PULSE_SECONDS = 10.0


def tell_messages(session: Session) -> Callable[[Event], None]:
    """Return an observer that shows what connectors have to say."""

    def observe(event: Event) -> None:
        if isinstance(event, Message) and is_wanted(session, event):
            show_message(session.notes, event)

    return observe


def is_wanted(session: Session, message: Message) -> bool:
    """Whether the options ask for messages of this level."""
    options = session.options
    wanted = {"info": options.verbose or options.debug, "debug": options.debug}
    return wanted.get(message.level, True)


def show_message(page: Page, message: Message) -> None:
    """Show what a connector or the engine has to say."""
    place = " ".join(part for part in (message.connector, message.stream) if part)
    fields = "".join(f" {name}={value}" for name, value in message.fields.items())
    style = _STYLES.get(message.level, "dim")
    start = f" {place}: " if place else " "
    page.line((f"{message.level}:", style), f"{start}{message.text}{fields}")


def show_retry(page: Page, event: RetryScheduled) -> None:
    """Show what failed for now, and when it is tried again."""
    when = f"attempt {event.attempt + 1} in {duration(event.wait_seconds)}"
    error = event.error
    place = event.stream or error.connector or event.job
    page.line((f"{place}: {when}", "warn"), f" after error[{error.code}]: {error.message}")


class PlainProgress:
    """One line for each thing that happened, and a sign of life now and then."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._page = session.notes
        self._rows: dict[str, int] = defaultdict(int)
        self._bytes: dict[str, int] = defaultdict(int)
        self._told_at: dict[str, float] = defaultdict(time.monotonic)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind."""

    def __call__(self, event: Event) -> None:
        """Show *event*."""
        with self._lock:
            self._observe(event)

    def _observe(self, event: Event) -> None:
        match event:
            case RunStarted():
                streams = count_of(len(event.streams), "stream")
                self._page.line(f"{event.job}: run {event.run_id} of {streams}")
            case StreamStarted():
                self._start(event)
            case BatchRead():
                self._read(event)
            case EpochCommitted():
                made = f"{count_of(event.rows, 'row')}, {size(event.size_bytes)}"
                files = count_of(event.files, "file")
                self._page.line(f"{event.stream}: committed epoch {event.epoch}, {made}, {files}")
            case RetryScheduled():
                show_retry(self._page, event)
            case StreamFinished():
                verdict = "done" if event.error is None else f"failed with {event.error.code}"
                rows = count_of(event.rows, "row")
                self._page.line(f"{event.stream}: {verdict}, {rows} in {duration(event.seconds)}")
            case Message() if is_wanted(self._session, event):
                show_message(self._page, event)
            case _:
                pass

    def _start(self, event: StreamStarted) -> None:
        rows = event.estimated_rows
        about = "" if rows is None else f", about {count_of(rows, 'row')}"
        again = f", attempt {event.attempt}" if event.attempt > 1 else ""
        how = "resumed" if event.resumed else "started"
        self._page.line(f"{event.stream}: {how}{again}{about}")
        self._told_at[event.stream] = time.monotonic()

    def _read(self, event: BatchRead) -> None:
        stream = event.stream
        self._rows[stream] += event.rows
        self._bytes[stream] += event.size_bytes
        if time.monotonic() - self._told_at[stream] >= _PULSE_SECONDS:
            self._told_at[stream] = time.monotonic()
            read = f"{count_of(self._rows[stream], 'row')}, {size(self._bytes[stream])}"
            self._page.line(f"{stream}: read {read} so far")
