"""Doing at once what several threads ask for while the disk is busy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["Together"]

T = TypeVar("T")


class Together(Generic[T]):
    """Gathers items until the round before is over; one of the threads then does them all.

    Args:
        do: Does the items of one round in their order, and returns for each what its thread is
            to raise, or ``None``. Each gets an exception of its own, because it will be located.
    """

    def __init__(self, do: Callable[[Sequence[T]], Sequence[Exception | None]]) -> None:
        self._do = do
        self._turn = threading.Lock()
        self._gathering = threading.Lock()
        self._waiting: list[tuple[T, Future[None]]] = []

    def ask(self, item: T) -> None:
        """Return when *item* is done, or raise why it is not."""
        answer: Future[None] = Future()
        with self._gathering:
            self._waiting.append((item, answer))
            is_first = len(self._waiting) == 1
        if is_first:
            with self._turn:
                self._round()
        answer.result()

    def _round(self) -> None:
        with self._gathering:
            waiting, self._waiting = self._waiting, []
        errors: Sequence[BaseException | None]
        try:
            errors = self._do([item for item, _ in waiting])
        except BaseException as problem:  # noqa: BLE001 - nobody may wait for ever
            errors = [problem] * len(waiting)
        for (_, answer), error in zip(waiting, errors, strict=True):
            if error is None:
                answer.set_result(None)
            else:
                answer.set_exception(error)
