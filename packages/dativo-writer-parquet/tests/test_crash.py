from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dativo_test_support.figures import figure
from dativo_test_support.unmeasured import unmeasured

PROGRAM = Path(__file__).with_name("parquet_crash.py")


def _deaths(*arguments: str) -> int:
    # Not measured: a process that is killed leaves half a file of measurements.
    command = [sys.executable, str(PROGRAM), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=unmeasured())
    assert done.returncode == 0, done.stderr
    found = re.search(r"deaths: (\d+)", done.stdout)
    assert found is not None
    return int(found[1])


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[str]:
    """A folder in memory where there is one: a thousand fsyncs are quick there."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield str(tmp_path)
        return
    with tempfile.TemporaryDirectory(dir=memory) as name:
        yield name


MODES = ["append", "replace", "merge", "append+compact", "merge+compact"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_death_at_any_call_loses_and_doubles_nothing(folder: str, mode: str) -> None:
    assert _deaths(folder, mode, "calls", figure("11", "1"), "4") > 20


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_kill_at_random_moments_loses_and_doubles_nothing(folder: str, mode: str) -> None:
    assert _deaths(folder, mode, "kills", figure("15", "100"), "20261123") > 5


@pytest.mark.slow
def test_death_at_each_fail_point_loses_and_doubles_nothing(folder: str) -> None:
    assert _deaths(folder, "merge+compact", "points", "2", "0") >= 20
