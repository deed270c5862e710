"""The lock on the target, with real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from parquet_lake import Lake, ids

from dativo.errors import StateLockedError
from dativo_test_support.context import FakeContext
from dativo_writer_parquet import lock
from dativo_writer_parquet._lock import locked_folder

LEASE_SECONDS = 0.6

HOLDER = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from parquet_lake import Lake, ids
from dativo.contract import Batch, WriteMode
from dativo.errors import ConcurrencyError
from dativo_test_support.context import FakeContext
from dativo_writer_parquet._lock import locked_folder

lake = Lake(Path({folder!r}), mode=WriteMode({mode!r}), primary_key=("id",))
with locked_folder(lake.config, FakeContext(run_id="first"), lease_seconds={lease}) as held:
    with lake.session(run_id="first") as session:
        staged = [session.stage(Batch(ids(99)))]
        print("holding", flush=True)
        sys.stdin.readline()
        try:
            session.commit(lake.identity(1, "late", run_id="first"), staged)
        except ConcurrencyError as error:
            print("refused", error.details["fence"], held.is_held(), flush=True)
        else:
            print("published", held.is_held(), flush=True)
"""


def _holder(lake: Lake) -> subprocess.Popen[str]:
    program = HOLDER.format(
        tests=str(Path(__file__).parent),
        folder=str(lake.path),
        mode=str(lake.mode),
        lease=LEASE_SECONDS,
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "holding\n"
    return process


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_second_run_is_kept_out_and_told_who_holds_it(lake: Lake) -> None:
    process = _holder(lake)
    try:
        with (
            pytest.raises(StateLockedError, match=f"process {process.pid} on ") as caught,
            locked_folder(lake.config, FakeContext(), lease_seconds=60),
        ):
            pass
        other = FakeContext(job_id="another job")
        with locked_folder(lake.config, other):
            out, _ = process.communicate("\n")
    finally:
        _end(process)

    assert caught.value.exit_code == 60
    assert caught.value.details["run"] == "first"
    assert str(lake.path) in caught.value.message
    assert out == "published True\n"


def test_a_crash_releases_it(lake: Lake) -> None:
    process = _holder(lake)
    _end(process)
    with locked_folder(lake.config, FakeContext(), lease_seconds=60) as held:
        assert held.is_held()


@pytest.mark.parametrize("mode", ["append", "replace", "merge"])
def test_a_frozen_holder_that_wakes_up_cannot_publish(lake: Lake, mode: str) -> None:
    lake = lake.having(mode=type(lake.mode)(mode), primary_key=("id",))
    process = _holder(lake)
    try:
        process.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + 60
        while True:
            try:
                with locked_folder(lake.config, FakeContext(), lease_seconds=LEASE_SECONDS):
                    lake.open(run_id="second", fence=2).close()
                    break
            except StateLockedError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        process.send_signal(signal.SIGCONT)
        out, _ = process.communicate("\n", timeout=60)
        lake.publish(1, ids(1), run_id="second", fence=2)
    finally:
        _end(process)

    assert out == "refused 2 False\n"
    assert lake.numbers() == [1]


def test_the_hook_gives_the_lock_and_its_files_are_private(lake: Lake) -> None:
    held = lock(lake.config, FakeContext(job_id="Jobs/../x"))
    assert held is not None
    with held as mine:
        assert mine is not None
        assert mine.is_held()
        (file,) = (lake.path / ".dativo" / "parquet" / "jobs~").iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        file.unlink()
        assert not mine.is_held()
