from __future__ import annotations

import pytest

from dativo.engine._cancel import Cancellation
from dativo.errors import DeadlineExceededError, RunInterruptedError


def test_first_reason_stays() -> None:
    cancellation = Cancellation()

    cancellation.cancel(DeadlineExceededError("late"))
    cancellation.cancel(RunInterruptedError("signal"))

    with pytest.raises(DeadlineExceededError, match="late"):
        cancellation.raise_if_set()


def test_each_caller_gets_an_error_of_its_own() -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    raised = []
    for _ in range(2):
        with pytest.raises(RunInterruptedError) as caught:
            cancellation.raise_if_set()
        raised.append(caught.value)

    assert raised[0] is not raised[1]


def test_registered_calls_run_once_and_failures_do_not_keep_the_others() -> None:
    cancellation = Cancellation()
    told: list[str] = []

    def fails() -> None:
        told.append("fails")
        raise ValueError

    with cancellation.calling(fails), cancellation.calling(lambda: told.append("other")):
        cancellation.cancel()
        cancellation.cancel()

    assert told == ["fails", "other"]


def test_call_that_was_left_is_not_run() -> None:
    cancellation = Cancellation()
    told: list[str] = []
    with cancellation.calling(lambda: told.append("left")):
        pass

    cancellation.cancel()

    assert told == []


def test_late_call_runs_at_once() -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    told: list[str] = []

    with cancellation.calling(lambda: told.append("late")):
        pass

    assert told == ["late"]


def test_same_call_may_be_registered_twice() -> None:
    cancellation = Cancellation()
    told: list[str] = []

    def call() -> None:
        told.append("called")

    with cancellation.calling(call):
        with cancellation.calling(call):
            pass
        cancellation.cancel()

    assert told == ["called"]


def test_reason_without_a_cancel_is_an_interruption() -> None:
    assert isinstance(Cancellation().reason, RunInterruptedError)
