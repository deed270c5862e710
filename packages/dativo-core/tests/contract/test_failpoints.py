"""A fail point ends the process as if by ``kill -9``, at the pass that was asked for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dativo.contract import FAILPOINT_VARIABLE, failpoint

PASSES = """
from dativo.contract import failpoint

try:
    for number in range(3):
        print(number, flush=True)
        failpoint("engine.here")
        failpoint("engine.there")
finally:
    print("cleaned up", flush=True)
"""


@pytest.mark.parametrize(
    ("asked", "code", "seen"),
    [
        (None, 0, ["0", "1", "2", "cleaned up"]),
        ("engine.here", 137, ["0"]),
        ("engine.here:1", 137, ["0"]),
        ("engine.there:2", 137, ["0", "1"]),
        ("engine.there:4", 0, ["0", "1", "2", "cleaned up"]),
        ("engine.her", 0, ["0", "1", "2", "cleaned up"]),
    ],
)
def test_process_ends_at_the_place_that_is_asked_for(
    asked: str | None, code: int, seen: list[str]
) -> None:
    environ = {**os.environ, **({} if asked is None else {FAILPOINT_VARIABLE: asked})}

    done = subprocess.run(
        [sys.executable, "-c", PASSES], env=environ, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout.split("\n")[:-1]) == (code, seen)


def test_place_is_passed_and_the_end_is_immediate(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr("dativo.contract._failpoints._passed", 0)
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr("dativo.contract._failpoints._wanted", "engine.here:2")

    for name in ("engine.here", "engine.there", "engine.here"):
        failpoint(name)

    assert ended == [137]
