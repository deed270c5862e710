"""SIGTERM and SIGINT, once or twice, at random moments."""

from __future__ import annotations

import signal
import time

import attrs
from fault_frame import Row, Workspace, dice
from fault_numbers import MODES
from fault_oracle import check_complete, check_state, published, watched
from fault_process import Running, sleep_until
from row_kills import check_swept, prepared, wait_for_moment

_LIMIT_SECONDS = 10.0
_STOPPED = (130, -signal.SIGTERM, -signal.SIGINT)
"""Stopped by Dativo, or before it listened."""

_SIGNALS = (
    (signal.SIGTERM,),
    (signal.SIGINT,),
    (signal.SIGTERM, signal.SIGTERM),
    (signal.SIGINT, signal.SIGTERM),
    (signal.SIGINT, signal.SIGINT, signal.SIGINT),
)


def random_moment(number: int, workspace: Workspace) -> None:
    """Send signals at a random moment, the later ones within half a second."""
    _stopped(number, workspace, "signal.random", delay_seconds=0.02)


def draining(number: int, workspace: Workspace) -> None:
    """Send them while slow readers are drained."""
    _stopped(number, workspace, "signal.draining", delay_seconds=0.4)


def _stopped(number: int, workspace: Workspace, row: str, *, delay_seconds: float) -> None:
    source = dice(row, number)
    mode = MODES[number % len(MODES)]
    signals = _SIGNALS[number // len(MODES) % len(_SIGNALS)]
    job = prepared(workspace.path / "work", mode, workspace)
    attrs.evolve(job, delay_seconds=delay_seconds).write()
    with watched(job):
        with job.dativo(workspace).running("run", "--json") as running:
            wait_for_moment(job, running, source)
            for place, one in enumerate(signals):
                sleep_until(source.uniform(0, 0.5) if place else 0, running)
                running.tell(one)
            _check_end(running, number)
            ended = running.wait(0)
        if ended.code == 0:
            check_complete(job)
        else:
            assert ended.code in _STOPPED, str(ended)
        check_state(job)
        published(job)
        job.write()
        job.dativo(workspace)("run", "--json", code=0)
    check_complete(job)
    check_state(job)
    check_swept(job)


def _check_end(running: Running, number: int) -> None:
    until = time.monotonic() + _LIMIT_SECONDS
    while running.is_alive():
        assert time.monotonic() < until, f"case {number} still runs after {_LIMIT_SECONDS} s"
        time.sleep(0.01)


ROWS = (
    Row(
        name="signal.random",
        about="SIGTERM, SIGINT and both again, at a random moment: it ends within 10 s, as it says",
        demanded=100,
        sampled=12,
        quick=1,
        case=random_moment,
    ),
    Row(
        name="signal.draining",
        about="the same while slow readers are drained",
        demanded=20,
        sampled=4,
        case=draining,
    ),
)
