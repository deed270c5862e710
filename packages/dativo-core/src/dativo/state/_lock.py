"""One run per job at a time in this project."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from dativo.contract import LEASE_SECONDS, FileLock, file_lock
from dativo.errors import StateUnreadableError, wrap_exception
from dativo.state._files import private_folder

__all__ = ["job_lock", "job_lock_file"]


@contextlib.contextmanager
def job_lock(
    folder: Path, job: str, run_id: str, *, lease_seconds: float = LEASE_SECONDS
) -> Iterator[FileLock]:
    """Hold the lock of *job* in the project's ``.dativo`` folder while entered.

    Raises:
        StateLockedError: Another run holds it; the message names its process, host and start.
        DativoError: The disk does not let it be taken.
    """
    private_folder(folder / "locks")
    lock = file_lock(
        job_lock_file(folder, job),
        what=f"job {job!r}",
        holder={"run_id": run_id},
        lease_seconds=lease_seconds,
    )
    with contextlib.ExitStack() as stack:
        try:
            held = stack.enter_context(lock)
        except OSError as error:
            raise wrap_exception(error, default=StateUnreadableError, phase="state") from error
        yield held


def job_lock_file(folder: Path, job: str) -> Path:
    """Return the file of the lock of *job*."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", job)
    return folder / "locks" / f"{name}.lock"
