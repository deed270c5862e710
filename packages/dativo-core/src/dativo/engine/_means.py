"""The means of work: what a run uses, and a connector by itself outside a job."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from dativo.config import Job, ProblemList, Redactor, settings_node
from dativo.contract import Role
from dativo.engine._cancel import Cancellation
from dativo.engine._control import Limits, RunControl, temporary_folder
from dativo.engine._events import Observer
from dativo.engine._loading import load_named
from dativo.engine._pipe import Side, make_side
from dativo.engine._retry import RetryBudget, RetryPolicy

__all__ = ["open_control", "open_side"]

_MIB = 1024 * 1024
_RETRIES_OF_A_RUN = 10
_ALONE = Limits(parallelism=1, memory_bytes=64 * _MIB)


@contextlib.contextmanager
def open_control(
    job: Job,
    *,
    run_id: str | None = None,
    fence: int = 0,
    observer: Observer | None = None,
    cancellation: Cancellation | None = None,
    timeout_seconds: float | None = None,
) -> Iterator[RunControl]:
    """Make the means of one run of *job*; its folder for temporary files goes when it is left."""
    settings = job.run
    with temporary_folder() as folder:
        control = RunControl(
            job=job.name,
            run_id=run_id or uuid.uuid4().hex,
            fence=fence,
            limits=Limits(parallelism=settings.parallelism, memory_bytes=settings.memory_bytes),
            retry=RetryPolicy(
                retries=settings.retries,
                budget=RetryBudget(_RETRIES_OF_A_RUN * settings.retries),
            ),
            workdir=folder,
            redact=job.redactor.redact,
            observer=observer,
            cancellation=cancellation,
            timeout_seconds=timeout_seconds or settings.timeout_seconds,
        )
        with control.redacting():
            yield control


@contextlib.contextmanager
def open_side(
    name: str,
    role: Role,
    settings: Mapping[str, object],
    *,
    folder: Path,
    redactor: Redactor,
    timeout_seconds: float | None = None,
    limits: Limits = _ALONE,
    observer: Observer | None = None,
    redacts: bool = True,
    job: str = "",
    run_id: str | None = None,
    fence: int = 0,
) -> Iterator[tuple[Side, RunControl]]:
    """Load the connector *name* with *settings* to play *role*, outside a job.

    Args:
        name: The connector's address, which may be a Python file.
        role: What it plays.
        settings: What a job file would have as its ``config``.
        folder: What relative paths are relative to.
        redactor: Learns the secrets in *settings*.
        timeout_seconds: When its work should be over.
        limits: What it may use.
        observer: Is told what happens.
        redacts: Whether secrets are taken out of errors and events.
        job: The job that it works for; empty for none.
        run_id: The run that it works for.
        fence: See :class:`dativo.contract.Commit`.

    Raises:
        InvalidConfigError: The settings are wrong; all problems are in the error.
        PluginError: The connector is not installed or cannot be loaded.
    """
    problems = ProblemList()
    node = settings_node(settings, folder=folder, redactor=redactor)
    side = make_side(load_named(name, role, folder=folder), node, problems)
    problems.raise_if_any()
    with temporary_folder() as workdir:
        control = RunControl(
            job=job,
            run_id=run_id or uuid.uuid4().hex,
            fence=fence,
            limits=limits,
            retry=RetryPolicy(),
            workdir=workdir,
            redact=redactor.redact if redacts else str,
            observer=observer,
            timeout_seconds=timeout_seconds,
        )
        try:
            with control.redacting():
                yield side, control
        finally:
            side.resources.close()
