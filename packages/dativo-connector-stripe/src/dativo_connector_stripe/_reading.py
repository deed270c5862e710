"""A few threads page the windows of a list; one consumer takes what they bring."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

import attrs

from dativo_connector_stripe._decode import RawObject
from dativo_connector_stripe._windows import Window, Windows

__all__ = ["Fetched", "Reading"]


@attrs.frozen
class Fetched:
    """A page that was received, with what became of it.

    Attributes:
        window: The window that it belongs to.
        objects: The objects of the stream, in the order of the page.
        size_bytes: About how much memory they take.
        position: The second of the page's last object; ``None`` if the page is empty.
        last: The id of the page's last object.
        is_last: Whether the window ends here.
    """

    window: Window
    objects: tuple[RawObject, ...]
    size_bytes: int
    position: int | None
    last: str | None
    is_last: bool


class Reading:
    """Reads while it is entered, ahead of the consumer by a bounded number of bytes.

    Iterating gives the pages as they arrive, those of one window in their order. An error of a
    thread ends the others and is raised by the iteration, after what was received before.
    """

    def __init__(
        self,
        windows: Windows,
        fetch: Callable[[Window], Fetched],
        *,
        threads: int,
        ahead_bytes: int,
    ) -> None:
        """Read *windows* with at most so many *threads*; *fetch* gets a window's next page."""
        self._windows = windows
        self._fetch = fetch
        self._ahead_bytes = ahead_bytes
        self._threads = [
            threading.Thread(target=self._work, name=f"stripe-{number}", daemon=True)
            for number in range(threads)
        ]
        self._changed = threading.Condition()
        self._pages: deque[Fetched] = deque()
        self._size_bytes = 0
        self._working = threads
        self._error: BaseException | None = None
        self._is_stopped = False

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()
        for thread in self._threads:
            thread.join()

    def __iter__(self) -> Iterator[Fetched]:
        while (page := self._next()) is not None:
            yield page

    def _next(self) -> Fetched | None:
        with self._changed:
            while not self._pages and self._working and self._error is None:
                self._changed.wait()
            if not self._pages:
                # Not before, as a page that was received need not be asked for again.
                if self._error is not None:
                    raise self._error
                return None
            page = self._pages.popleft()
            self._size_bytes -= page.size_bytes
            self._changed.notify_all()
            return page

    def _work(self) -> None:
        try:
            while (window := self._windows.take()) is not None:
                is_last = False
                while not is_last and not self._is_stopped:
                    page = self._fetch(window)
                    self._put(page)
                    is_last = page.is_last
        except BaseException as error:  # noqa: BLE001 - the consumer raises it
            self._stop(error)
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    def _put(self, page: Fetched) -> None:
        with self._changed:
            # A page that is larger than the bound by itself must pass all the same.
            while self._pages and self._size_bytes + page.size_bytes > self._ahead_bytes:
                if self._is_stopped:
                    return
                self._changed.wait()
            self._pages.append(page)
            self._size_bytes += page.size_bytes
            self._changed.notify_all()

    def _stop(self, error: BaseException | None = None) -> None:
        self._windows.stop()
        with self._changed:
            self._is_stopped = True
            # The first one is the cause; the others are what it did to them.
            self._error = self._error or error
            self._changed.notify_all()
