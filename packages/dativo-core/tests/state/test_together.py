"""What several threads ask for at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from dativo.state._together import Together


class _Disk:
    """Does items, and stands still in the first round until it is let go."""

    def __init__(self) -> None:
        self.rounds: list[list[int]] = []
        self.is_at_work = threading.Event()
        self.go_on = threading.Event()

    def do(self, items: Sequence[int]) -> list[Exception | None]:
        self.rounds.append(list(items))
        self.is_at_work.set()
        assert self.go_on.wait(30)
        return [ValueError(f"{item} is odd") if item % 2 else None for item in items]


def _asked(disk: _Disk, numbers: Sequence[int]) -> list[Future[None]]:
    """Ask for 0, and for *numbers* while the disk is busy with it; let it go on then."""
    together = Together(disk.do)
    with ThreadPoolExecutor(len(numbers) + 1) as threads:
        futures = [threads.submit(together.ask, 0)]
        assert disk.is_at_work.wait(30)
        futures += [threads.submit(together.ask, number) for number in numbers]
        while len(together._waiting) < len(numbers):
            time.sleep(0.001)
        disk.go_on.set()
    return futures


def test_what_comes_while_the_disk_is_busy_is_done_in_one_round() -> None:
    disk = _Disk()

    futures = _asked(disk, [2, 4, 6, 8])

    assert [sorted(items) for items in disk.rounds] == [[0], [2, 4, 6, 8]]
    assert [one.exception() for one in futures] == [None] * 5


def test_an_item_that_is_refused_fails_its_own_thread_alone() -> None:
    futures = _asked(_Disk(), [1, 2])

    assert [str(one.exception() or "") for one in futures] == ["", "1 is odd", ""]


def test_a_round_that_fails_leaves_nobody_waiting() -> None:
    def fail(_items: Sequence[int]) -> list[Exception | None]:
        raise RuntimeError("broken")

    together = Together(fail)

    with pytest.raises(RuntimeError, match="broken"):
        together.ask(1)
    with pytest.raises(RuntimeError, match="broken"):
        together.ask(2)
