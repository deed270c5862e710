"""The command line in the test's own process: quicker, where no end of a process is at stake."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import pytest

from dativo.cli import _guard, _main

__all__ = ["exit_code_of"]


def exit_code_of(words: Sequence[str]) -> int:
    """Run the command line with *words* and return the code that its process would end with."""
    with _ending_here():
        return _main._command(list(words))


@contextmanager
def _ending_here() -> Iterator[None]:
    """Undo at the end of the block what a command does to its process until that ends."""
    root = logging.getLogger()
    with pytest.MonkeyPatch.context() as patch, ExitStack() as ends:
        patch.setattr(_guard, "atexit", SimpleNamespace(register=_closing_in(ends)))
        for place, name in (
            (threading, "excepthook"),
            (sys, "unraisablehook"),
            (logging, "raiseExceptions"),
        ):
            patch.setattr(place, name, getattr(place, name))
        patch.setattr(root, "handlers", [])  # those of the tests must not be closed
        ends.callback(root.setLevel, root.level)
        ends.callback(logging.captureWarnings, capture=False)
        yield


def _closing_in(ends: ExitStack) -> Callable[..., object]:
    def register(close: Callable[[], None], *, silent: bool) -> None:
        ends.callback(close)

    return register
