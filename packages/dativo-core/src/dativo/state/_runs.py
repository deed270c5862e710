"""Looking into the history of runs; nothing is made, changed or imported for it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from dativo.contract import lock_holder
from dativo.errors import DativoError, ResourceNotFoundError
from dativo.state._history import (
    HISTORY_FILE,
    HISTORY_FORMAT,
    EpochEntry,
    StreamEntry,
    history_error,
)
from dativo.state._lock import job_lock_file
from dativo.state._read_only import UNREADABLE, read_database

__all__ = ["RunDetail", "RunEntry", "read_run", "read_runs"]

Row: TypeAlias = Mapping[str, Any]

_RUNS = (
    "select run_id, job, file, pid, host, options, started, ended, outcome, exit_code, rows, "
    "size_bytes, snapshots, seconds, error_code, error_message from runs "
)


@attrs.frozen(kw_only=True)
class RunEntry:
    """One run as the history has it.

    Attributes:
        run_id: The run.
        job: Its job.
        file: The job file, as it was given.
        pid: The process.
        host: The machine.
        options: What was asked for on top of the job file.
        started: When it began, UTC.
        ended: When it ended; ``None`` while it runs, and for a run that was killed.
        outcome: ``done``, ``partial``, ``failed``, ``interrupted``, ``running`` or ``crashed``.
        exit_code: The exit code; ``None`` while there is none.
        rows: Records that it published.
        size_bytes: Bytes that it published.
        snapshots: How often the source's view was opened.
        seconds: How long it took.
        error_code: The code of its error, or nothing.
        error_message: What the error said, without secrets.
    """

    run_id: str
    job: str
    file: str
    pid: int
    host: str
    options: Mapping[str, object]
    started: str
    ended: str | None
    outcome: str
    exit_code: int | None
    rows: int
    size_bytes: int
    snapshots: int
    seconds: float
    error_code: str
    error_message: str

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        return attrs.asdict(self)


@attrs.frozen(kw_only=True)
class RunDetail:
    """One run with its streams and its commits."""

    run: RunEntry
    streams: tuple[StreamEntry, ...]
    epochs: tuple[EpochEntry, ...]

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        return {
            **self.run.to_dict(),
            "streams": [attrs.asdict(stream) for stream in self.streams],
            "epochs": [attrs.asdict(epoch) for epoch in self.epochs],
        }


def read_runs(folder: Path, *, job: str | None = None, limit: int = 50) -> tuple[RunEntry, ...]:
    """Return the newest runs in the history of the project, the newest first.

    Args:
        folder: The project's ``.dativo`` folder; without it there were no runs.
        job: Only runs of this job.
        limit: At most so many.

    Raises:
        StateUnreadableError: There is a history, but it cannot be read.
    """
    file = folder / HISTORY_FILE
    where = "where :job is null or job = :job order by id desc limit :limit"
    rows = _query(file, _RUNS + where, {"job": job, "limit": limit})
    return tuple(_run(folder, row) for row in rows)


def read_run(folder: Path, run_id: str) -> RunDetail:
    """Return the run whose id begins with *run_id*, with all that is known of it.

    Raises:
        ResourceNotFoundError: No run has such an id, or more than one.
        StateUnreadableError: There is a history, but it cannot be read.
    """
    file = folder / HISTORY_FILE
    where = "where substr(run_id, 1, length(:id)) = :id order by id desc limit 3"
    found = _query(file, _RUNS + where, {"id": run_id})
    if not run_id or len(found) != 1:
        fix = "Take an id that `dativo runs list` shows; its beginning is enough."
        number = "several runs have" if found else "no run has"
        msg = f"{number} an id that begins with {run_id!r} in {file}"
        raise ResourceNotFoundError(msg, fix=fix)
    run = _run(folder, found[0])
    return RunDetail(
        run=run,
        streams=tuple(
            StreamEntry(**_ended(row, run))
            for row in _query(file, _of("streams", StreamEntry, "stream"), {"id": run.run_id})
        ),
        epochs=tuple(
            EpochEntry(**row)
            for row in _query(file, _of("epochs", EpochEntry, "rowid"), {"id": run.run_id})
        ),
    )


def _of(table: str, entry: type, order: str) -> str:
    columns = ", ".join(field.name for field in attrs.fields(entry))
    return f"select {columns} from {table} where run_id = :id order by {order}"  # noqa: S608


def _query(file: Path, sql: str, values: Mapping[str, object]) -> list[Row]:
    if not file.exists():
        return []

    def read(database: sqlite3.Connection) -> list[Row]:
        found = database.execute("pragma user_version").fetchone()[0]
        if found > HISTORY_FORMAT:
            msg = f"it has the format {found}; this core knows {HISTORY_FORMAT}"
            raise sqlite3.NotSupportedError(msg)
        if not found:  # it was made and nothing was written yet
            return []
        cursor = database.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    try:
        return read_database(file, read)
    except UNREADABLE as error:
        raise history_error(file, error) from error


def _run(folder: Path, row: Row) -> RunEntry:
    job, run_id = str(row["job"]), str(row["run_id"])
    if row["outcome"] is None:
        row = {**row, "outcome": "running" if _is_running(folder, job, run_id) else "crashed"}
    return RunEntry(**{**row, "options": json.loads(str(row["options"]))})


def _ended(row: Row, run: RunEntry) -> Row:
    """A stream cannot run on in a run that is over."""
    if row["outcome"] == "running" and run.outcome != "running":
        return {**row, "outcome": run.outcome}
    return row


def _is_running(folder: Path, job: str, run_id: str) -> bool:
    try:
        holder = lock_holder(job_lock_file(folder, job))
    except (OSError, DativoError):
        return False
    # The holder writes its name just after it has the lock.
    return holder is not None and holder.get("run_id", run_id) == run_id
