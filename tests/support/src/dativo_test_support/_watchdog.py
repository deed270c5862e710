"""End a server and remove its folder when the process that started it is gone, however it went.

This file is also a program: `python _watchdog.py FOLDER` waits for a byte on its standard input, or
for its end, which the kernel brings about when the parent is gone, even by SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

_PATIENCE_SECONDS = 5.0


def watch(folder: Path) -> subprocess.Popen[bytes]:
    """Start a watchdog for the server in *folder*; it acts once its standard input is closed."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in the terminal is for the parent only
        cwd="/",
        env={},
    )


def release(watchdog: subprocess.Popen[bytes], folder: Path) -> None:
    """Let the watchdog do its work now, and wait for it; do it here if it is gone itself."""
    # A byte, because a forked child of ours may hold the pipe open.
    with contextlib.suppress(BrokenPipeError, subprocess.TimeoutExpired):
        watchdog.communicate(b".", timeout=4 * _PATIENCE_SECONDS)
    clean_up(folder)


def clean_up(folder: Path) -> None:
    """End the server whose data lie in *folder*, then remove the folder."""
    pid = _server(folder / "data")
    if pid is not None:
        _end(pid, folder / "data")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.02)


def _server(data: Path) -> int | None:
    """The pid of the server that works in *data*; never a process that inherited the number."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if _works_in(pid, data) else None


def _works_in(pid: int, data: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data.resolve()
    except OSError:
        return False


def _end(pid: int, data: Path) -> None:
    for process in (pid, *_children(pid)):
        _tell(process, signal.SIGCONT)  # a paused process does not hear anything else
    _tell(pid, signal.SIGQUIT)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while _works_in(pid, data):
        if time.monotonic() > deadline:
            for process in (*_children(pid), pid):
                _tell(process, signal.SIGKILL)
            return
        time.sleep(0.02)


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def _tell(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    sys.stdin.buffer.read(1)
    clean_up(Path(sys.argv[1]))
