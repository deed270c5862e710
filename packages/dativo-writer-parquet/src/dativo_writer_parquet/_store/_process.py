"""Whether a process that wrote its name down some time ago still exists, on this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

__all__ = ["is_gone", "mark"]

_ENDED = ("Z", "X")  # it is only waited for
_START_TIME = 19  # the field of /proc/PID/stat after the name, which may hold spaces


def mark() -> str:
    """Return what tells this process from every other one, as far as the system says."""
    pid = os.getpid()
    return " ".join((*_place(), str(pid), _started(pid) or ""))


def is_gone(text: str) -> bool:
    """Whether the process of :func:`mark` was of this machine and is no more.

    ``False`` where that cannot be told: another machine, another container, another system.
    """
    boot, space, pid, started = (*text.split(" "), "", "", "", "")[:4]
    place = _place()
    if not all(place) or (boot, space) != tuple(place) or not pid.isdecimal() or not started:
        return False
    return _started(int(pid)) != started


def _place() -> Sequence[str]:
    """Return the boot of the machine and the space of process ids; empty texts if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return boot, str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return "", ""


def _started(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in _ENDED else fields[_START_TIME]
