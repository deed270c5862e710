"""Progress that redraws itself on a terminal: a bar for each stream at work, and the sum."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

import attrs
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dativo.cli._render_events import is_wanted, show_message, show_retry
from dativo.cli._render_rich import STYLES, RichPage
from dativo.cli._render_words import count, count_of, duration, size
from dativo.engine import (
    BatchRead,
    Event,
    Message,
    RetryScheduled,
    RunStarted,
    StreamFinished,
    StreamStarted,
)

if TYPE_CHECKING:
    from dativo.cli._session import Session

__all__ = ["LiveProgress"]

_WIDE = 100
_OWN_LINES = 4


@attrs.define
class _Work:
    """What was read of one stream so far."""

    total: int | None = None
    started_at: float = attrs.field(factory=time.monotonic)
    rows: int = 0
    size_bytes: int = 0

    @property
    def seconds(self) -> float:
        """Since it began."""
        return max(time.monotonic() - self.started_at, 0.001)


class LiveProgress:
    """Draws what is being read; below other lines, and gone when it is over."""

    def __init__(self, session: Session, page: RichPage) -> None:
        self._session = session
        self._page = page
        self._lock = threading.Lock()
        self._at_work: dict[str, _Work] = {}
        self._sum = _Work()
        self._streams = 0
        self._finished = 0
        self._live = Live(
            console=page.console,
            get_renderable=self._draw,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take note of *event*; what deserves a line of its own is printed above the bars."""
        with self._lock:
            self._note(event)
        if isinstance(event, RetryScheduled):
            show_retry(self._page, event)
        elif isinstance(event, Message) and is_wanted(self._session, event):
            show_message(self._page, event)

    def _note(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._streams = len(event.streams)
            case StreamStarted():
                self._at_work[event.stream] = _Work(total=event.estimated_rows)
            case BatchRead():
                for work in (self._at_work.setdefault(event.stream, _Work()), self._sum):
                    work.rows += event.rows
                    work.size_bytes += event.size_bytes
            case StreamFinished():
                self._at_work.pop(event.stream, None)
                self._finished += 1
            case _:
                pass

    def _draw(self) -> Group:
        columns, lines = self._page.console.size
        with self._lock:
            at_work = list(self._at_work.items())
            bars = self._bars(at_work[: max(1, lines - _OWN_LINES)], is_wide=columns >= _WIDE)
            return Group(bars, self._total())

    def _bars(self, at_work: list[tuple[str, _Work]], *, is_wide: bool) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=32)
        table.add_column(width=24 if is_wide else 12)
        for _ in range(5 if is_wide else 3):
            table.add_column(justify="right", no_wrap=True)
        for name, work in at_work:
            share = f"{min(work.rows / work.total, 1):.0%}" if work.total else ""
            bar = ProgressBar(total=work.total or None, completed=work.rows, pulse=not work.total)
            cells = [share, f"{count(work.rows)} rows", size(work.size_bytes)]
            if is_wide:
                cells.append(f"{count(round(work.rows / work.seconds))} rows/s")
                cells.append(f"{size(work.size_bytes / work.seconds)}/s")
            texts = (Text(cell, STYLES["dim"] if at > 1 else "") for at, cell in enumerate(cells))
            table.add_row(self._page.text(name), bar, *texts)
        return table

    def _total(self) -> Text:
        if not self._streams:
            return Text(f"connecting ... {duration(self._sum.seconds)}", STYLES["dim"])
        work = self._sum
        parts = (
            f"{self._finished} of {count_of(self._streams, 'stream')}",
            f"{count(work.rows)} rows",
            size(work.size_bytes),
            f"{count(round(work.rows / work.seconds))} rows/s",
            f"{size(work.size_bytes / work.seconds)}/s",
            duration(work.seconds),
        )
        return Text("  ".join(parts), STYLES["name"])
