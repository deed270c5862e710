"""Several runs of one job: in one folder, from several checkouts, after a holder froze."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import attrs
from fault_frame import Row, Workspace, dice
from fault_numbers import MODES, NumbersJob
from fault_oracle import check_complete, check_state, published, watched
from fault_process import KILLED, Ended, Running
from row_kills import check_swept, wait_for_moment

_STARTS = 8
_LONG_AGO_SECONDS = 600.0
_STOP_WRITING = (sys.executable, str(Path(__file__).with_name("stop_writing.py")))
_GATE = (sys.executable, str(Path(__file__).with_name("gate.py")))


def one_folder(number: int, workspace: Workspace) -> None:
    """Start eight runs at once in one folder."""
    job = _slow(workspace.path / "work", number).write()
    race([job] * _STARTS, workspace)


def checkouts(number: int, workspace: Workspace) -> None:
    """Start eight runs at once from checkouts of their own, which share only the target."""
    jobs = [
        attrs.evolve(_slow(workspace.path / f"checkout-{place}", number), target="../lake").write()
        for place in range(_STARTS)
    ]
    race(jobs, workspace)


def frozen(number: int, workspace: Workspace) -> None:
    """Freeze a run, let another one take over, and wake the first."""
    source = dice("concurrent.frozen", number)
    job = _slow(workspace.path / "first", number)
    job = attrs.evolve(job, target="../lake", delay_seconds=0.08).write()
    other = job if number % 2 else attrs.evolve(job, folder=workspace.path / "other").write()
    with watched(job):
        take_over(job, other, workspace, source)
    check_complete(job)
    check_state(other)
    check_swept(job)


def stopped_write(number: int, workspace: Workspace) -> None:
    """Freeze a run while it writes the state; who comes after it is told whom to wake or end."""
    mode = MODES[number % len(MODES)]
    job = NumbersJob(folder=workspace.path / "work", mode=mode, delay_seconds=0).write()
    writes = 2 if mode == "replace" else 4  # the fence, and each epoch
    at = 1 + number // len(MODES) % writes
    stopping = job.dativo(workspace, program=_STOP_WRITING, variables={"STOP_AT": str(at)})
    with watched(job), stopping.running("run", "--json") as first:
        seen = os.waitid(os.P_PID, first.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert seen is not None
        assert seen.si_code == os.CLD_STOPPED, "it ended before it was to stop"
        look_silent(workspace.path)
        refused = job.dativo(workspace)("run", "--json", code=60)
        _check_names(refused, first)
        assert f"kill -CONT {first.process.pid}" in refused.error["fix"], str(refused)
        first.tell(signal.SIGKILL if number % 2 else signal.SIGCONT)
        woken = first.wait()
        workspace.kills += number % 2
        assert woken.code in (KILLED if number % 2 else (0, 60)), f"the one that woke up: {woken}"
        published(job)
        job.dativo(workspace)("run", "--json", code=0)
    check_complete(job)
    check_state(job)
    check_swept(job)


def _slow(folder: Path, number: int) -> NumbersJob:
    return NumbersJob(folder=folder, mode=MODES[number % len(MODES)], delay_seconds=0.15)


def take_over(
    job: NumbersJob, other: NumbersJob, workspace: Workspace, source: random.Random
) -> None:
    """Freeze a run of *job*, start *other* on its target, and wake the first early or late."""
    wakes_early = source.random() < 0.5
    with job.dativo(workspace).running("run", "--json") as first:
        wait_for_moment(job, first, source)
        first.freeze()
        look_silent(workspace.path)
        with other.dativo(workspace).running("run", "--json") as second:
            if wakes_early:
                wait_for_moment(other, second, source)
                first.tell(signal.SIGCONT)
            ended = second.wait()
            if wakes_early and ended.code == 60:
                _check_names(ended, first)  # it woke before anybody had taken over
            else:
                assert ended.code == 0, f"the one that took over: {ended}"
                check_complete(job)
        first.tell(signal.SIGCONT)
        zombie = first.wait()
    assert zombie.code in (0, 60), f"the one that woke up: {zombie}"
    published(job)
    other.dativo(workspace)("run", "--json", code=0)


def race(jobs: Sequence[NumbersJob], workspace: Workspace) -> None:
    """Start all *jobs* at once: one runs, the others end and name it."""
    gate = workspace.path / "gate"
    with watched(jobs[0]), contextlib.ExitStack() as stack:
        runs = [
            stack.enter_context(
                job.dativo(workspace, program=_GATE, variables={"GATE": str(gate)}).running(
                    "run", "--json"
                )
            )
            for job in jobs
        ]
        _wait_for_all(gate, runs)
        gate.touch()
        ended = [run.wait() for run in runs]
    winners = [run for run, end in zip(runs, ended, strict=True) if end.code == 0]
    assert len(winners) == 1, f"{len(winners)} ran: {[str(end) for end in ended]}"
    for end in ended:
        if end.code != 0:
            _check_refused(end, winners[0])
    check_complete(jobs[0])
    check_state(jobs[runs.index(winners[0])])


def _check_refused(ended: Ended, winner: Running) -> None:
    assert ended.code == 60, str(ended)
    _check_names(ended, winner)


def _check_names(ended: Ended, winner: Running) -> None:
    message = ended.error["message"]
    assert ended.error["code"] == "STATE_LOCKED", str(ended)
    assert f"process {winner.process.pid} on {socket.gethostname()} since 2" in message, (
        f"the holder is {winner.process.pid}: {ended}"
    )


def _wait_for_all(gate: Path, runs: Sequence[Running]) -> None:
    until = time.monotonic() + 60
    while any(not gate.with_name(f"gate.{run.process.pid}").exists() for run in runs):
        assert time.monotonic() < until, "they do not start"
        assert all(run.is_alive() for run in runs), "one ended before it began"
        time.sleep(0.005)


def look_silent(folder: Path) -> None:
    """Make every lock below *folder* look as if its holder had not moved for long."""
    long_ago = time.time() - _LONG_AGO_SECONDS
    for file in folder.rglob("*"):
        if file.is_file() and "lock" in file.name:
            os.utime(file, (long_ago, long_ago))


ROWS = (
    Row(
        name="concurrent.folder",
        about="eight starts at once: one runs, the others exit 60 and name the holder",
        demanded=50,
        sampled=5,
        case=one_folder,
    ),
    Row(
        name="concurrent.checkouts",
        about="the same from eight checkouts on one target",
        demanded=50,
        sampled=5,
        case=checkouts,
    ),
    Row(
        name="concurrent.frozen",
        about="SIGSTOP, takeover, SIGCONT: the one that wakes up publishes nothing",
        demanded=50,
        sampled=8,
        quick=1,
        case=frozen,
    ),
    Row(
        name="concurrent.stopped_write",
        about="SIGSTOP while the state is written: the next one exits 60 and names the process",
        demanded=24,
        sampled=2,
        case=stopped_write,
    ),
)
