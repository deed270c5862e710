from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from dativo.cli._outlet import Outlet
from dativo.cli._redaction import Redaction
from dativo.cli._render import Column, PlainPage, open_page
from dativo.cli._render_errors import show_error
from dativo.cli._render_rich import RichPage
from dativo.config import Redactor
from dativo.errors import InvalidConfigError, NetworkError, Problem, RateLimitError

SECRET = "correct-horse-battery"
COLUMNS = (Column("name"), Column("rows", "row", right=True), Column("note", wraps=True))
ROWS = [("a", "1", ""), ("b", "2,000", "long " * 12)]


def test_a_plain_table_has_one_line_for_each_row(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()

    sheet.page.table(COLUMNS, ROWS)

    assert sheet.lines == ["a  1 row", f"b  2,000 rows  {'long ' * 12}".rstrip()]


def test_a_styled_table_is_as_wide_as_the_terminal(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet(styled=True, width=30)

    sheet.page.table(COLUMNS, ROWS)

    assert sheet.lines[0].split() == ["name", "rows", "note"]
    assert all(len(line) <= 30 for line in sheet.lines)
    assert sheet.page.width == 30


@pytest.mark.parametrize("styled", [False, True])
def test_no_secret_gets_onto_a_page(make_sheet: Callable[..., Any], styled: bool) -> None:
    sheet = make_sheet(styled=styled, width=20)
    sheet.session.redaction.add(Redactor([SECRET]))

    sheet.page.line("it is ", (SECRET, "bad"), indent=2)
    sheet.page.table(COLUMNS, [(SECRET, "1", f"x {SECRET}")])

    assert "horse" not in sheet.text
    assert "****" in sheet.text


def test_signs_are_words_where_they_cannot_be_shown(make_sheet: Callable[..., Any]) -> None:
    assert make_sheet().page.sign("✓") == "ok"
    assert make_sheet(styled=True).page.sign("✓") == "✓"
    assert make_sheet(styled=True, encoding="ascii").page.sign("✗") == "x"


@pytest.mark.parametrize(
    ("term", "kind"), [("xterm", RichPage), ("dumb", PlainPage), ("", PlainPage)]
)
def test_the_page_suits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, redaction: Redaction, term: str, kind: type
) -> None:
    monkeypatch.setenv("TERM", term)
    ours, theirs = os.openpty()

    page = open_page(Outlet(theirs), redaction)

    assert type(page) is kind
    os.close(ours)
    os.close(theirs)


def test_a_file_gets_a_plain_page(redaction: Redaction) -> None:
    reading, writing = os.pipe()

    assert type(open_page(Outlet(writing), redaction)) is PlainPage
    os.close(reading)
    os.close(writing)


def test_the_console_takes_no_size_from_others(make_sheet: Callable[..., Any]) -> None:
    page = make_sheet(styled=True, width=50).page

    page.console.size = (1, 1)

    assert page.width == 50


def test_an_error_says_what_where_and_what_to_do(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()
    error = RateLimitError(
        "slow down", retry_after=3.5, connector="acme", stream="orders", phase="extract"
    )

    show_error(sheet.page, error, job="shop")

    assert sheet.lines == [
        "error[RATE_LIMIT]: slow down",
        "  where: job shop, connector acme, stream orders, phase extract",
        "  retry after: 3.5 s",
        "  fix: Retry after the stated time, or lower the connector's rate or parallelism.",
    ]


def test_an_error_without_place_and_fix_is_one_line(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()

    show_error(sheet.page, NetworkError("gone", fix=""))

    assert sheet.lines == ["error[NETWORK]: gone"]


@pytest.mark.parametrize(("number", "head"), [(1, "1 problem"), (2, "2 problems")])
def test_every_problem_of_a_job_file_has_its_line(
    make_sheet: Callable[..., Any], number: int, head: str
) -> None:
    sheet = make_sheet()
    problem = Problem("expected an integer", path="source.port", file="job.yaml", line=7, column=15)

    show_error(sheet.page, InvalidConfigError("wrong", problems=(problem,) * number))

    assert sheet.lines[0] == f"error[INVALID_CONFIG]: {head} in the job file"
    assert sheet.lines[1] == "  job.yaml:7:15 source.port: expected an integer"
    assert len(sheet.lines) == 2 + number
