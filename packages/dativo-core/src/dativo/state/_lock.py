"""One run per job at a time: a kernel lock that a crash releases by itself."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from dativo.errors import StateLockedError
from dativo.state._files import private_file, private_folder

__all__ = ["job_lock"]


@contextlib.contextmanager
def job_lock(folder: Path, job: str, run_id: str) -> Iterator[None]:
    """Hold the lock of *job* in the project's ``.dativo`` folder while entered.

    Raises:
        StateLockedError: Another run holds it; the message names its process, host and start.
    """
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", job)
    file = private_file(private_folder(folder / "locks") / f"{name}.lock")
    descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _locked(file, job) from None
        _write_holder(descriptor, run_id)
        yield
    finally:
        os.close(descriptor)


def _write_holder(descriptor: int, run_id: str) -> None:
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "run_id": run_id,
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def _locked(file: Path, job: str) -> StateLockedError:
    # The holder writes its name after it has the lock, so the text may still be missing.
    holder: dict[str, object] = {}
    with contextlib.suppress(OSError, ValueError):
        holder = dict(json.loads(file.read_text()))
    who = "process {pid} on {host} since {since}".format_map(
        {"pid": "?", "host": "?", "since": "?", **holder}
    )
    return StateLockedError(f"another run of job {job!r} is in progress: {who}", details=holder)
