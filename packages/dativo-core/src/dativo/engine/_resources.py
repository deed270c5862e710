"""Things that many readers of a run share, such as a database snapshot."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar, cast

import attrs

from dativo.engine._left_behind import abandon
from dativo.errors import ResourceUnavailableError

__all__ = ["Resources"]

T = TypeVar("T")

_CLOSE_SECONDS = 5.0


@attrs.define
class _Slot:
    """One key: its lock makes one thread open while the others of the same key wait."""

    lock: threading.Lock = attrs.field(factory=threading.Lock)
    manager: AbstractContextManager[object] | None = None
    value: object = None
    opened: int = 0


class Resources:
    """Opens each resource once, hands it to all, and closes everything at the end.

    Args:
        reopens: Whether a discarded resource may be opened again.
        close_seconds: How long to wait for the driver of a resource when everything is closed.
    """

    def __init__(self, *, reopens: bool = True, close_seconds: float = _CLOSE_SECONDS) -> None:
        self._reopens = reopens
        self._close_seconds = close_seconds
        self._lock = threading.Lock()
        self._slots: dict[str, _Slot] = {}
        self._closed = False

    def get(self, key: str, factory: Callable[[], AbstractContextManager[T]]) -> T:
        """Return the resource *key*, opened by *factory* where it is not open."""
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
        with slot.lock:
            if slot.manager is None:
                if self._closed:
                    msg = "the run is over; its resources are closed"
                    raise RuntimeError(msg)
                if slot.opened and not self._reopens:
                    raise _lost(key)
                manager = factory()
                slot.value = manager.__enter__()
                slot.manager = cast("AbstractContextManager[object]", manager)
                slot.opened += 1
            return cast("T", slot.value)

    def discard(self, key: str, resource: object) -> None:
        """Close *resource* if it is still the open one of *key*."""
        slot = self._slots.get(key)
        if slot is None:
            return
        with slot.lock:
            if slot.value is resource:
                _close(slot)

    def opened(self) -> int:
        """Return how often the resource that was opened most often was opened."""
        return max((slot.opened for slot in self._slots.values()), default=0)

    def close(self) -> None:
        """Close what is open, the newest first; failures to close are dropped.

        Drivers may wait for a system that never answers, so that what takes too long to open or to
        close is left behind.
        """
        self._closed = True
        for slot in reversed(list(self._slots.values())):
            closer = threading.Thread(
                target=_close_locked, args=(slot,), name="dativo-close", daemon=True
            )
            closer.start()
            closer.join(self._close_seconds)
            if closer.is_alive():
                abandon()


def _lost(key: str) -> ResourceUnavailableError:
    return ResourceUnavailableError(
        f"the source's {key} was lost, and run.require_one_snapshot forbids to open another",
        retryable=False,
        fix="Run again, or allow a second snapshot in the job file.",
    )


def _close_locked(slot: _Slot) -> None:
    with slot.lock:
        _close(slot)


def _close(slot: _Slot) -> None:
    manager, slot.manager, slot.value = slot.manager, None, None
    if manager is not None:
        with contextlib.suppress(Exception):
            manager.__exit__(None, None, None)
