"""Discovering what a source offers, streamed as it is found."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dativo.config import Redactor
from dativo.contract import Role, Stream
from dativo.engine._control import RunControl
from dativo.engine._means import open_control, open_side
from dativo.engine._open import JobFile, find_streams, open_job, open_sides
from dativo.engine._pipe import Side
from dativo.engine._views import DiscoveryResult

__all__ = ["discover", "discover_connector"]

OnStream = Callable[[Stream], None]


def discover(
    job: JobFile,
    *,
    patterns: Sequence[str] = (),
    limit: int | None = None,
    timeout_seconds: float | None = None,
    on_stream: OnStream | None = None,
    keeps: bool = True,
) -> DiscoveryResult:
    """Return the streams that the source of *job* offers.

    Args:
        job: A job, or the path of its file.
        patterns: Only streams whose name matches one of these; empty for all.
        limit: At most so many streams.
        timeout_seconds: Stop after so long and return what was found.
        on_stream: Is called with each stream as soon as it is found.
        keeps: Whether the streams are also returned; the memory they take grows with their number.

    Raises:
        DativoError: The job, the plugin or the source failed; nothing partial is returned then.
    """
    opened = open_job(job)
    with (
        open_sides(opened, writer=False, extensions=False) as sides,
        open_control(opened, timeout_seconds=timeout_seconds) as control,
    ):
        return _discover(
            sides.source,
            control,
            patterns=patterns,
            limit=limit,
            on_stream=on_stream,
            keeps=keeps,
        )


def discover_connector(
    name: str,
    settings: Mapping[str, object],
    *,
    folder: Path,
    patterns: Sequence[str] = (),
    limit: int | None = None,
    timeout_seconds: float | None = None,
    on_stream: OnStream | None = None,
    keeps: bool = True,
    redactor: Redactor | None = None,
) -> DiscoveryResult:
    """Return the streams of the connector *name*, configured by *settings*, without a job.

    Args:
        name: The connector's address.
        settings: What a job file would have under ``source.config``.
        folder: What relative paths in *settings* are relative to.
        patterns: As in :func:`discover`.
        limit: As in :func:`discover`.
        timeout_seconds: As in :func:`discover`.
        on_stream: As in :func:`discover`.
        keeps: As in :func:`discover`.
        redactor: Learns the secrets in *settings*, for who shows the result.

    Raises:
        DativoError: As in :func:`discover`.
    """
    with open_side(
        name,
        Role.SOURCE,
        settings,
        folder=folder,
        timeout_seconds=timeout_seconds,
        redactor=redactor or Redactor(),
    ) as (source, control):
        return _discover(
            source, control, patterns=patterns, limit=limit, on_stream=on_stream, keeps=keeps
        )


def _discover(
    source: Side,
    control: RunControl,
    *,
    patterns: Sequence[str],
    limit: int | None,
    on_stream: OnStream | None,
    keeps: bool,
) -> DiscoveryResult:
    started = time.monotonic()
    found: list[Stream] = []
    complete = True
    streams = find_streams(source, control, patterns=patterns, limit=limit)
    for number, stream in enumerate(streams):
        if number == limit:
            complete = False
            break
        if keeps:
            found.append(stream)
        if on_stream is not None:
            on_stream(stream)
        left = control.seconds_left()
        if left is not None and left <= 0:
            complete = False
            break
    return DiscoveryResult(
        connector=source.name,
        streams=tuple(found),
        complete=complete,
        seconds=time.monotonic() - started,
    )
