"""The first records of streams, as tables on a terminal and as lines elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dativo.cli._render import Column, Page
from dativo.cli._render_errors import show_error
from dativo.cli._render_words import count_of
from dativo.engine import Field, PreviewResult, PreviewTable

__all__ = ["show_preview", "show_records", "write_records"]

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
    show_records(page, table.fields, table.rows)
    page.line()


def _write(page: Page, table: PreviewTable) -> None:
    write_records(page, table.fields, table.rows, prefix=f"{table.stream}  ")
    if not table.rows:
        page.line(f"{table.stream}  0 rows")


def show_records(
    page: Page, fields: tuple[Field, ...], rows: Sequence[Sequence[str | None]], *, first: int = 1
) -> None:
    """Show records on a terminal; *first* is the number of the first one."""
    # Narrow terminals get one record below the other instead of a table without room.
    if len(fields) * 8 <= page.width:
        columns = [Column(field.name, right=_is_number(field)) for field in fields]
        page.table(columns, ([_cell(value) for value in row] for row in rows))
        return
    widest = min(max(len(field.name) for field in fields), _WIDEST)
    for at, row in enumerate(rows, start=first):
        page.line((f"row {at}", "dim"), indent=2)
        for field, value in zip(fields, row, strict=True):
            shown = (_cell(value), "dim" if value is None else "")
            page.line((f"{field.name.ljust(widest)}  ", "name"), shown, indent=4)


def write_records(
    page: Page,
    fields: tuple[Field, ...],
    rows: Sequence[Sequence[str | None]],
    *,
    prefix: str = "",
) -> None:
    """Write records as plain lines."""
    for row in rows:
        values = (json.dumps(value, ensure_ascii=False) for value in row)
        cells = (f"{field.name}={value}" for field, value in zip(fields, values, strict=True))
        page.line(prefix, "  ".join(cells))


def _cell(value: str | None) -> str:
    return "NULL" if value is None else value


def _is_number(field: Field) -> bool:
    return field.type.lower().startswith(_NUMBERS)
