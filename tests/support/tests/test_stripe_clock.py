from __future__ import annotations

import time

from dativo_test_support.stripe import START, Clock


def test_a_clock_stands_still_until_it_is_moved() -> None:
    clock = Clock()
    start = clock.now
    clock.advance(3600)
    later = clock.now
    clock.set(2**31 + 5)

    assert (start, later, clock.now) == (START, START + 3600, 2**31 + 5)


def test_a_clock_with_a_speed_runs() -> None:
    clock = Clock(speed=1000.0)
    deadline = time.monotonic() + 10
    while clock.now < START + 10 and time.monotonic() < deadline:
        time.sleep(0.001)

    assert clock.now >= START + 10
