"""Jobs of many small streams, of which several open and publish while others read."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import attrs
from fault_frame import Row, Workspace, dice
from fault_many import ManyJob, Outcomes, new_job
from fault_numbers import MODES
from fault_process import KILLED, Ended, Running, sleep_until
from fault_shim import missing_shim, shim_variables

from dativo.contract import FAILPOINT_VARIABLE

_DRAWS = 8
_FAILED = (31, 40, 41, 50, 60)
"""Some streams, not committed, unknown, full, state: what a broken disk may lead to."""

_STOPPED = (130, -signal.SIGTERM, -signal.SIGINT)

_EACH_STREAM = (
    "engine.session.opened",
    "engine.extract.batch",
    "engine.extract.ended",
    "engine.drain.staged",
    "engine.commit.before",
    "engine.commit.receipt",
    "engine.commit.saved",
    "parquet.claimed",
    "parquet.file.opened",
    "parquet.file.durable",
    "parquet.sealed",
    "parquet.publish.before",
    "parquet.publish.after",
    "parquet.publish.half_durable",
    "parquet.publish.durable",
    "state.before_write",
    "state.written",
)
"""What every stream that publishes something passes once at least."""

_RECOVERY = ("engine.recover.before", "engine.recover.saved", *_EACH_STREAM)


def killed(number: int, workspace: Workspace) -> None:
    """Kill a run, and another one after the source has grown, at random moments."""
    source = dice("many.kill", number)
    for draw in range(_DRAWS):
        job = _prepared(workspace, number, source, folder=f"draw-{draw}")
        hits = int(_kill_a_run(job, workspace, source))
        if source.random() < 0.5 and job.mode != "replace":
            job = job.grown(source).write()
        hits += _kill_a_run(job, workspace, source)
        _finish(job, workspace)
        if hits:
            return
    raise AssertionError(f"none of {_DRAWS} runs lasted until it was to be killed")


def _kill_a_run(job: ManyJob, workspace: Workspace, source: random.Random) -> bool:
    with job.watched(), job.dativo(workspace).running("run", "--json") as running:
        _wait_for_moment(job, running, source)
        hit = running.tell(signal.SIGKILL)
        ended = running.wait()
    workspace.kills += hit
    _check_killed(job, ended)
    return hit


def at_fail_point(number: int, workspace: Workspace) -> None:
    """End the process at a step of one stream; perhaps again while the next run recovers."""
    source = dice("many.failpoint", number)
    job = _prepared(workspace, number, source)
    point = _EACH_STREAM[number % len(_EACH_STREAM)]
    ended = _armed(job, workspace, point, source.randint(1, _publishing(job)))
    assert ended.code in KILLED, f"{point} was not met: {ended}"
    if source.random() < 0.5:
        if job.mode != "replace":
            job = job.grown(source).write()
        _armed(job, workspace, source.choice(_RECOVERY), source.randint(1, 6))
    _finish(job, workspace)


def _armed(job: ManyJob, workspace: Workspace, point: str, hit: int) -> Ended:
    dativo = job.dativo(workspace).with_variables(**{FAILPOINT_VARIABLE: f"{point}:{hit}"})
    with job.watched():
        ended = dativo("run", "--json")
    workspace.kills += ended.code in KILLED
    _check_killed(job, ended)
    return ended


def _publishing(job: ManyJob) -> int:
    """How many streams of *job* have something to publish."""
    if not any(job.earlier):
        return len(job.parts)
    return sum(part.rows != part.earlier[-1] for part in job.parts)


def _check_killed(job: ManyJob, ended: Ended) -> None:
    if ended.code == 0:
        job.check_complete()
    else:
        assert ended.code in KILLED, str(ended)
    job.check()


def broken_disk(number: int, workspace: Workspace) -> None:
    """Let a disk fail or be full while many streams wait for it."""
    source = dice("many.disk", number)
    job = _prepared(workspace, number, source)
    kinds = tuple(_FAULTS)
    kind = kinds[number // len(MODES) % len(kinds)]
    root, fail = _FAULTS[kind](job, source)
    outcomes = Outcomes.since(job)
    with job.watched():
        dativo = job.dativo(workspace).with_variables(**shim_variables(root, fail=fail))
        ended = dativo("run", "--json")
    assert ended.code in (0, *_FAILED), f"{kind} {fail}: {ended}"
    # A disk that breaks under the state before the run begins leaves nothing but the error.
    outcomes.check(ended, "done", "failed")
    if ended.code == 0:
        job.check_complete()
    job.check()
    _finish(job, workspace)


def _at(source: random.Random, last: int) -> str:
    return f"{source.randint(1, last)}{source.choice(('', '+'))}"


def _state(job: ManyJob) -> Path:
    """What the names of the database and of its log begin with."""
    return job.folder / ".dativo" / "state.db"


_FAULTS: dict[str, Callable[[ManyJob, random.Random], tuple[Path, str]]] = {
    "no room for the state": lambda job, source: (
        _state(job),
        f"write:ENOSPC:{_at(source, 150)}",
    ),
    "the state is not written": lambda job, source: (
        _state(job),
        f"write:EIO:{_at(source, 150)}",
    ),
    "the state is not synced": lambda job, source: (_state(job), f"fsync:EIO:{_at(source, 25)}"),
    "the shared folder is not synced": lambda job, source: (
        job.lake,
        f"fsync_root:EIO:{_at(source, 25)}",
    ),
    "something is not synced": lambda job, source: (job.lake, f"fsync:EIO:{_at(source, 250)}"),
    "no room in the lake": lambda job, source: (job.lake, f"write:ENOSPC:{_at(source, 250)}"),
}


def stopped(number: int, workspace: Workspace) -> None:
    """Send SIGTERM or SIGINT in the middle of a run."""
    source = dice("many.signal", number)
    job = attrs.evolve(_prepared(workspace, number, source), delay_seconds=0.02).write()
    outcomes = Outcomes.since(job)
    with job.watched(), job.dativo(workspace).running("run", "--json") as running:
        _wait_for_moment(job, running, source)
        running.tell(source.choice((signal.SIGTERM, signal.SIGINT)))
        ended = running.wait()
    if ended.code == 0:
        job.check_complete()
    else:
        assert ended.code in _STOPPED, str(ended)
    if ended.code >= 0:
        outcomes.check(ended, "done", "interrupted", "not_started")
    job.check()
    _finish(job, workspace)


def _prepared(
    workspace: Workspace, number: int, source: random.Random, *, folder: str = "work"
) -> ManyJob:
    """Return a job that has published nothing yet, or that has more to publish now."""
    mode = MODES[number % len(MODES)]
    job = new_job(workspace.path / folder, mode, source)
    if source.random() < 0.5:
        return job
    job.dativo(workspace)("run", "--json", code=0)
    return job.grown(source).write()


def _wait_for_moment(job: ManyJob, running: Running, source: random.Random) -> None:
    """Wait until a random stream is claimed, and a little longer."""
    part = source.choice(job.parts)
    before = part.mark()
    while running.is_alive() and part.mark() == before:
        time.sleep(0.002)
    sleep_until(source.uniform(0, 0.1), running)


def _finish(job: ManyJob, workspace: Workspace) -> None:
    job.finish(workspace)
    left = [str(path) for path in job.lake.glob(".dativo/parquet/*/staging/*")]
    assert not left, f"leftovers were not swept: {left}"


ROWS = (
    Row(
        name="many.kill",
        about="60 small streams, kill -9 twice, the source may have grown in between",
        demanded=50,
        sampled=6,
        quick=1,
        case=killed,
    ),
    Row(
        name="many.failpoint",
        about="60 small streams, a kill at a step of the n-th one, its neighbours amid theirs",
        demanded=3 * len(_EACH_STREAM),
        sampled=6,
        quick=1,
        case=at_fail_point,
    ),
    Row(
        name="many.disk",
        about="60 small streams wait for a state or a folder whose disk fails or is full",
        demanded=54,
        sampled=6,
        quick=1,
        case=broken_disk,
        missing=missing_shim,
    ),
    Row(
        name="many.signal",
        about="60 small streams, a signal in mid-run: done, interrupted or not started, as it says",
        demanded=50,
        sampled=6,
        quick=1,
        case=stopped,
    ),
)
