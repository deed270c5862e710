"""The result of a run: one line for each stream, and the sum."""

from __future__ import annotations

from dativo.cli._render import Column, Page
from dativo.cli._render_errors import show_error
from dativo.cli._render_words import count, count_of, duration, size
from dativo.engine import RunResult, StreamOutcome, StreamResult
from dativo.errors import RunInterruptedError

__all__ = ["show_run"]

_SIGNS = {
    StreamOutcome.DONE: "✓",
    StreamOutcome.FAILED: "✗",
    StreamOutcome.INTERRUPTED: "-",
    StreamOutcome.NOT_STARTED: "-",
}
_WORDS = {
    StreamOutcome.DONE: "done",
    StreamOutcome.FAILED: "failed",
    StreamOutcome.INTERRUPTED: "interrupted",
    StreamOutcome.NOT_STARTED: "not started",
}
_COLUMNS = (
    Column("stream", wraps=True),
    Column("rows", "row", right=True),
    Column("size", right=True),
    Column("commits", "commit", right=True),
    Column("files", "file", right=True),
    Column("time", right=True),
    Column("outcome", wraps=True),
)


def show_run(page: Page, notes: Page, result: RunResult) -> None:
    """Show *result* on *page*, and the errors of its streams on *notes*."""
    page.table(_COLUMNS, (_row(page, stream) for stream in result.streams))
    done = sum(stream.outcome is StreamOutcome.DONE for stream in result.streams)
    rate = result.rows / result.seconds if result.seconds > 0 else 0
    streams = count_of(len(result.streams), "stream")
    page.line(
        (result.job, "name"),
        ": ",
        (f"{streams} done", "ok") if result.ok else (f"{done} of {streams} done", "bad"),
        f", {count_of(result.rows, 'row')}, {size(result.size_bytes)}",
        (f", {duration(result.seconds)}, {count(round(rate))} rows/s", "dim"),
    )
    if isinstance(result.error, RunInterruptedError):
        show_error(notes, result.error, job=result.job)
        return
    for stream in result.streams:
        if stream.error is not None:
            show_error(notes, stream.error, job=result.job)


def _row(page: Page, result: StreamResult) -> tuple[str, ...]:
    word = _WORDS[result.outcome]
    if result.error is not None:
        word = f"{word} {result.error.code}"
    notes = [word] if result.attempts <= 1 else [word, f"{result.attempts} attempts"]
    if result.recovered:
        notes.append("state rolled forward")
    sign = f"{page.sign(_SIGNS[result.outcome])} " if page.is_styled else ""
    return (
        f"{sign}{result.stream}",
        count(result.rows),
        size(result.size_bytes),
        count(result.epochs),
        count(result.files),
        duration(result.seconds),
        ", ".join(notes),
    )
