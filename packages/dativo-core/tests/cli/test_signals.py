from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from dativo.cli._signals import stoppable
from dativo.errors import DativoError, RunInterruptedError


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """Give back the handlers of this process, whatever a test leaves behind."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def _wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_cancels_and_the_second_leaves(number: signal.Signals) -> None:
    said: list[str] = []
    reasons: list[DativoError] = []
    left: list[int] = []

    with stoppable(said.append, reasons.append, leave=left.append):
        os.kill(os.getpid(), number)
        _wait_for(lambda: reasons)
        assert not left
        os.kill(os.getpid(), number)
        _wait_for(lambda: left)
    os.kill(os.getpid(), number)
    _wait_for(lambda: len(left) == 2)

    assert said[0] == "stopping; committed work is kept (again to stop at once)"
    assert isinstance(reasons[0], RunInterruptedError)
    assert number.name in reasons[0].message
    assert left == [130, 130]


def test_without_a_switch_the_main_thread_is_interrupted() -> None:
    said: list[str] = []

    def be_stopped() -> None:
        with stoppable(said.append):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        be_stopped()
    assert threading.current_thread() is threading.main_thread()


def test_handlers_are_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with stoppable(lambda _: None):
        assert signal.getsignal(signal.SIGTERM) is not before

    assert signal.getsignal(signal.SIGTERM) is before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable(lambda _: None):
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_signals_do_not_stop_the_work() -> None:
    said: list[str] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with stoppable(said.append, lambda _: None):
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.1)
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert said == []
