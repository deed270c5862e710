"""The history of runs as tables."""

from __future__ import annotations

from dativo.cli._render import Column, Page
from dativo.cli._render_words import count, count_of, duration, size
from dativo.state import EpochEntry, RunDetail, RunEntry, StreamEntry

__all__ = ["show_run_detail", "show_runs"]

_STYLES = {"done": "ok", "running": "warn", "interrupted": "warn"}
_SHORT = 8
_RUNS = (
    Column("run", style="name"),
    Column("job"),
    Column("started"),
    Column("rows", "row", right=True),
    Column("size", right=True),
    Column("time", right=True),
    Column("outcome", wraps=True),
)
_STREAMS = (
    Column("stream", wraps=True),
    Column("rows", "row", right=True),
    Column("size", right=True),
    Column("commits", "commit", right=True),
    Column("files", "file", right=True),
    Column("time", right=True),
    Column("outcome", wraps=True),
)
_EPOCHS = (
    Column("stream", wraps=True),
    Column("epoch"),
    Column("rows", "row", right=True),
    Column("size", right=True),
    Column("committed"),
    Column("commit"),
    Column("checkpoint", wraps=True),
)


def show_runs(page: Page, runs: tuple[RunEntry, ...]) -> None:
    """Show a list of runs."""
    if not runs:
        page.line("no runs yet")
        return
    page.table(_RUNS, (_run(run) for run in runs))


def show_run_detail(page: Page, detail: RunDetail) -> None:
    """Show one run with its streams and its commits."""
    run = detail.run
    page.line(
        (run.run_id, "name"),
        f"  {run.job}  ",
        (run.outcome, _STYLES.get(run.outcome, "bad")),
        "" if run.exit_code is None else f", exit code {run.exit_code}",
    )
    asked = ", ".join(f"{name} {value}" for name, value in run.options.items() if value)
    facts = {
        "job file": run.file,
        "asked for": asked,
        "process": f"{run.pid} on {run.host}",
        "started": run.started,
        "ended": run.ended or "",
        "published": f"{count_of(run.rows, 'row')}, {size(run.size_bytes)}",
        "snapshots": count(run.snapshots),
        "error": _error(run),
    }
    for name, fact in facts.items():
        if fact:
            page.line((f"{name}: ", "dim"), fact, indent=2)
    if detail.streams:
        page.table(_STREAMS, (_stream(stream) for stream in detail.streams))
    if detail.epochs:
        page.table(_EPOCHS, (_epoch(epoch) for epoch in detail.epochs))


def _run(run: RunEntry) -> tuple[str, ...]:
    operation = run.options.get("operation")
    what = f"{operation}, " if operation else ""
    code = f" {run.error_code}" if run.error_code else ""
    return (
        run.run_id[:_SHORT],
        run.job,
        run.started[:19] + "Z",
        count(run.rows),
        size(run.size_bytes),
        duration(run.seconds) if run.ended else "",
        what + run.outcome + code,
    )


def _stream(stream: StreamEntry) -> tuple[str, ...]:
    notes = [stream.outcome]
    if stream.attempts > 1:
        notes.append(f"{stream.attempts} attempts")
    if stream.error_code:
        notes.append(_error(stream))
    return (
        stream.stream,
        count(stream.rows),
        size(stream.size_bytes),
        count(stream.epochs),
        count(stream.files),
        duration(stream.seconds),
        ", ".join(notes),
    )


def _epoch(epoch: EpochEntry) -> tuple[str, ...]:
    return (
        epoch.stream,
        f"epoch {epoch.epoch}",
        count(epoch.rows),
        size(epoch.size_bytes),
        epoch.committed_at,
        epoch.commit_id[:_SHORT],
        epoch.checkpoint or "",
    )


def _error(ended: RunEntry | StreamEntry) -> str:
    return f"{ended.error_code}: {ended.error_message}" if ended.error_code else ""
