from __future__ import annotations

import random
import threading
import time

import pytest

from dativo_connector_stripe._limits import Limiter


class FakeClock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def limiter(clock: FakeClock, rate: float, burst: float = 1.0) -> Limiter:
    return Limiter(rate, burst=burst, clock=clock, wait=clock.wait)


def test_requests_are_spread_evenly(clock: FakeClock) -> None:
    paced = limiter(clock, 20)

    moments = []
    for _ in range(41):
        paced.take()
        moments.append(clock.now - 1000)

    assert moments == pytest.approx([ordinal / 20 for ordinal in range(41)])


def test_what_is_saved_up_is_at_most_the_burst(clock: FakeClock) -> None:
    paced = limiter(clock, 10, burst=3)
    clock.now += 100

    for _ in range(4):
        paced.take()

    assert clock.now == pytest.approx(1100.1)


def test_no_span_of_time_has_more_than_rate_and_burst(clock: FakeClock) -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    paced = limiter(clock, 80, burst=8)
    moments = []
    for _ in range(2000):
        clock.now += chance.choice([0, 0, 0.001, 0.01, chance.random()])
        paced.take()
        moments.append(clock.now)

    for first in range(0, 2000, 7):
        in_a_second = sum(moments[first] <= moment <= moments[first] + 1 for moment in moments)
        assert in_a_second <= 80 + 8 + 1, f"seed {seed}"


def test_burst_is_never_less_than_one_request(clock: FakeClock) -> None:
    paced = limiter(clock, 0.5, burst=0.05)

    paced.take()
    paced.take()

    assert clock.now == pytest.approx(1002)


def test_pause_ends_before_anybody_gets_through(clock: FakeClock) -> None:
    paced = limiter(clock, 10, burst=5)

    paced.pause(30)
    paced.take()

    assert clock.now >= 1030
    paced.take()
    assert clock.now >= 1030.1


def test_longer_pause_stays_when_a_shorter_one_begins(clock: FakeClock) -> None:
    paced = limiter(clock, 10)

    paced.pause(30)
    paced.pause(5)
    paced.pause(-7)
    paced.take()

    assert clock.now >= 1030


def test_pause_holds_back_who_waits_for_a_token_already(clock: FakeClock) -> None:
    def wait(seconds: float) -> None:
        clock.wait(seconds)
        if len(clock.waits) == 1:
            paced.pause(60)

    paced = Limiter(1, clock=clock, wait=wait)
    paced.take()

    paced.take()

    assert clock.now >= 1001 + 60


def test_who_has_a_token_waits_for_the_end_of_a_pause_alone(clock: FakeClock) -> None:
    def wait(seconds: float) -> None:
        clock.wait(seconds)
        if len(clock.waits) == 1:
            paced.pause(60)

    paced = Limiter(1, clock=clock, wait=wait)
    paced.take()

    paced.hold()
    assert clock.waits == []
    paced.pause(30)
    paced.hold()

    assert clock.waits == [30, 60]


def test_rate_halves_and_recovers_within_a_minute(clock: FakeClock) -> None:
    paced = limiter(clock, 80, burst=8)

    paced.slow_down()

    rates = [paced.rate]
    for _ in range(4):
        clock.now += 20
        rates.append(paced.rate)
    assert rates == pytest.approx([40, 40 + 40 / 3, 40 + 80 / 3, 80, 80])


def test_slowing_down_takes_what_was_saved_up(clock: FakeClock) -> None:
    paced = limiter(clock, 80, burst=8)

    paced.slow_down()
    paced.take()

    assert clock.now == pytest.approx(1000 + 1 / 40, rel=1e-6)


def test_rate_never_falls_below_one_a_second(clock: FakeClock) -> None:
    paced, slow = limiter(clock, 80), limiter(clock, 0.5)

    for _ in range(20):
        paced.slow_down()
        slow.slow_down()

    assert paced.rate == 1
    assert slow.rate == 0.5


def test_refusals_of_one_storm_count_once(clock: FakeClock) -> None:
    paced = limiter(clock, 80)
    sent = clock.now
    clock.now += 1

    for _ in range(10):
        paced.slow_down(sent=sent)

    assert paced.rate == 40
    clock.now += 0.5
    paced.slow_down(sent=clock.now)
    assert paced.rate == pytest.approx(20, rel=0.02)


def test_slowing_down_in_a_pause_does_not_shorten_it(clock: FakeClock) -> None:
    paced = limiter(clock, 80, burst=8)

    paced.pause(10)
    paced.slow_down()
    paced.take()

    assert clock.now >= 1010


def test_wait_that_raises_ends_the_wait_of_everybody() -> None:
    stopped = threading.Event()

    def wait(seconds: float) -> None:
        if stopped.wait(seconds):
            raise InterruptedError

    paced = Limiter(100, wait=wait)
    paced.pause(600)
    ended: list[bool] = []

    def take() -> None:
        try:
            paced.take()
        except InterruptedError:
            ended.append(True)

    threads = [threading.Thread(target=take, daemon=True) for _ in range(16)]
    for thread in threads:
        thread.start()

    stopped.set()
    for thread in threads:
        thread.join(10)

    assert len(ended) == 16


def test_many_threads_get_exactly_the_rate() -> None:
    paced = Limiter(400, burst=40, wait=time.sleep)
    began = time.monotonic()
    moments: list[float] = []

    def work() -> None:
        for _ in range(20):
            paced.take()
            moments.append(time.monotonic() - began)

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # 40 are there at once and the other 160 take at least their share of time.
    assert len(moments) == 200
    assert max(moments) >= 160 / 400
