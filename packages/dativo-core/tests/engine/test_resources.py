from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest

from dativo.engine._left_behind import abandoned_threads
from dativo.engine._resources import Resources
from dativo.errors import ResourceUnavailableError


class Opener:
    def __init__(self) -> None:
        self.log: list[str] = []

    @contextlib.contextmanager
    def open(self) -> Iterator[object]:
        self.log.append("open")
        try:
            yield object()
        finally:
            self.log.append("close")


def test_is_opened_once_for_all_threads() -> None:
    opener, resources, found = Opener(), Resources(), []
    threads = [
        threading.Thread(target=lambda: found.append(resources.get("k", opener.open)))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({id(one) for one in found}) == 1
    assert opener.log == ["open"]


def test_is_closed_at_the_end_and_cannot_be_opened_again() -> None:
    opener, resources = Opener(), Resources()
    resources.get("k", opener.open)

    resources.close()
    resources.close()

    assert opener.log == ["open", "close"]
    with pytest.raises(RuntimeError, match="over"):
        resources.get("k", opener.open)


def test_discarded_one_is_opened_anew_and_counted() -> None:
    opener, resources = Opener(), Resources()
    first = resources.get("k", opener.open)

    resources.discard("k", first)
    second = resources.get("k", opener.open)
    resources.discard("k", first)

    assert second is not first
    assert resources.get("k", opener.open) is second
    assert resources.opened() == 2
    assert opener.log == ["open", "close", "open"]


def test_one_that_must_not_be_reopened_says_so() -> None:
    opener, resources = Opener(), Resources(reopens=False)
    resources.discard("k", resources.get("k", opener.open))

    with pytest.raises(ResourceUnavailableError, match="require_one_snapshot") as caught:
        resources.get("k", opener.open)

    assert not caught.value.retryable


def test_failure_to_open_is_not_remembered() -> None:
    opener, resources = Opener(), Resources()

    def fails() -> contextlib.AbstractContextManager[object]:
        raise ValueError("cannot open")

    with pytest.raises(ValueError, match="cannot open"):
        resources.get("k", fails)

    assert resources.opened() == 0
    assert resources.get("k", opener.open) is not None


def test_unknown_one_is_not_discarded_and_failures_to_close_are_dropped() -> None:
    resources = Resources()
    resources.discard("nothing", object())

    @contextlib.contextmanager
    def fails() -> Iterator[int]:
        yield 1
        raise ValueError

    resources.get("k", fails)
    resources.close()


class Stuck:
    """A resource whose driver does not come back from *stage*."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.entered, self.release = threading.Event(), threading.Event()

    @contextlib.contextmanager
    def open(self) -> Iterator[object]:
        self._wait("open")
        try:
            yield object()
        finally:
            self._wait("close")

    def _wait(self, stage: str) -> None:
        if stage == self.stage:
            self.entered.set()
            self.release.wait(30)


@pytest.mark.parametrize("stage", ["open", "close"])
def test_one_that_does_not_come_back_is_left_behind(stage: str) -> None:
    stuck, opener, resources = Stuck(stage), Opener(), Resources(close_seconds=0.1)
    resources.get("sound", opener.open)
    thread = threading.Thread(target=lambda: resources.get("stuck", stuck.open))
    thread.start()
    if stage == "open":
        stuck.entered.wait(30)
    else:
        thread.join()

    resources.close()

    assert stuck.entered.is_set()
    assert abandoned_threads()
    stuck.release.set()
    thread.join()


def test_the_others_are_closed_although_one_is_stuck() -> None:
    stuck, opener, resources = Stuck("close"), Opener(), Resources(close_seconds=0.1)
    resources.get("sound", opener.open)
    resources.get("stuck", stuck.open)

    resources.close()

    assert opener.log == ["open", "close"]
    stuck.release.set()
