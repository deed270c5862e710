"""Disks that are full, broken, read-only or gone."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from fault_frame import Row, Workspace, dice
from fault_numbers import MODES, NumbersJob
from fault_oracle import check_complete, check_state, published, watched
from fault_process import Ended, sleep_until
from fault_shim import missing_shim, shim_variables
from row_kills import check_swept, wait_for_moment

_STEP_BYTES = 64 * 1024
_OFFSETS = 36
_CALLS = ("fsync", "close", "rename", "write", "open", "mkdir", "unlink", "truncate")
_FAILED = (21, 40, 41, 50, 60)
"""Permission, not committed, unknown, full, state: what a broken disk may lead to."""


def full_disk(number: int, workspace: Workspace) -> None:
    """Let the disk be full after a multiple of 64 KiB."""
    mode, step = MODES[number % len(MODES)], number // len(MODES)
    job = _prepared(workspace, mode, noise_bytes=16_000)
    variables = shim_variables(job.folder, room=step * _STEP_BYTES)
    ended = _hit_and_mended(job, workspace, codes=(50,), variables=variables)
    if step == _OFFSETS - 1:
        assert ended.code == 0, f"the output is longer than all offsets: {ended}"


def broken_call(number: int, workspace: Workspace) -> None:
    """Let the n-th call of one kind fail with EIO, or all from the n-th on."""
    mode, call = MODES[number % len(MODES)], _CALLS[number // len(MODES) % len(_CALLS)]
    source = dice("disk.error", number)
    job = _prepared(workspace, mode)
    place = "" if source.random() < 0.7 else "+"
    fail = f"{call}:EIO:{source.randint(1, 40)}{place}"
    root = job.lake if source.random() < 0.7 else job.folder
    _hit_and_mended(job, workspace, codes=_FAILED, variables=shim_variables(root, fail=fail))


def read_only(number: int, workspace: Workspace) -> None:
    """Let the file system turn read-only before a run, or in the middle of it."""
    source = dice("disk.read_only", number)
    job = _prepared(workspace, MODES[number % len(MODES)])
    start = 1 if number % 2 else source.randint(2, 60)
    root = job.lake if source.random() < 0.7 else job.folder
    variables = shim_variables(root, fail=f"change:EROFS:{start}+")
    ended = _hit_and_mended(job, workspace, codes=_FAILED, variables=variables)
    assert start > 1 or ended.code != 0, f"nothing can be written, but it is done: {ended}"


def file_size_limit(number: int, workspace: Workspace) -> None:
    """Let no file grow beyond a limit, as a quota does."""
    mode, step = MODES[number % len(MODES)], 1 + number // len(MODES)
    job = _prepared(workspace, mode, noise_bytes=16_000)
    limit = step * 8 * 1024

    def prepare() -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))

    # Its own outputs are files here, and they may not be cut.
    _hit_and_mended(job, workspace, codes=(50, 60), prepare=prepare, quiet=True)


def small_disk(number: int, workspace: Workspace) -> None:
    """Run on a real file system of 2 MB that somebody else fills."""
    source = dice("disk.small", number)
    with _mounted(workspace.path / "disk") as disk:
        job = _prepared(workspace, MODES[number % len(MODES)], noise_bytes=8_000, folder=disk)
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * source.randint(free // 2, free))
        _hit_and_mended(job, workspace, codes=(50,), before_mending=ballast.unlink)


def deleted_target(number: int, workspace: Workspace) -> None:
    """Delete the target between two runs, or in the middle of one."""
    source = dice("disk.deleted", number)
    job = _prepared(workspace, MODES[number % len(MODES)])
    dativo = job.dativo(workspace)
    what = job.lake if source.random() < 0.5 else job.data
    with dativo.running("run", "--json") as running:
        if number % 2:
            wait_for_moment(job, running, source)
        else:
            sleep_until(60, running)
        shutil.rmtree(what, ignore_errors=True)
        during = running.wait()
    assert during.code in (0, *_FAILED), str(during)
    after = dativo("run", "--json")
    if after.code == 0:
        check_complete(job)
        return
    assert after.code == 60, str(after)
    assert "--full-refresh" in after.error["fix"], str(after)
    dativo("run", "--json", "--full-refresh", code=0)
    check_complete(job)


def _prepared(
    workspace: Workspace, mode: str, *, noise_bytes: int = 0, folder: Path | None = None
) -> NumbersJob:
    """Return a job that has published something and has more to publish."""
    job = NumbersJob(
        folder=(folder or workspace.path) / "work",
        mode=mode,
        delay_seconds=0,
        noise_bytes=noise_bytes,
    )
    first = attrs.evolve(job, rows=job.rows if mode == "replace" else 40).write()
    first.dativo(workspace)("run", "--json", code=0)
    if mode == "replace":
        job = attrs.evolve(job, generation="b")
    return job.write()


def _hit_and_mended(
    job: NumbersJob,
    workspace: Workspace,
    *,
    codes: tuple[int, ...],
    before_mending: Callable[[], None] = lambda: None,
    quiet: bool = False,
    **settings: Any,
) -> Ended:
    """Run under a fault, look at what is published, and let the next run mend it."""
    with watched(job):
        ended = job.dativo(workspace, **settings)("run", *(() if quiet else ("--json",)))
        assert ended.code in (0, *codes), str(ended)
        if ended.code == 0:
            check_complete(job)
        else:
            told = ended.err if quiet else ended.error["message"] + str(ended.error["details"])
            assert str(job.folder) in told or "/lake" in told or ".dativo" in told, str(ended)
        check_state(job)
        published(job)
        before_mending()
        job.dativo(workspace)("run", "--json", code=0)
    check_complete(job)
    check_state(job)
    check_swept(job)
    return ended


@contextmanager
def _mounted(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


def _missing_mount() -> str | None:
    return None if os.geteuid() == 0 and shutil.which("mount") else "no right to mount"


ROWS = (
    Row(
        name="disk.full",
        about="ENOSPC after every 64 KiB of what a run writes",
        demanded=_OFFSETS * len(MODES),
        sampled=15,
        quick=1,
        case=full_disk,
        missing=missing_shim,
    ),
    Row(
        name="disk.error",
        about="EIO of the n-th fsync, close, rename, write, open, mkdir, unlink or truncate",
        demanded=5 * len(_CALLS) * len(MODES),
        sampled=15,
        quick=1,
        case=broken_call,
        missing=missing_shim,
    ),
    Row(
        name="disk.read_only",
        about="the file system turns read-only, before or in the middle of a run",
        demanded=30,
        sampled=4,
        case=read_only,
        missing=missing_shim,
    ),
    Row(
        name="disk.quota",
        about="EFBIG after every 8 KiB of a file",
        demanded=10 * len(MODES),
        sampled=4,
        case=file_size_limit,
    ),
    Row(
        name="disk.small",
        about="a real file system of 2 MB, filled by somebody else",
        demanded=20,
        sampled=4,
        case=small_disk,
        missing=_missing_mount,
    ),
    Row(
        name="disk.deleted",
        about="the target is deleted between two runs or in the middle of one",
        demanded=20,
        sampled=4,
        case=deleted_target,
    ),
)
