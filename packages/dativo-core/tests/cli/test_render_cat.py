"""Published records on a page, as JSON lines and as CSV."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from dativo.cli._outlet import Outlet
from dativo.cli._render_cat import CsvLines, JsonLines, Records
from dativo.engine import Field, OnRows

FIELDS = (Field("id", "int64"), Field("a, b", "utf8"))
ROWS = [("1", None), ("2", ""), ("3", 'say "hi"'), ("4", "two\nlines"), ("5", " x"), ("6", "y")]


def test_csv_tells_null_from_an_empty_text(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()
    write = CsvLines(sheet.session)

    write(FIELDS, ())
    write(FIELDS, ROWS)

    assert sheet.text == ('id,"a, b"\n1,\n2,""\n3,"say ""hi"""\n4,"two\nlines"\n5," x"\n6,y\n')


def test_json_has_one_object_on_each_line(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet(encoding="ascii")
    write = JsonLines(sheet.session)

    write(FIELDS, ())
    write(FIELDS, [("1", None), ("2", "é\n")])

    lines = [json.loads(line) for line in sheet.text.splitlines()]
    assert lines == [{"id": "1", "a, b": None}, {"id": "2", "a, b": "é\n"}]


def test_a_terminal_gets_tables_and_others_get_lines(make_sheet: Callable[..., Any]) -> None:
    styled, plain = make_sheet(styled=True), make_sheet()

    Records(styled.session)(FIELDS, ROWS[:2])
    before = styled.lines
    Records(plain.session)(FIELDS, ROWS[:1])

    assert before == ["id  a, b", " 1  NULL", " 2"]
    assert plain.lines[len(before) :] == ['id="1"  a, b=null']


def test_records_of_a_narrow_terminal_are_counted_on(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet(styled=True, width=12)
    show = Records(sheet.session)

    show(FIELDS, ())
    show(FIELDS, ROWS[:1])
    show(FIELDS, ROWS[1:2])

    assert [line for line in sheet.lines if "row" in line] == ["  row 1", "  row 2"]


def test_a_reader_that_went_away_wants_no_more(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()
    reading, writing = os.pipe()
    sheet.session.out = Outlet(writing)
    os.close(writing)
    writes: list[OnRows] = [CsvLines(sheet.session), JsonLines(sheet.session)]

    while_open = [write(FIELDS, ()) for write in writes]
    os.close(reading)

    assert while_open == [True, True]
    assert [write(FIELDS, ROWS) for write in writes] == [False, False]
