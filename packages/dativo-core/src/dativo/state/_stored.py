"""Looking at the stored state without making, changing or locking anything."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import attrs

from dativo.state._entry import StateEntry, entry_of
from dativo.state._read_only import UNREADABLE, read_database
from dativo.state._store import STATE_FILE, STATE_FORMAT, format_error, require_sound
from dativo.state._unusable import unreadable

__all__ = ["Stored", "read_stored"]


@attrs.frozen(kw_only=True)
class Stored:
    """What the state store says of one job: its streams by name, and the fence of its last run."""

    entries: Mapping[str, StateEntry] = attrs.field(factory=dict)
    fence: int = 0


def read_stored(folder: Path, job: str) -> Stored:
    """Return what is stored of *job* in the project's ``.dativo`` *folder*.

    A project without a state database has no state; one whose database is empty has none either.

    Raises:
        StateUnreadableError: There is a database, but it cannot be read.
        StateLockedError: Another process keeps it busy.
    """
    file = folder / STATE_FILE
    if not file.exists():
        return Stored()
    try:
        return read_database(file, lambda database: _read(file, database, job))
    except UNREADABLE as error:
        raise unreadable(file, error) from error


def _read(file: Path, database: sqlite3.Connection, job: str) -> Stored:
    require_sound(database)
    tables = {row[0] for row in database.execute("select name from sqlite_master")}
    if not {"meta", "state", "fence"} <= tables:
        return Stored()
    found = database.execute("select value from meta where key = 'format'").fetchone()
    if found is not None and found[0] != str(STATE_FORMAT):
        raise format_error(file, found[0])
    rows = database.execute(
        "select stream, record, updated_at from state where job = ? order by stream", (job,)
    ).fetchall()
    entries = {row[0]: entry_of(file, job, row) for row in rows}
    fence = database.execute("select fence from fence where job = ?", (job,)).fetchone()
    return Stored(entries=entries, fence=fence[0] if fence else 0)
