"""Plans, made by hand, on both kinds of page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from dativo.cli._render_plan import show_plan
from dativo.contract import Checkpoint, Guarantee, ReadMode, WriteMode
from dativo.engine import PlanReport, StreamForecast
from dativo.errors import ConfigurationError, StateError

ORDERS = StreamForecast(
    stream="orders",
    read_mode=ReadMode.INCREMENTAL,
    write_mode=WriteMode.MERGE,
    checkpoint=Checkpoint({"id": 7}),
    lower="7",
    upper="19",
    epoch=3,
    rows=1234,
    size_bytes=12_300_000,
    partitions=4,
    files=1,
    place="/lake/orders",
    finds_deletions=True,
    rolls_forward=True,
    knows_target=True,
    guarantee=Guarantee.EXACTLY_ONCE,
    assumptions=("no row commits late", "the primary key (id) is unique and never NULL"),
)
PRICES = StreamForecast(
    stream="prices",
    read_mode=ReadMode.FULL,
    write_mode=WriteMode.REPLACE,
    is_resumable=False,
    guarantee=Guarantee.AT_MOST_ONCE,
    reason="the source 'x' cannot give a record twice",
)


def test_a_plan_is_facts_below_each_stream(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet(styled=True, width=120)

    show_plan(sheet.page, sheet.page, PlanReport(job="shop", streams=(ORDERS,)))

    assert sheet.lines == [
        "orders",
        "  read: incremental, what is new since 7, up to 19",
        "  source: about 1,234 rows, 12.3 MB, 4 parts",
        "  write: merge to /lake/orders, about 1 file",
        "  epoch: 3 is published",
        "  note: the state is behind what is published and is rolled forward first",
        "  note: records that are gone from the source are deleted",
        "  guarantee: exactly once",
        "  rests on: no row commits late",
        "  rests on: the primary key (id) is unique and never NULL",
    ]


def test_what_nobody_knows_is_unknown_and_each_plain_line_names_its_stream(
    make_sheet: Callable[..., Any],
) -> None:
    sheet = make_sheet()

    show_plan(sheet.page, sheet.page, PlanReport(job="shop", streams=(PRICES,)))

    assert sheet.lines == [
        "prices  read: full, from the beginning",
        "prices  source: rows unknown, size unknown, parts unknown",
        "prices  write: replace, files unknown",
        "prices  epoch: none is published",
        "prices  note: the writer cannot tell what is published; this goes by the stored state",
        "prices  note: a replace is one epoch: if the run fails it begins again at the beginning",
        "prices  guarantee: at most once (the source 'x' cannot give a record twice)",
    ]


def test_an_interrupted_full_read_goes_on_at_its_checkpoint(
    make_sheet: Callable[..., Any],
) -> None:
    sheet = make_sheet()
    stream = StreamForecast(
        stream="s",
        read_mode=ReadMode.FULL,
        write_mode=WriteMode.APPEND,
        checkpoint=Checkpoint({"id": 7}),
        guarantee=Guarantee.EXACTLY_ONCE,
    )

    show_plan(sheet.page, sheet.page, PlanReport(job="shop", streams=(stream,)))

    expected = 'goes on with an interrupted read from {"value": {"id": 7}, "version": 1}'
    assert sheet.lines[0] == f"s  read: full, {expected}"


@pytest.mark.parametrize(
    ("lower", "upper", "says"),
    [
        ("11", "21", "from 11 up to 21, without it"),
        ("11", None, "from 11 on"),
        (None, "21", "up to 21, without it"),
    ],
)
def test_a_backfill_is_a_range(
    make_sheet: Callable[..., Any], lower: str | None, upper: str | None, says: str
) -> None:
    sheet = make_sheet()
    stream = attrs.evolve(
        ORDERS, lower=lower, upper=upper, checkpoint=None, is_backfill=True, finds_deletions=False
    )

    show_plan(sheet.page, sheet.page, PlanReport(job="shop", streams=(stream,)))

    assert sheet.lines[0] == f"orders  read: backfill, {says}"
    assert "orders  note: the incremental state stays as it is" in sheet.lines


def test_what_a_run_would_refuse_is_an_error(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()
    refused = StreamForecast(
        stream="s",
        read_mode=ReadMode.FULL,
        write_mode=WriteMode.APPEND,
        guarantee=Guarantee.AT_LEAST_ONCE,
        error=StateError("the data is gone", stream="s"),
    )
    report = PlanReport(
        job="shop", streams=(refused,), refusal=ConfigurationError("requires exactly once")
    )

    show_plan(sheet.page, sheet.page, report)

    assert sheet.lines[0] == "s  read: full, a run would refuse it"
    assert "error[STATE]: the data is gone" in sheet.lines
    assert "error[CONFIGURATION]: requires exactly once" in sheet.lines
