"""Fail points: named places at which a test can kill the process."""

from __future__ import annotations

import os
import threading

__all__ = ["FAILPOINT_VARIABLE", "failpoint"]

FAILPOINT_VARIABLE = "DATIVO_FAILPOINT"

_EXIT_CODE = 137  # what a shell reports of a process that SIGKILL ended

_lock = threading.Lock()
_passed = 0

_wanted = os.environ.get(FAILPOINT_VARIABLE)  # once: places are passed for each batch


def failpoint(name: str) -> None:
    """End the process here, as if by ``kill -9``, if ``DATIVO_FAILPOINT`` asks for *name*.

    The variable holds ``name`` or ``name:n`` for the n-th time that the place is passed, and is
    looked at when the process starts. Nothing is flushed or cleaned up. Put one between two steps
    whose order matters, and let a test kill there.
    """
    if _wanted is None:
        return
    asked, _, times = _wanted.partition(":")
    if asked != name:
        return
    global _passed  # noqa: PLW0603 - one process has one fail point
    with _lock:
        _passed += 1
        if _passed >= int(times or 1):
            os._exit(_EXIT_CODE)
