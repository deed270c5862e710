"""The page of a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import IO, cast

from rich.console import Console, ConsoleDimensions
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dativo.cli._outlet import Outlet
from dativo.cli._redaction import Redaction
from dativo.cli._render import Column, Span
from dativo.cli._render_words import one_line

__all__ = ["STYLES", "RichPage"]

STYLES = {
    "": "",
    "ok": "green",
    "bad": "bold red",
    "warn": "yellow",
    "fix": "cyan",
    "name": "bold",
    "dim": "dim",
}

_ASCII = {"✓": "+", "✗": "x", "-": "-"}


class RichPage:
    """Colours, columns and redrawing."""

    is_styled = True

    def __init__(self, outlet: Outlet, redaction: Redaction) -> None:
        self.console: Console = _Terminal(outlet)
        self._outlet = outlet
        self._redaction = redaction

    @property
    def width(self) -> int:
        """The terminal's width now."""
        return self.console.width

    def line(self, *spans: Span, indent: int = 0) -> None:
        """Print the *spans* in their styles."""
        text = self.text(*spans)
        self.console.print(Padding(text, (0, 0, 0, indent), expand=False) if indent else text)

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
        """Print a table that is as wide as its content, at most as wide as the terminal."""
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=STYLES["dim"])
        for column in columns:
            table.add_column(
                column.name,
                justify="right" if column.right else "left",
                style=STYLES[column.style],
                no_wrap=not column.wraps,
                overflow="fold" if column.wraps else "ellipsis",
            )
        for row in rows:
            table.add_row(*(self.text(cell) for cell in row))
        self.console.print(table)

    def sign(self, sign: str) -> str:
        """Return *sign* itself if the terminal's encoding has it."""
        return sign if self._outlet.can_show(sign) else _ASCII[sign]

    def text(self, *spans: Span) -> Text:
        """Return the *spans* as one text of rich, harmless and without secrets."""
        text = Text()
        for span in spans:
            words, style = (span, "") if isinstance(span, str) else span
            text.append(one_line(self._redaction.text(words)), STYLES[style])
        return text


class _Terminal(Console):
    """A console on an outlet; it asks for the terminal's size each time."""

    def __init__(self, outlet: Outlet) -> None:
        super().__init__(
            file=cast("IO[str]", outlet), force_terminal=True, highlight=False, markup=False
        )
        self._outlet = outlet

    @property
    def size(self) -> ConsoleDimensions:
        """The terminal's size now."""
        columns, lines = self._outlet.size
        return ConsoleDimensions(columns, lines)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        """Ignore it: the terminal knows better."""

    @property
    def encoding(self) -> str:
        """The outlet's encoding; rich draws with ASCII where it is not UTF-8."""
        return self._outlet.encoding
