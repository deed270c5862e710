from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dativo.cli._progress import open_progress
from dativo.cli._render_events import PlainProgress, tell_messages
from dativo.cli._render_live import LiveProgress
from dativo.engine import (
    BatchRead,
    EpochCommitted,
    Event,
    Message,
    RetryScheduled,
    RunFinished,
    RunStarted,
    StreamFinished,
    StreamStarted,
)
from dativo.errors import NetworkError

EVENTS: tuple[Event, ...] = (
    RunStarted(job="shop", run_id="r1", streams=("orders", "users")),
    StreamStarted(job="shop", stream="orders", attempt=1, resumed=False, estimated_rows=200),
    StreamStarted(job="shop", stream="users", attempt=2, resumed=True),
    BatchRead(job="shop", stream="orders", rows=100, size_bytes=5000),
    BatchRead(job="shop", stream="new", rows=1, size_bytes=1),
    RetryScheduled(
        job="shop", stream="users", attempt=1, wait_seconds=3.0, error=NetworkError("gone")
    ),
    EpochCommitted(job="shop", stream="orders", epoch=3, rows=100, size_bytes=5000, files=1),
    Message(job="shop", level="warning", text="slow", connector="acme", fields={"ms": 5}),
    Message(job="shop", level="info", text="hello"),
    Message(job="shop", level="debug", text="details"),
    StreamFinished(job="shop", stream="orders", rows=100, seconds=1.0),
    StreamFinished(job="shop", stream="users", rows=0, seconds=1.0, error=NetworkError("gone")),
    RunFinished(job="shop", run_id="r1", rows=100, seconds=2.0),
)


def test_plain_progress_has_one_line_for_each_fact(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()

    with open_progress(sheet.session) as progress:
        for event in EVENTS:
            progress(event)

    assert isinstance(progress, PlainProgress)
    assert sheet.lines == [
        "shop: run r1 of 2 streams",
        "orders: started, about 200 rows",
        "users: resumed, attempt 2",
        "users: attempt 2 in 3.0 s after error[NETWORK]: gone",
        "orders: committed epoch 3, 100 rows, 5.0 kB, 1 file",
        "warning: acme: slow ms=5",
        "orders: done, 100 rows in 1.0 s",
        "users: failed with NETWORK, 0 rows in 1.0 s",
    ]


def test_a_long_read_gives_a_sign_of_life(
    make_sheet: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dativo.cli._render_events._PULSE_SECONDS", 0.0)
    sheet = make_sheet()
    progress = PlainProgress(sheet.session)

    progress(EVENTS[3])
    progress(EVENTS[3])

    assert sheet.lines[-1] == "orders: read 200 rows, 10.0 kB so far"


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, ["warning"]),
        ({"verbose": True}, ["warning", "info"]),
        ({"debug": True}, ["warning", "info", "debug"]),
    ],
)
def test_messages_are_shown_by_their_level(
    make_sheet: Callable[..., Any], options: dict[str, bool], shown: list[str]
) -> None:
    sheet = make_sheet(**options)
    observe = tell_messages(sheet.session)

    for event in EVENTS:
        observe(event)

    assert [line.split(":")[0] for line in sheet.lines] == shown


@pytest.mark.parametrize("width", [60, 120])
def test_live_progress_draws_what_is_being_read(make_sheet: Callable[..., Any], width: int) -> None:
    sheet = make_sheet(styled=True, width=width)

    with open_progress(sheet.session) as progress:
        assert isinstance(progress, LiveProgress)
        progress._live.refresh()
        for event in EVENTS[:5]:
            progress(event)
        progress._live.refresh()
        drawn = sheet.text
        for event in EVENTS[5:]:
            progress(event)

    assert "connecting ..." in drawn
    assert "50%" in drawn
    assert "100 rows" in drawn
    assert ("rows/s  5.0" in drawn or "kB/s" in drawn) == (width == 120) or "rows/s" in drawn
    assert "0 of 2 streams" in drawn
    assert "users: attempt 2 in 3.0 s after error[NETWORK]: gone" in sheet.text
    assert "warning: acme: slow ms=5" in sheet.text
    assert "info: hello" not in sheet.text
