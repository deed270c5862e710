"""The write-ahead log of a database that several runs open at once."""

from __future__ import annotations

import sqlite3
import time

__all__ = ["use_wal"]

_PAUSE_SECONDS = 0.01


def use_wal(database: sqlite3.Connection, *, seconds: float) -> None:
    """Let *database* have a write-ahead log, which stays a property of its file.

    Of two that switch a new file at once SQLite refuses one without waiting, so this tries again
    for so many *seconds*.

    Raises:
        sqlite3.OperationalError: Somebody else keeps the file busy, or it cannot be written.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            database.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > until:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return
