"""Published records, as they come: a table, JSON lines or CSV."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from dativo.cli._render_preview import show_records, write_records
from dativo.cli._session import Session
from dativo.engine import Field, Row

__all__ = ["CsvLines", "JsonLines", "Records"]

_NEEDS_QUOTES = re.compile(r'[",\r\n]|^$|^\s|\s$')


class Records:
    """Tables on a terminal, one for each batch of records, and plain lines elsewhere."""

    def __init__(self, session: Session) -> None:
        self._outlet = session.out
        self._page = session.page
        self._shown = 0

    def __call__(self, fields: tuple[Field, ...], rows: Sequence[Row]) -> bool:
        """Show *rows*; say whether somebody still reads."""
        if rows and self._page.is_styled:
            show_records(self._page, fields, rows, first=self._shown + 1)
        else:
            write_records(self._page, fields, rows)
        self._shown += len(rows)
        return self._outlet.is_open


class JsonLines:
    """One JSON object on each line."""

    def __init__(self, session: Session) -> None:
        self._session = session
        session.out.encoding = "utf-8"

    def __call__(self, fields: tuple[Field, ...], rows: Sequence[Row]) -> bool:
        """Write *rows*; say whether somebody still reads."""
        names = [field.name for field in fields]
        lines = (json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in rows)
        self._session.out.write(self._session.redaction.text("".join(f"{x}\n" for x in lines)))
        return self._session.out.is_open


class CsvLines:
    """A header and one line for each record; NULL is nothing, an empty text is a pair of quotes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._is_first = True
        session.out.encoding = "utf-8"

    def __call__(self, fields: tuple[Field, ...], rows: Sequence[Row]) -> bool:
        """Write *rows*, the first time below the header; say whether somebody still reads."""
        lines = [_line([field.name for field in fields])] if self._is_first else []
        self._is_first = False
        lines += [_line(row) for row in rows]
        self._session.out.write(self._session.redaction.text("".join(lines)))
        return self._session.out.is_open


def _line(cells: Sequence[str | None]) -> str:
    return ",".join(map(_cell, cells)) + "\n"


def _cell(value: str | None) -> str:
    if value is None:
        return ""
    return '"' + value.replace('"', '""') + '"' if _NEEDS_QUOTES.search(value) else value
