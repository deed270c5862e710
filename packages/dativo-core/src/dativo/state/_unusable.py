"""Why a database of the project cannot be used: it is damaged, or somebody is writing it."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import attrs

from dativo.errors import StateLockedError, StateUnreadableError

__all__ = ["DAMAGED", "IS_DAMAGED", "unreadable"]

DAMAGED = "damaged"
"""The key of an error's details that says that waiting or another Dativo will not help."""

IS_DAMAGED = {DAMAGED: True}
"""Such details."""

_MEAN_DAMAGE = ("", "SQLITE_ERROR", "SQLITE_NOTADB")

_LOCKS = Path("/proc/locks")
_WRITERS = {
    # SQLite's documented lock bytes: its own file is locked there when the log is put away,
    "": range(0x40000000, 0x40000200),
    # the index of the log while somebody writes, recovers it, or puts it away.
    "-shm": range(120, 128),
}
_STOPPED = ("T", "t")


@attrs.frozen
class _Process:
    """A process of this machine: its id, when it began (UTC), and whether it was stopped."""

    pid: int
    since: str
    is_stopped: bool


def unreadable(file: Path, error: Exception) -> StateUnreadableError | StateLockedError:
    """Return *error* as one of the catalogue; its details say whether the database is damaged."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_BUSY"):
        return _busy(file)
    is_damaged = name in _MEAN_DAMAGE or name.startswith("SQLITE_CORRUPT")
    msg = f"cannot use {file}: {error}"
    if is_damaged:
        return StateUnreadableError(msg, details=IS_DAMAGED)
    fix = "See that nobody else keeps the file open, and that it can be read and written."
    return StateUnreadableError(msg, fix=fix)


def _busy(file: Path) -> StateLockedError:
    """Name the process that is writing *file*; it is on this machine, as the WAL mode demands."""
    host = socket.gethostname()
    found = _writer(file)
    if found is None:
        return StateLockedError(
            f"another process keeps {file} busy; this machine ({host}) does not tell which",
            fix=f"`lsof {file}` shows who has it open; wait for it or end it, then run again.",
            details={"pid": "?", "host": host, "since": "?"},
            phase="state",
        )
    what = "is stopped in the middle of it" if found.is_stopped else "does not come to an end"
    way = f"`kill -CONT {found.pid}` lets it go on" if found.is_stopped else "Wait for it"
    return StateLockedError(
        f"{file} is being written by process {found.pid} on {host} since {found.since}, which "
        f"{what}",
        fix=f"{way}, or `kill -9 {found.pid}` ends it; what it has published stays. "
        "Then run again.",
        details={"pid": found.pid, "host": host, "since": found.since},
        phase="state",
    )


def _writer(file: Path) -> _Process | None:
    # Asking with fcntl would need the file open, and closing it would drop SQLite's own locks.
    try:
        lines = _LOCKS.read_text().splitlines()
        inodes = {
            str(path.stat().st_ino): bytes_of
            for suffix, bytes_of in _WRITERS.items()
            if (path := file.with_name(file.name + suffix)).exists()
        }
        for line in lines:
            pid = _holder(line.split(), inodes)
            if pid is not None:
                return _process(pid)
    except (OSError, ValueError, LookupError):
        return None  # no Linux, or it has ended by now
    return None


def _holder(fields: list[str], inodes: dict[str, range]) -> int | None:
    """Return whose lock this is, if it is one that keeps others from writing.

    The fields are: number, kind, ADVISORY, READ or WRITE, process, device:inode, first, last byte.
    """
    if fields[1] != "POSIX" or fields[3] != "WRITE":
        return None
    _, _, inode = fields[5].rpartition(":")
    return int(fields[4]) if int(fields[6]) in inodes.get(inode, ()) else None


def _process(pid: int) -> _Process:
    # The name, in parentheses, may hold anything; what follows it begins with the third field.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[22 - 3])
    boot = next(
        int(line.split()[1])
        for line in Path("/proc/stat").read_text().splitlines()
        if line.startswith("btime ")
    )
    began = boot + ticks / os.sysconf("SC_CLK_TCK")
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began))
    return _Process(pid, since, is_stopped=fields[0] in _STOPPED)
