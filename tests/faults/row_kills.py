"""`kill -9` at random moments of a run, and of the recovery itself."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from fault_frame import Row, Workspace, dice
from fault_numbers import MODES, NumbersJob
from fault_oracle import check_complete, check_state, published, watched
from fault_process import KILLED, Ended, Running, sleep_until

_START_SECONDS = 1.0
_RUN_SECONDS = 0.5
_DRAWS = 8


def kill_once(number: int, workspace: Workspace) -> None:
    """Kill one run, then let the next one finish."""
    _killed(number, workspace, "kill.random", kills=1)


def kill_recovery(number: int, workspace: Workspace) -> None:
    """Kill a run, and up to two of the runs that follow it."""
    _killed(number, workspace, "kill.recovery", kills=2 + number % 2)


def _killed(number: int, workspace: Workspace, row: str, *, kills: int) -> None:
    source = dice(row, number)
    for draw in range(_DRAWS):
        job = prepared(workspace.path / f"draw-{draw}", MODES[number % len(MODES)], workspace)
        with watched(job):
            done = sum(kill_a_run(job, workspace, source) for _ in range(kills))
            job.dativo(workspace)("run", "--json", code=0)
        check_complete(job)
        check_state(job)
        check_swept(job)
        if done == kills:
            return
    raise AssertionError(f"none of {_DRAWS} runs lasted until it was to be killed")


def kill_a_run(job: NumbersJob, workspace: Workspace, source: random.Random) -> bool:
    """Start a run and kill it at a random moment; return whether it was still there."""
    with job.dativo(workspace).running("run", "--json") as running:
        wait_for_moment(job, running, source)
        hit = running.tell(signal.SIGKILL)
        ended = running.wait()
    workspace.kills += hit
    check_ended(job, ended)
    check_state(job)
    published(job)
    return hit


def wait_for_moment(job: NumbersJob, running: Running, source: random.Random) -> None:
    """Wait for a random moment of a run; most of them lie where data moves."""
    if source.random() < 0.2:
        sleep_until(source.uniform(0, _START_SECONDS), running)
        return
    before = job.mark()
    while running.is_alive() and job.mark() == before:
        time.sleep(0.002 if job.store is None else 0.02)
    sleep_until(source.uniform(0, _RUN_SECONDS), running)


def prepared(folder: Path, mode: str, workspace: Workspace) -> NumbersJob:
    """Return a job that has work to do; one of replace mode has published a generation before."""
    job = NumbersJob(folder=folder, mode=mode)
    if mode != "replace":
        return job.write()
    before = NumbersJob(folder=folder, mode=mode, generation="a", delay_seconds=0).write()
    before.dativo(workspace)("run", "--json", code=0)
    return NumbersJob(folder=folder, mode=mode, generation="b").write()


def check_ended(job: NumbersJob, ended: Ended) -> None:
    """A run that says that it is done must be done."""
    if ended.code == 0:
        check_complete(job)
    else:
        assert ended.code in KILLED, str(ended)


def check_swept(job: NumbersJob) -> None:
    """What dead runs have staged is gone after the next run; a store waits for a grace time."""
    left = [str(path) for path in job.lake.glob(".dativo/parquet/*/staging/*")]
    assert not left, f"leftovers were not swept: {left}"


ROWS = (
    Row(
        name="kill.random",
        about="kill -9 at a random moment; the next run completes",
        demanded=200,
        sampled=20,
        quick=1,
        case=kill_once,
    ),
    Row(
        name="kill.recovery",
        about="kill -9, and again during the recovery, up to three in a row",
        demanded=50,
        sampled=6,
        case=kill_recovery,
    ),
)
