"""The streams of a source, each shown as soon as it is found."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from dativo.cli._render_words import count_of, duration
from dativo.contract import Stream, StreamStatus
from dativo.engine import DiscoveryResult

if TYPE_CHECKING:
    from dativo.cli._session import Session

__all__ = ["StreamLines"]

_ENOUGH = 100
_PATIENCE_SECONDS = 0.5
_WIDEST = 44


class StreamLines:
    """Shows streams one below the other.

    On a terminal the first ones are waited for, so that the columns fit; those that come later
    are shown at once.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._page = session.page if not session.options.json else None
        self._waiting: list[Stream] = []
        self._since = time.monotonic()
        self._widths: tuple[int, int, int] | None = None
        self._count = 0
        self._unreadable = 0

    def add(self, stream: Stream) -> None:
        """Take the next stream."""
        if self._page is None:
            return
        self._count += 1
        self._unreadable += stream.status is not StreamStatus.READABLE
        self._waiting.append(stream)
        waited = time.monotonic() - self._since > _PATIENCE_SECONDS
        if self._widths or waited or len(self._waiting) >= _ENOUGH or not self._page.is_styled:
            self._show()

    def close(self, result: DiscoveryResult) -> None:
        """Show what was waited for, and the sum."""
        if self._page is None:
            return
        self._show()
        found = count_of(self._count, "stream")
        more = "" if result.complete else "; there are more, see --limit and --timeout"
        bad = f", {self._unreadable} of them not readable" if self._unreadable else ""
        self._page.line(
            (result.connector, "name"),
            f": {found}{bad}{more}",
            (f" in {duration(result.seconds)}", "dim"),
        )

    def _show(self) -> None:
        assert self._page is not None
        if self._widths is None and self._page.is_styled and self._waiting:
            cells = [_cells(stream) for stream in self._waiting]
            name, kind, rows = (max(len(cell[at]) for cell in cells) for at in range(3))
            self._widths = (min(name, _WIDEST), kind, rows)
        for stream in self._waiting:
            self._show_one(stream)
        self._waiting.clear()

    def _show_one(self, stream: Stream) -> None:
        assert self._page is not None
        name, kind, rows = _cells(stream)
        if self._widths is not None:
            name, kind = name.ljust(self._widths[0]), kind.ljust(self._widths[1])
            rows = rows.rjust(self._widths[2])
        key = f"key {', '.join(stream.primary_key)}" if stream.primary_key else ""
        cursors = f"cursor {', '.join(stream.cursors)}" if stream.cursors else ""
        facts = "  ".join(fact for fact in (kind, rows, key, cursors) if fact)
        readable = stream.status is StreamStatus.READABLE
        self._page.line((name, "name" if readable else "bad"), "  ", (facts, "dim"))
        if stream.problem is not None:
            self._page.line(
                (f"error[{stream.problem.code}]", "bad"), f": {stream.problem.message}", indent=4
            )
        if self._session.options.verbose:
            self._show_fields(stream)

    def _show_fields(self, stream: Stream) -> None:
        assert self._page is not None
        if stream.description:
            self._page.line((stream.description, "dim"), indent=4)
        for name, kind, nullable in _fields(stream):
            end = "" if nullable else " not null"
            self._page.line(f"{name}  ", (f"{kind}{end}", "dim"), indent=4)


def _cells(stream: Stream) -> tuple[str, str, str]:
    rows = stream.estimated_rows
    return stream.name, stream.kind, "" if rows is None else f"~{count_of(rows, 'row')}"


def _fields(stream: Stream) -> list[tuple[str, str, bool]]:
    document = DiscoveryResult(connector="", streams=(stream,)).to_dict()
    (only,) = cast("list[dict[str, Any]]", document["streams"])
    return [(one["name"], one["type"], one["nullable"]) for one in only["fields"]]
