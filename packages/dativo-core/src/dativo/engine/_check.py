"""Checking a job: each side by its own connector, each stream of the job by name."""

from __future__ import annotations

import time
from collections.abc import Sequence

import attrs

from dativo.contract import CheckItem, ConnectionTestResult, StreamRequest, Verdict
from dativo.engine._control import RunControl
from dativo.engine._events import Observer
from dativo.engine._extensions import LoadedExtension
from dativo.engine._means import open_control
from dativo.engine._notices import tell_notices
from dativo.engine._open import JobFile, Sides, open_job, open_sides, plan_streams, select
from dativo.engine._pipe import Side
from dativo.engine._results import CheckReport, ConnectorCheck
from dativo.errors import CapabilityMissingError, ConfigurationError, DativoError

__all__ = ["check"]


def check(
    job: JobFile, *, streams: Sequence[str] = (), observer: Observer | None = None
) -> CheckReport:
    """Try everything that a run of *job* needs and change nothing.

    Args:
        job: A job, or the path of its file.
        streams: Check only these of the job's streams; empty for all.
        observer: Is told what happens.

    Raises:
        DativoError: The job file or a plugin is wrong; what fails outside is in the report.
    """
    opened = open_job(job)
    with open_sides(opened) as sides, open_control(opened, observer=observer) as control:
        tell_notices(sides, control)
        requests, missing = _requests(sides, control, streams)
        checks = (
            _check_side(sides.pipe.source, control, requests, missing),
            *map(_check_extension, sides.extensions),
            _check_side(sides.pipe.writer, control, requests),
        )
    return CheckReport(job=opened.name, checks=checks)


def _requests(
    sides: Sides, control: RunControl, only: Sequence[str]
) -> tuple[tuple[StreamRequest, ...], tuple[CheckItem, ...]]:
    """Resolve the job's patterns; where that fails, check the streams that are named outright."""
    try:
        plans = plan_streams(sides, control, only=only)
    except (CapabilityMissingError, ConfigurationError):
        # The job itself asks for what cannot be; nothing outside has to be tried for that.
        raise
    except DativoError as error:
        named = select(sides, control, only=only, patterns=False)
        item = CheckItem.failed("stream patterns", control.redacted(error))
        return tuple(one.request for one in named), (item,)
    return tuple(plan.read for plan in plans), ()


def _check_side(
    side: Side,
    control: RunControl,
    requests: tuple[StreamRequest, ...],
    further: tuple[CheckItem, ...] = (),
) -> ConnectorCheck:
    started = time.monotonic()
    context = side.context(control, streams=requests)
    try:
        items = side.connector.check_connection(side.config, context).items
    except CapabilityMissingError as error:
        items = (CheckItem("check", Verdict.NOT_IMPLEMENTED, error.message, error),)
    except DativoError as error:
        items = (CheckItem.failed("check", error),)
    if not any(item.verdict is Verdict.FAILED for item in items):
        # A pattern that could not be resolved is an echo of any other failure.
        items += further
    return ConnectorCheck(
        role=side.connector.role,
        connector=side.name,
        result=ConnectionTestResult(tuple(_redacted(item, control, side) for item in items)),
        seconds=time.monotonic() - started,
    )


def _check_extension(one: LoadedExtension) -> ConnectorCheck:
    """Say that it could be loaded and takes its settings: otherwise there would be no check."""
    info = one.extension.info
    item = CheckItem.ok("settings", f"{info.kind}: {info.title}")
    return ConnectorCheck(
        role="extension", connector=one.name, result=ConnectionTestResult((item,))
    )


def _redacted(item: CheckItem, control: RunControl, side: Side) -> CheckItem:
    error = item.error
    if error is not None:
        error = control.redacted(error.located(connector=side.name, phase="check"))
    return attrs.evolve(
        item,
        scope=control.redact(item.scope),
        message=control.redact(item.message),
        error=error,
    )
