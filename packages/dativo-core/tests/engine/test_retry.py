from __future__ import annotations

import time
from typing import Any

import pytest

from dativo.engine._cancel import Cancellation
from dativo.engine._retry import RetryBudget, RetryPolicy
from dativo.errors import (
    InsufficientPermissionsError,
    InvalidCredentialsError,
    NetworkError,
    PluginExecutionError,
    RateLimitError,
    RunInterruptedError,
)


def policy(**changes: Any) -> RetryPolicy:
    return RetryPolicy(**{"retries": 3, "base_seconds": 1.0, "jitter": lambda: 1.0, **changes})


def test_waits_grow_and_are_capped() -> None:
    waits = [
        policy(retries=9, cap_seconds=5).wait_seconds(NetworkError("x"), n) for n in (1, 2, 3, 4)
    ]

    assert waits == [1.0, 2.0, 4.0, 5.0]


def test_jitter_spreads_over_half_of_the_wait() -> None:
    assert policy(jitter=lambda: 0.0).wait_seconds(NetworkError("x"), 2) == 1.0


def test_retry_after_is_never_undercut() -> None:
    error = RateLimitError("x", retry_after=300)

    assert policy(cap_seconds=5, jitter=lambda: 0.0).wait_seconds(error, 1) == 300
    assert policy(cap_seconds=5).wait_seconds(error, 1) == 301


def test_gives_up_after_the_last_retry_and_on_what_does_not_pass() -> None:
    assert policy().wait_seconds(NetworkError("x"), 4) is None
    assert policy().wait_seconds(InvalidCredentialsError("x"), 1) is None


def call(
    failures: list[Exception], *, left: float | None = None, **changes: Any
) -> tuple[str, list[float]]:
    told: list[float] = []

    def work() -> str:
        if failures:
            raise failures.pop(0)
        return "done"

    result = policy(base_seconds=0.001, **changes).call(
        work,
        cancellation=Cancellation(),
        tell=lambda error, attempt, wait: told.append(wait),
        seconds_left=lambda: left,
    )
    return result, told


def test_call_is_repeated_until_it_succeeds() -> None:
    result, told = call([NetworkError("1"), NetworkError("2")])

    assert result == "done"
    assert len(told) == 2


def test_call_gives_up_with_the_last_error() -> None:
    with pytest.raises(NetworkError, match="4"):
        call([NetworkError(str(n)) for n in (1, 2, 3, 4, 5)])


def test_wait_that_would_outlast_the_run_is_not_begun() -> None:
    with pytest.raises(RateLimitError):
        call([RateLimitError("x", retry_after=60)], left=5)


def test_cancelled_wait_ends_at_once() -> None:
    cancellation = Cancellation()

    def work() -> None:
        cancellation.cancel()
        raise RateLimitError("x", retry_after=60)

    started = time.monotonic()
    with pytest.raises(RunInterruptedError):
        policy().call(
            work,
            cancellation=cancellation,
            tell=lambda error, attempt, wait: None,
            seconds_left=lambda: None,
        )

    assert time.monotonic() - started < 10


def test_all_calls_share_one_budget() -> None:
    shared = policy(budget=RetryBudget(2))

    waits = [shared.wait_seconds(NetworkError("x"), 1) for _ in range(3)]

    assert waits == [1.0, 1.0, None]


def test_what_the_network_raises_is_tried_again() -> None:
    failures: list[Exception] = [ConnectionResetError("1"), TimeoutError("2")]

    assert call(failures) == ("done", [0.001, 0.002])


def test_what_is_classified_is_raised_as_an_error_of_ours() -> None:
    lasting, passing = PermissionError("denied"), [ConnectionResetError() for _ in range(9)]

    with pytest.raises(InsufficientPermissionsError) as found:
        call([lasting])
    assert found.value.__cause__ is lasting
    with pytest.raises(NetworkError) as found_too:
        call([*passing])
    assert found_too.value.__cause__ is passing[3]


def test_a_bug_keeps_its_class_and_its_traceback() -> None:
    bug = KeyError("no such field")

    with pytest.raises(KeyError) as found:
        call([bug])

    assert found.value is bug
    assert [entry.name for entry in found.traceback][-1] == "work"
    assert bug.__cause__ is None


def test_an_error_of_ours_is_raised_itself() -> None:
    error = PluginExecutionError("x")

    with pytest.raises(PluginExecutionError) as found:
        call([error])

    assert found.value is error
