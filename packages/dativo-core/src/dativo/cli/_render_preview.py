"""The first records of streams, as tables on a terminal and as lines elsewhere."""

from __future__ import annotations

import json

from dativo.cli._render import Column, Page
from dativo.cli._render_errors import show_error
from dativo.cli._render_words import count_of
from dativo.engine import Field, PreviewResult, PreviewTable

__all__ = ["show_preview"]

_NUMBERS = ("int", "uint", "float", "decimal", "halffloat", "double")
_WIDEST = 40


def show_preview(page: Page, notes: Page, result: PreviewResult) -> None:
    """Show the tables of *result* on *page*, and the errors of its streams on *notes*."""
    for table in result.tables:
        if table.error is not None:
            show_error(notes, table.error, job=result.job)
        elif page.is_styled:
            _show(page, table)
        else:
            _write(page, table)


def _show(page: Page, table: PreviewTable) -> None:
    rows, fields = count_of(len(table.rows), "row"), count_of(len(table.fields), "field")
    page.line((table.stream, "name"), (f"  {rows}, {fields}", "dim"))
    # Narrow terminals get one record below the other instead of a table without room.
    if len(table.fields) * 8 <= page.width:
        columns = [Column(field.name, right=_is_number(field)) for field in table.fields]
        page.table(columns, ([_cell(value) for value in row] for row in table.rows))
    else:
        widest = min(max(len(field.name) for field in table.fields), _WIDEST)
        for at, row in enumerate(table.rows, start=1):
            page.line((f"row {at}", "dim"), indent=2)
            for field, value in zip(table.fields, row, strict=True):
                shown = (_cell(value), "dim" if value is None else "")
                page.line((f"{field.name.ljust(widest)}  ", "name"), shown, indent=4)
    page.line()


def _write(page: Page, table: PreviewTable) -> None:
    names = [field.name for field in table.fields]
    for row in table.rows:
        values = (json.dumps(value, ensure_ascii=False) for value in row)
        cells = (f"{name}={value}" for name, value in zip(names, values, strict=True))
        page.line(f"{table.stream}  ", "  ".join(cells))
    if not table.rows:
        page.line(f"{table.stream}  0 rows")


def _cell(value: str | None) -> str:
    return "NULL" if value is None else value


def _is_number(field: Field) -> bool:
    return field.type.lower().startswith(_NUMBERS)
