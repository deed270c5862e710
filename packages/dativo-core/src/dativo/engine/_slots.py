"""A fixed number of daemon threads: a stuck driver must not keep the process from ending."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Any, TypeVar

__all__ = ["Slots", "all_done"]

T = TypeVar("T")


class Slots:
    """Runs calls in at most *count* threads, first come, first served.

    The standard library's pool joins its threads when the interpreter ends, and so would wait for
    ever for a driver that does not come back.
    """

    def __init__(self, count: int, name: str) -> None:
        self._queue: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None]
        self._queue = queue.SimpleQueue()
        self._count = count
        self._name = name
        self._threads: list[threading.Thread] = []

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Queue *call* and return its future."""
        future: Future[T] = Future()
        self._queue.put((call, future))
        if len(self._threads) < self._count:
            self._start()
        return future

    def grow(self, most: int) -> None:
        """Allow one more thread, up to *most* in all."""
        if self._count < most and not self._queue.empty():
            self._count += 1
            self._start()

    def close(self) -> None:
        """Let the threads end once the queue is empty; does not wait."""
        for _ in self._threads:
            self._queue.put(None)

    def _start(self) -> None:
        number = len(self._threads) + 1
        thread = threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            call, future = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever asks the future
                future.set_exception(error)
            else:
                future.set_result(result)


def all_done(futures: Collection[Future[Any]]) -> threading.Event:
    """Return an event that is set once all *futures* are done.

    To wait for it again and again costs nothing, unlike the standard library's ``wait``, which
    looks at all futures each time.
    """
    event, lock, left = threading.Event(), threading.Lock(), len(futures)

    def count(_: Future[Any]) -> None:
        nonlocal left
        with lock:
            left -= 1
        if not left:
            event.set()

    if not futures:
        event.set()
    for future in futures:
        future.add_done_callback(count)
    return event
