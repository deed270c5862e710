"""What a run would do: a few facts for each stream, and why it would refuse one."""

from __future__ import annotations

import json
from collections.abc import Iterator

from dativo.cli._render import Page
from dativo.cli._render_errors import show_error
from dativo.cli._render_words import count, count_of, size
from dativo.contract import ReadMode
from dativo.engine import PlanReport, StreamForecast, checkpoint_value

__all__ = ["show_plan"]


def show_plan(page: Page, notes: Page, report: PlanReport) -> None:
    """Show *report* on *page*, and why a run would not begin on *notes*."""
    for stream in report.streams:
        if page.is_styled:
            page.line((stream.stream, "name"))
        for name, text in _facts(stream):
            if page.is_styled:
                page.line((f"{name}: ", "dim"), text, indent=2)
            else:
                page.line(f"{stream.stream}  {name}: {text}")
        if stream.error is not None:
            show_error(notes, stream.error, job=report.job)
    if report.refusal is not None:
        show_error(notes, report.refusal, job=report.job)


def _facts(stream: StreamForecast) -> Iterator[tuple[str, str]]:
    yield "read", _read(stream)
    yield "source", f"{_about(stream.rows, 'row')}, {_bytes(stream)}, {_partitions(stream)}"
    place = f" to {stream.place}" if stream.place else ""
    yield "write", f"{stream.write_mode.value}{place}, {_about(stream.files, 'file')}"
    yield "epoch", f"{count(stream.epoch)} is published" if stream.epoch else "none is published"
    if not stream.knows_target:
        yield "note", "the writer cannot tell what is published; this goes by the stored state"
    if stream.rolls_forward:
        yield "note", "the state is behind what is published and is rolled forward first"
    if not stream.is_resumable:
        what = "a backfill that is appended" if stream.is_backfill else "a replace"
        yield "note", f"{what} is one epoch: if the run fails it begins again at the beginning"
    if stream.is_backfill:
        yield "note", "the incremental state stays as it is"
    if stream.finds_deletions:
        yield "note", "records that are gone from the source are deleted"
    weaker = f" ({stream.reason})" if stream.reason else ""
    yield "guarantee", stream.guarantee.value.replace("_", " ") + weaker
    for sentence in stream.assumptions:
        yield "rests on", sentence


def _read(stream: StreamForecast) -> str:
    if not stream.is_backfill:
        return f"{stream.read_mode.value}, {_start(stream)}"
    start = "" if stream.lower is None else f"from {stream.lower} "
    return f"backfill, {start}{'on' if stream.upper is None else _until(stream.upper)}"


def _until(upper: str) -> str:
    return f"up to {upper}, without it"


def _start(stream: StreamForecast) -> str:
    if stream.error is not None and stream.checkpoint is None:
        return "a run would refuse it"
    until = f", up to {stream.upper}" if stream.upper is not None else ""
    if stream.checkpoint is None:
        return f"from the beginning{until}"
    at = stream.lower or json.dumps(checkpoint_value(stream.checkpoint), ensure_ascii=False)
    if stream.read_mode is ReadMode.FULL:
        return f"goes on with an interrupted read from {at}{until}"
    return f"what is new since {at}{until}"


def _about(number: int | None, noun: str) -> str:
    return f"{noun}s unknown" if number is None else f"about {count_of(number, noun)}"


def _bytes(stream: StreamForecast) -> str:
    return "size unknown" if stream.size_bytes is None else size(stream.size_bytes)


def _partitions(stream: StreamForecast) -> str:
    number = stream.partitions
    return "parts unknown" if number is None else count_of(number, "part")
