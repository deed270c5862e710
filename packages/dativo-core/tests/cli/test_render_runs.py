"""The history of runs on both kinds of page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from dativo.cli._render_runs import show_run_detail, show_runs
from dativo.state import EpochEntry, RunDetail, RunEntry, StreamEntry

FIGURES = "1,200 rows  34.5 kB  2 commits  2 files  59.0 s"
RUN = RunEntry(
    run_id="0123456789abcdef",
    job="shop",
    file="jobs/shop.yaml",
    pid=4711,
    host="vm",
    options={"streams": ["orders"], "full_refresh": False},
    started="2026-01-02T03:04:05.678Z",
    ended="2026-01-02T03:05:05.678Z",
    outcome="failed",
    exit_code=22,
    rows=1200,
    size_bytes=34_500,
    snapshots=2,
    seconds=60.0,
    error_code="NETWORK",
    error_message="the line is dead",
)
STREAM = StreamEntry(
    stream="orders",
    outcome="failed",
    attempts=3,
    rows=1200,
    size_bytes=34_500,
    epochs=2,
    files=2,
    seconds=59.0,
    error_code="NETWORK",
    error_message="the line is dead",
)
EPOCH = EpochEntry(
    stream="orders",
    epoch=7,
    commit_id="fedcba9876543210",
    rows=600,
    size_bytes=17_000,
    files=1,
    checkpoint=None,
    committed_at="2026-01-02T03:04:35.678Z",
)


def test_a_list_of_runs_is_a_table(make_sheet: Callable[..., Any]) -> None:
    crashed = attrs.evolve(RUN, outcome="crashed", ended=None, exit_code=None, error_code="")
    change = attrs.evolve(RUN, options={"operation": "state set"}, outcome="done", error_code="")
    sheet = make_sheet(styled=True, width=120)

    show_runs(sheet.page, (RUN, crashed, change))

    assert [" ".join(line.split()) for line in sheet.lines] == [
        "run job started rows size time outcome",
        "01234567 shop 2026-01-02T03:04:05Z 1,200 34.5 kB 1 min 00 s failed NETWORK",
        "01234567 shop 2026-01-02T03:04:05Z 1,200 34.5 kB crashed",
        "01234567 shop 2026-01-02T03:04:05Z 1,200 34.5 kB 1 min 00 s state set, done",
    ]


def test_a_run_is_shown_with_its_streams_and_commits(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()

    show_run_detail(sheet.page, RunDetail(run=RUN, streams=(STREAM,), epochs=(EPOCH,)))

    assert sheet.lines == [
        "0123456789abcdef  shop  failed, exit code 22",
        "  job file: jobs/shop.yaml",
        "  asked for: streams ['orders']",
        "  process: 4711 on vm",
        "  started: 2026-01-02T03:04:05.678Z",
        "  ended: 2026-01-02T03:05:05.678Z",
        "  published: 1,200 rows, 34.5 kB",
        "  snapshots: 2",
        "  error: NETWORK: the line is dead",
        f"orders  {FIGURES}  failed, 3 attempts, NETWORK: the line is dead",
        "orders  epoch 7  600 rows  17.0 kB  2026-01-02T03:04:35.678Z  fedcba98",
    ]


def test_no_runs_are_said_to_be_none(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()

    show_runs(sheet.page, ())

    assert sheet.lines == ["no runs yet"]


def test_a_run_that_still_runs_has_no_end(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()
    running = attrs.evolve(RUN, outcome="running", ended=None, exit_code=None, error_code="")

    show_run_detail(sheet.page, RunDetail(run=running, streams=(), epochs=()))

    assert sheet.lines[0] == "0123456789abcdef  shop  running"
    assert not any("ended" in line or "error" in line for line in sheet.lines)
