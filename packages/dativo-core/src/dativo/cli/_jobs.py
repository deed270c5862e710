"""Jobs named on the command line: each is worked on by itself and has its own outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from dativo.cli._edge import Answer, attempt
from dativo.cli._render_errors import show_error
from dativo.cli._session import Session
from dativo.errors import (
    DativoError,
    PartialFailureError,
    RunInterruptedError,
    UsageError,
)

if TYPE_CHECKING:
    from dativo.config import Job, LoadedJob

__all__ = ["Outcome", "each_job"]

_DEFAULT = Path("job.yaml")


@attrs.frozen(kw_only=True)
class Outcome:
    """How the work on one job ended.

    Attributes:
        document: Its JSON object.
        error: Why it is no success.
        show: Shows it to a person.
    """

    document: Mapping[str, object]
    error: DativoError | None
    show: Callable[[Session], None]


def each_job(
    session: Session,
    configs: Sequence[Path] | None,
    work: Callable[[Job], Outcome],
    *,
    inspects: bool = True,
) -> Answer:
    """Load every job of *configs*, *work* on it and show its outcome at once.

    A job that fails does not keep the next from its turn; an interruption does. With *inspects* a
    job file that is wrong is looked at by its connectors too, for which they are loaded.
    """
    from dativo.config import load_jobs  # knows YAML and all settings
    from dativo.engine import inspect_settings

    paths, is_list = _named(configs)
    redactor = session.learning_redactor()
    loaded = load_jobs(paths, redactor=redactor, inspect=inspect_settings if inspects else None)
    outcomes: list[Outcome] = []
    for one in loaded:
        outcome = _outcome(session, one, work)
        outcomes.append(outcome)
        if not session.options.json:
            outcome.show(session)
        if isinstance(outcome.error, RunInterruptedError):
            break
    error = _common_error(loaded, outcomes)
    code = 0 if error is None else error.exit_code
    if not is_list:
        return Answer(document=outcomes[0].document, exit_code=code)
    document = {
        "ok": error is None,
        "jobs": [outcome.document for outcome in outcomes],
        "error": None if error is None else error.to_dict(),
    }
    reported = () if error is None else (("", error),)
    return Answer(document=document, exit_code=code, errors=reported)


def _named(configs: Sequence[Path] | None) -> tuple[Sequence[Path], bool]:
    """Return the files and folders to read, and whether the answer is a list of jobs."""
    if configs:
        return configs, len(configs) > 1 or configs[0].is_dir()
    if not _DEFAULT.exists():
        msg = "no job file is named, and there is no job.yaml in this folder"
        raise UsageError(msg, fix="Pass --config PATH, or make one with `dativo init`.")
    return [_DEFAULT], False


def _outcome(session: Session, loaded: LoadedJob, work: Callable[[Job], Outcome]) -> Outcome:
    if loaded.error is not None:
        return _failed(loaded, loaded.error)
    found = attempt(session, lambda: _work_on(session, loaded, work))
    if isinstance(found, DativoError):
        return _failed(loaded, found)
    return attrs.evolve(
        found, document={"ok": found.error is None, "config": str(loaded.file), **found.document}
    )


def _failed(loaded: LoadedJob, error: DativoError) -> Outcome:
    return Outcome(
        document={"ok": False, "config": str(loaded.file), "error": error.to_dict()},
        error=error,
        show=lambda session: show_error(session.notes, error, job=str(loaded.file)),
    )


def _work_on(session: Session, loaded: LoadedJob, work: Callable[[Job], Outcome]) -> Outcome:
    from dativo.cli._settings import learn_job  # knows YAML and all settings

    job = loaded.job
    assert job is not None
    learn_job(job, session.early_redactor())
    try:
        return work(job)
    finally:
        if job.redactor.weak:
            weak = f" {job.redactor.weak} secrets are too short to be hidden reliably"
            session.notes.line(("warning:", "warn"), weak)


def _common_error(loaded: Sequence[LoadedJob], outcomes: Sequence[Outcome]) -> DativoError | None:
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if not errors:
        return None
    if isinstance(errors[-1], RunInterruptedError):
        return errors[-1]
    if len(errors) == len(loaded) and len({error.exit_code for error in errors}) == 1:
        return errors[0]
    failed = [str(one.file) for one, done in zip(loaded, outcomes, strict=False) if done.error]
    return PartialFailureError(
        f"{len(errors)} of {len(loaded)} jobs failed: {', '.join(failed)}",
        retryable=all(error.retryable for error in errors),
    )
