"""Moving a damaged state database out of the way; it is kept, because it is all there is."""

from __future__ import annotations

import time
from pathlib import Path

from dativo.contract import failpoint
from dativo.errors import StateUnreadableError, wrap_exception
from dativo.state._store import STATE_FILE, StateStore
from dativo.state._stored import read_stored
from dativo.state._unusable import DAMAGED

__all__ = ["move_damaged_aside"]


def move_damaged_aside(folder: Path, job: str) -> Path | None:
    """Rename the state database of the project's ``.dativo`` *folder* if it is damaged.

    Damaged is what is no database or not even a file, has pages that make no sense, or holds a
    state of *job* that cannot be read. A database that is locked, or that may not be read, is not.

    Returns:
        Its new name; ``None`` if it is all right.

    Raises:
        StateUnreadableError: It cannot be used, but is not damaged.
        StateLockedError: Another process keeps it busy.
    """
    if (folder / STATE_FILE).is_dir():
        return _move(folder / STATE_FILE)
    try:
        StateStore(folder).close()
        read_stored(folder, job)
    except StateUnreadableError as error:
        if not error.details.get(DAMAGED):
            raise
        return _move(folder / STATE_FILE)
    return None


def _move(file: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = file.with_name(f"{file.name}.damaged-{stamp}")
    number = 1
    while any(aside.parent.glob(f"{aside.name}*")):  # a kill may have left the log alone there
        number += 1
        aside = file.with_name(f"{file.name}.damaged-{stamp}-{number}")
    failpoint("state.aside.before")
    try:
        # The log first: beside a new database an old log would be taken for its own.
        for suffix in ("-wal", "-shm"):
            log = file.with_name(file.name + suffix)
            if log.exists():
                log.rename(aside.with_name(aside.name + suffix))
                failpoint("state.aside.log_moved")
        file.rename(aside)
    except OSError as error:
        raise wrap_exception(error, phase="state") from error
    failpoint("state.aside.moved")
    return aside
