"""Commands of the documentation, and whether what they print is what a page shows."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from doc_pages import Shell

from dativo_test_support.unmeasured import unmeasured

__all__ = ["PROGRAMS", "environment", "run", "says"]

PROGRAMS = str(Path(sys.executable).parent)


def _facts(text: str) -> list[str]:
    """Return the lines without what differs from run to run: figures and units."""
    text = re.sub(r"\d[\d,.]*", "#", text)
    text = re.sub(r"# (?:[kMG]?B)\b", "# B", text)
    text = re.sub(r"\b(row|stream|commit|file|check)s\b", r"\1", text)
    return [" ".join(line.split()) for line in text.splitlines()]


def _as_pattern(line: str) -> str:
    start = line.removesuffix("...")
    return re.sub(r"([\[\]*?])", r"[\1]", start) + ("" if start == line else "*")


def says(shell: Shell, said: str) -> None:
    """Compare; three dots stand for any lines, or for the rest of their line and any more."""
    expected = "\n".join(map(_as_pattern, _facts(shell.output)))

    assert fnmatch.fnmatchcase("\n".join(_facts(said)), expected), said


def run(shell: Shell, environment: dict[str, str]) -> str:
    done = subprocess.run(
        shlex.split(shell.command), env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout or done.stderr


def environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join((PROGRAMS, os.environ["PATH"]))
    return unmeasured() | {"PATH": path, "NO_COLOR": "1"} | more
