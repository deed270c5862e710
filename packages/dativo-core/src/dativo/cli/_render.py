"""A page: where a command shows its answer to a person, styled on a terminal, plain elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Protocol

import attrs

from dativo.cli._outlet import Outlet
from dativo.cli._redaction import Redaction
from dativo.cli._render_words import one_line

__all__ = ["Column", "Page", "PlainPage", "Span", "open_page"]

Span = str | tuple[str, str]
"""A text, or a text and its style: ok, bad, warn, fix, name, dim."""

_WORDS = {"✓": "ok", "✗": "FAILED", "-": "skipped", "?": "not tested", "!": "partly"}


@attrs.frozen
class Column:
    """One column of a table.

    Attributes:
        name: Its heading on a terminal.
        noun: What a plain line says behind the number, for one of it.
        right: Whether it holds numbers.
        style: How its cells look.
        wraps: Whether a long cell goes on in the next line; else it is shortened.
    """

    name: str
    noun: str = ""
    right: bool = False
    style: str = ""
    wraps: bool = False

    def word(self, cell: str) -> str:
        """Return *cell* as a plain line has it."""
        if not self.noun:
            return cell
        return f"{cell} {self.noun}" if cell == "1" else f"{cell} {self.noun}s"


class Page(Protocol):
    """Takes lines and tables; secrets and control characters are taken out of all texts."""

    is_styled: bool
    """Whether colours, columns and redrawing make sense."""

    @property
    def width(self) -> int:
        """How many columns a line has; 0 for no limit."""
        ...

    def line(self, *spans: Span, indent: int = 0) -> None:
        """Show one line; on a terminal a long one goes on below its own beginning."""
        ...

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
        """Show rows below headings, or one plain line for each row."""
        ...

    def sign(self, sign: str) -> str:
        """Return ``✓``, ``✗``, ``-`` or what stands for it where it cannot be shown."""
        ...


class PlainPage:
    """Lines that are stable and easy to search, one fact in each."""

    is_styled = False
    width = 0

    def __init__(self, outlet: Outlet, redaction: Redaction) -> None:
        self._outlet = outlet
        self._redaction = redaction

    def line(self, *spans: Span, indent: int = 0) -> None:
        """Write the texts of *spans*."""
        text = "".join(span if isinstance(span, str) else span[0] for span in spans)
        self._outlet.write(" " * indent + one_line(self._redaction.text(text)).rstrip() + "\n")

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
        """Write one line for each row: the cells that are not empty, each with its own word."""
        for row in rows:
            cells = zip(columns, row, strict=True)
            self.line("  ".join(column.word(cell) for column, cell in cells if cell))

    def sign(self, sign: str) -> str:
        """Return a word."""
        return _WORDS[sign]


def open_page(outlet: Outlet, redaction: Redaction) -> Page:
    """Return the page that suits the outlet."""
    if outlet.is_terminal and os.environ.get("TERM", "") not in ("", "dumb", "unknown"):
        from dativo.cli._render_rich import RichPage  # rich is slow to import

        return RichPage(outlet, redaction)
    return PlainPage(outlet, redaction)
