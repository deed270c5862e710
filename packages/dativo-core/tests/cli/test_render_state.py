"""States, changes and compactions, made by hand, on a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from dativo.cli._render_compact import show_compact
from dativo.cli._render_state import show_change, show_rebuild, show_state
from dativo.contract import Checkpoint, Commit, CommitRecord, CompactResult, WriteMode
from dativo.engine import (
    CompactedStream,
    CompactReport,
    RebuiltStream,
    StateChange,
    StateRebuild,
    StateReport,
    StreamState,
)
from dativo.errors import StateError, WriteFailedError

COMMIT = Commit(
    job_id="shop",
    stream="orders",
    epoch=1200,
    commit_id="0123456789abcdef",
    run_id="r",
    fence=77,
    mode=WriteMode.MERGE,
    checkpoint=Checkpoint({"id": 7}),
    fingerprint={},
)
RECORD = CommitRecord(commit=COMMIT, rows=5)
NEWER = CommitRecord(commit=attrs.evolve(COMMIT, epoch=1201, checkpoint=None), rows=5)
STORED = StreamState(stream="orders", record=RECORD, updated_at="2026-01-02T03:04:05Z")


def test_a_state_is_one_line_for_each_stream(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()
    asked = attrs.evolve(STORED, knows_published=True)
    states = (
        STORED,
        attrs.evolve(asked, published=RECORD),
        attrs.evolve(asked, published=NEWER, rolls_forward=True),
        attrs.evolve(asked, published=NEWER, error=StateError("they differ")),
        StreamState(stream="new", knows_published=True),
        StreamState(stream="plain", record=NEWER),
    )

    show_state(sheet.page, sheet.page, StateReport(job="shop", streams=states))

    start = "orders  epoch 1,200  01234567  fence 77  2026-01-02T03:04:05Z"
    checkpoint = '{"value": {"id": 7}, "version": 1}'
    assert sheet.lines[:7] == [
        f"{start}  {checkpoint}",
        f"{start}  published alike  {checkpoint}",
        f"{start}  published epoch 1,201, rolled forward next  {checkpoint}",
        f"{start}  published epoch 1,201 does not fit  {checkpoint}",
        "new  nothing stored  nothing published",
        "plain  epoch 1,201  01234567  fence 77",
        "error[STATE]: they differ",
    ]


def test_a_job_without_state_says_so(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()

    show_state(sheet.page, sheet.page, StateReport(job="shop", streams=()))

    assert sheet.lines == ["shop: nothing is stored"]


def test_a_change_says_where_the_next_run_reads_on(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()
    change = StateChange(
        job="shop",
        stream="orders",
        epoch=3,
        before=Checkpoint({"id": 9}),
        checkpoint=Checkpoint({"id": 7}),
    )

    show_change(sheet.page, change)
    show_change(sheet.page, attrs.evolve(change, before=None, checkpoint=None))

    start = "orders: epoch 3 without records; the next run reads "
    assert sheet.lines == [
        start + 'on from {"value": {"id": 7}, "version": 1}',
        '  before: {"value": {"id": 9}, "version": 1}',
        start + "from the beginning",
    ]


def test_a_rebuild_says_where_the_damaged_database_is(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()
    streams = (
        RebuiltStream(stream="a", record=RECORD, is_restored=True),
        RebuiltStream(stream="b", record=RECORD),
        RebuiltStream(stream="c"),
        RebuiltStream(stream="d", record=RECORD, before=NEWER, is_restored=True),
        RebuiltStream(stream="e", before=NEWER, is_restored=True),
    )

    show_rebuild(sheet.page, StateRebuild(job="shop", damaged=Path("x"), streams=streams))

    assert sheet.lines == [
        "shop: the damaged database is kept as x",
        "a: restored, epoch 1,200",
        "b: as before, epoch 1,200",
        "c: nothing is published",
        "d: set back from epoch 1,201 to epoch 1,200",
        '  the next run reads on from {"value": {"id": 7}, "version": 1}',
        "e: set back from epoch 1,201 to nothing",
        "  the next run reads from the beginning",
    ]


def test_a_compaction_shows_before_and_after(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()
    result = CompactResult(
        rows=1000, files_before=12, files_after=1, bytes_before=2000, bytes_after=900
    )
    streams = (
        CompactedStream(stream="a", result=result, seconds=2.0),
        CompactedStream(stream="b", result=attrs.evolve(result, files_before=1)),
        CompactedStream(stream="c", result=CompactResult(rows=0, files_before=0, files_after=0)),
        CompactedStream(stream="d", error=WriteFailedError("full", stream="d")),
    )

    show_compact(sheet.page, sheet.page, CompactReport(job="shop", streams=streams))

    assert sheet.lines[:5] == [
        "a  1,000 rows  12 -> 1 files  2.0 kB -> 900 B  2.0 s  compacted",
        "b  1,000 rows  1 -> 1 files  2.0 kB -> 900 B  0.00 s  as before",
        "c  nothing is published",
        "d  failed WRITE_FAILED",
        "error[WRITE_FAILED]: full",
    ]
