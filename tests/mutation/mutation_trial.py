"""Trying one mutant: the tests that can notice it run on a copy, until one fails."""

from __future__ import annotations

import difflib
import json
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import attrs
import psutil
from mutants import Mutant
from mutation_copy import Copy
from mutation_plugin import TESTS
from mutation_reach import Reach

__all__ = ["Outcome", "Trial", "changed", "tried", "try_text"]

_NO_TESTS = 5
_GRACE_SECONDS = 60.0
_PATIENCE = 3
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


class Outcome(StrEnum):
    """What came of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"


@attrs.frozen(kw_only=True)
class Trial:
    """One mutant and what came of it.

    Attributes:
        change: The changed lines, as ``-`` and ``+`` lines.
        killer: The test that failed.
        tests: How many tests were to run.
        all_tests: Whether these are all that reach the place.
    """

    mutant: Mutant
    change: str
    outcome: Outcome
    killer: str = ""
    tests: int = 0
    all_tests: bool = True
    seconds: float = 0.0

    @property
    def is_dead(self) -> bool:
        """Whether a test noticed it."""
        return self.outcome in {Outcome.KILLED, Outcome.TIMED_OUT}


def tried(
    mutant: Mutant, text: str, *, copy: Copy, worker: int, reach: Reach, most: float
) -> Trial:
    """Try *mutant*, which makes *text* of its module, with tests of *most* seconds."""
    tests = reach.tests_of(mutant, most=most)
    path = copy.kit(worker) / mutant.module
    before = path.read_text(encoding="utf-8")
    trial = Trial(
        mutant=mutant,
        change=changed(before, text),
        outcome=Outcome.SURVIVED,
        tests=len(tests),
        all_tests=len(tests) == len(reach.tests_of(mutant, most=float("inf"))),
    )
    started = time.monotonic()
    path.write_text(text, encoding="utf-8")
    try:
        limit = _GRACE_SECONDS + _PATIENCE * reach.needed(tests)
        outcome, killer = try_text(tests, copy=copy, worker=worker, limit=limit)
    finally:
        path.write_text(before, encoding="utf-8")
    seconds = round(time.monotonic() - started, 1)
    return attrs.evolve(trial, outcome=outcome, killer=killer, seconds=seconds)


def try_text(tests: Sequence[str], *, copy: Copy, worker: int, limit: float) -> tuple[Outcome, str]:
    """Run *tests* in that order on the sources of *worker* as they are, until one fails.

    Raises:
        RuntimeError: There are no such tests.
    """
    wanted = copy.folder / f"tests-{worker}.json"
    wanted.write_text(json.dumps(list(tests)), encoding="utf-8")
    files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    environment = copy.environment(worker, {TESTS: str(wanted)})
    output = copy.folder / f"output-{worker}.txt"
    code = _run([*copy.pytest(), "-x", *files], copy.tree, environment, output, limit)
    if code is None:
        return Outcome.TIMED_OUT, ""
    told = output.read_text(encoding="utf-8", errors="replace")
    if code == _NO_TESTS:
        msg = f"there are no such tests: {', '.join(tests)}"
        raise RuntimeError(msg)
    if code == 0:
        return Outcome.SURVIVED, ""
    failed = _FAILED.search(told)
    return Outcome.KILLED, failed[1] if failed else f"pytest ended with exit code {code}"


def changed(before: str, after: str) -> str:
    """Return the lines that differ, as in a diff, without what is around them."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    shown = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in shown)


def _run(  # noqa: PLR0917 - a call of the system, with what it needs
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    output: Path,
    limit: float,
) -> int | None:
    """Return the exit code; none if it took longer than *limit* seconds and was killed."""
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=sink, stderr=subprocess.STDOUT
        )
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            family = [psutil.Process(process.pid)]
            family += family[0].children(recursive=True)
            for one in family:
                try:
                    one.kill()
                except psutil.NoSuchProcess:
                    continue
            process.wait()
            return None
