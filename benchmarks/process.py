"""Whole processes, measured: time, processor time and memory, in turns so that noise hits all."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs

__all__ = ["Command", "Cost", "interleaved", "measure", "median"]

_LAUNCHER = Path(__file__).with_name("launch.py")
_SHOWN_CHARACTERS = 2000


@attrs.frozen(kw_only=True)
class Command:
    """A program with its arguments, and what its environment has beyond this process's."""

    words: Sequence[str | Path]
    environment: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    folder: Path | None = None


@attrs.frozen(kw_only=True)
class Cost:
    """What one process took, from its start to its end."""

    seconds: float
    cpu_seconds: float
    """User and system time of the process and the children it waited for."""
    peak_bytes: int
    """The resident memory of the process, or of its largest child if that had more."""
    written_bytes: int = 0


def measure(command: Command) -> Cost:
    """Run *command* to its end.

    Raises:
        RuntimeError: It fails.
    """
    with tempfile.NamedTemporaryFile(mode="r", errors="replace") as said:
        launch = [sys.executable, "-I", "-S", _LAUNCHER, said.name, *command.words]
        done = subprocess.run(
            launch,
            cwd=command.folder,
            env=os.environ | command.environment,
            stdout=subprocess.PIPE,
            check=True,
        )
        figures = json.loads(done.stdout)
        if figures.pop("exit_code") != 0:
            program, text = Path(command.words[0]).name, said.read()[-_SHOWN_CHARACTERS:]
            raise RuntimeError(f"{program} failed: {text}")
    return Cost(**figures)


def interleaved(ways: Mapping[str, Callable[[], Cost]], runs: int) -> dict[str, Cost]:
    """Measure every way *runs* times, in turns, and return the medians."""
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            costs[name].append(way())
    return {name: median(all_of_it) for name, all_of_it in costs.items()}


def median(costs: Sequence[Cost]) -> Cost:
    """Return the median of each figure on its own."""
    return Cost(
        seconds=statistics.median(cost.seconds for cost in costs),
        cpu_seconds=statistics.median(cost.cpu_seconds for cost in costs),
        peak_bytes=round(statistics.median(cost.peak_bytes for cost in costs)),
        written_bytes=round(statistics.median(cost.written_bytes for cost in costs)),
    )
