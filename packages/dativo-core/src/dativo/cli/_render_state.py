"""The state of a job, and what became of a change."""

from __future__ import annotations

import json

from dativo.cli._render import Column, Page
from dativo.cli._render_errors import show_error
from dativo.cli._render_words import count
from dativo.contract import Checkpoint
from dativo.engine import (
    RebuiltStream,
    StateChange,
    StateRebuild,
    StateReport,
    StreamState,
    checkpoint_value,
)

__all__ = ["show_change", "show_rebuild", "show_state"]

_SHORT = 8
_COLUMNS = (
    Column("stream", style="name", wraps=True),
    Column("epoch"),
    Column("commit"),
    Column("fence"),
    Column("stored"),
    Column("published", wraps=True),
    Column("checkpoint", wraps=True),
)


def show_state(page: Page, notes: Page, report: StateReport) -> None:
    """Show *report* on *page*, and what does not fit together on *notes*."""
    if not report.streams:
        page.line((report.job, "name"), ": nothing is stored")
    page.table(_COLUMNS, (_row(stream) for stream in report.streams))
    for stream in report.streams:
        if stream.error is not None:
            show_error(notes, stream.error, job=report.job)


def show_change(page: Page, change: StateChange) -> None:
    """Show a checkpoint that was exchanged."""
    page.line(
        (change.stream, "name"),
        f": epoch {count(change.epoch)} without records; {_next_run(change.checkpoint)}",
    )
    if change.before is not None:
        page.line(("before: ", "dim"), _text(change.before), indent=2)


def show_rebuild(page: Page, rebuilt: StateRebuild) -> None:
    """Show a state that was made anew."""
    if rebuilt.damaged is not None:
        page.line((rebuilt.job, "name"), f": the damaged database is kept as {rebuilt.damaged}")
    for stream in rebuilt.streams:
        page.line((stream.stream, "name"), f": {_rebuilt(stream)}")
        if stream.went_back:
            checkpoint = None if stream.record is None else stream.record.commit.checkpoint
            page.line(_next_run(checkpoint), indent=2)


def _rebuilt(stream: RebuiltStream) -> str:
    now = "nothing" if stream.record is None else f"epoch {count(stream.record.commit.epoch)}"
    if stream.went_back and stream.before is not None:
        return f"set back from epoch {count(stream.before.commit.epoch)} to {now}"
    if stream.record is None:
        return "nothing is published"
    return f"{'restored' if stream.is_restored else 'as before'}, {now}"


def _next_run(checkpoint: Checkpoint | None) -> str:
    where = _text(checkpoint, prefix="on from ") or "from the beginning"
    return f"the next run reads {where}"


def _row(stream: StreamState) -> tuple[str, ...]:
    published = _published(stream)
    if stream.record is None:
        return (stream.stream, "nothing stored", "", "", "", published, "")
    commit = stream.record.commit
    return (
        stream.stream,
        f"epoch {count(commit.epoch)}",
        commit.commit_id[:_SHORT],
        f"fence {commit.fence}",
        stream.updated_at,
        published,
        _text(commit.checkpoint),
    )


def _published(stream: StreamState) -> str:
    if not stream.knows_published:
        return ""
    if stream.published is None:
        return "nothing published"
    if stream.error is not None:
        return f"published epoch {count(stream.published.commit.epoch)} does not fit"
    if stream.rolls_forward:
        return f"published epoch {count(stream.published.commit.epoch)}, rolled forward next"
    return "published alike"


def _text(checkpoint: Checkpoint | None, *, prefix: str = "") -> str:
    if checkpoint is None:
        return ""
    return prefix + json.dumps(checkpoint_value(checkpoint), ensure_ascii=False)
