"""Threads that a run could not wait for, because a driver does not come back from a call."""

from __future__ import annotations

import threading

__all__ = ["abandon", "abandoned_threads"]

_abandoned = threading.Event()


def abandon() -> None:
    """Note that a thread was left behind."""
    _abandoned.set()


def abandoned_threads() -> bool:
    """Whether threads of an ended run still wait in a driver; only ``os._exit`` ends them."""
    return _abandoned.is_set()
