"""Reading a database of the project without leaving a trace in its folder."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

__all__ = ["UNREADABLE", "read_database"]

UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises; damaged texts, also those in its own messages, are not even decoded."""

T = TypeVar("T")

_TIMEOUT_SECONDS = 5


def read_database(file: Path, read: Callable[[sqlite3.Connection], T]) -> T:
    """Return what *read* finds in the database *file*, which exists; no file is made or changed.

    Raises:
        sqlite3.Error: It cannot be read.
        UnicodeDecodeError: Texts in it are damaged.
    """
    try:
        return _read(file, read)
    except UNREADABLE:
        # A run may have begun or ended between the look at the folder and the reading.
        return _read(file, read)


def _read(file: Path, read: Callable[[sqlite3.Connection], T]) -> T:
    # Beside a database in WAL mode a reader makes the files -wal and -shm, if they are not there
    # already; without a -wal nobody has it open and it can be read as it lies.
    with_log = file.with_name(f"{file.name}-wal").exists()
    mode = "mode=ro" if with_log else "mode=ro&immutable=1"
    where = f"{file.absolute().as_uri()}?{mode}"
    with contextlib.closing(
        sqlite3.connect(where, uri=True, timeout=_TIMEOUT_SECONDS, isolation_level=None)
    ) as database:
        return read(database)
