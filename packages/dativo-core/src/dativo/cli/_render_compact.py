"""What a compaction did: one line for each stream."""

from __future__ import annotations

from dativo.cli._render import Column, Page
from dativo.cli._render_errors import show_error
from dativo.cli._render_words import count, duration, size
from dativo.engine import CompactedStream, CompactReport

__all__ = ["show_compact"]

_COLUMNS = (
    Column("stream", wraps=True),
    Column("rows", "row", right=True),
    Column("files"),
    Column("size"),
    Column("time", right=True),
    Column("outcome", wraps=True),
)


def show_compact(page: Page, notes: Page, report: CompactReport) -> None:
    """Show *report* on *page*, and the errors of its streams on *notes*."""
    page.table(_COLUMNS, (_row(stream) for stream in report.streams))
    for stream in report.streams:
        if stream.error is not None:
            show_error(notes, stream.error, job=report.job)


def _row(stream: CompactedStream) -> tuple[str, ...]:
    result = stream.result
    if result is None:
        code = "" if stream.error is None else stream.error.code
        return (stream.stream, "", "", "", "", f"failed {code}")
    if not stream.is_published:
        return (stream.stream, "", "", "", "", "nothing is published")
    return (
        stream.stream,
        count(result.rows),
        f"{count(result.files_before)} -> {count(result.files_after)} files",
        f"{size(result.bytes_before)} -> {size(result.bytes_after)}",
        duration(stream.seconds),
        "compacted" if result.files_after != result.files_before else "as before",
    )
