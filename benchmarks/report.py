"""Tables of figures, as Markdown: the terminal and the README show the same text."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import psutil

__all__ = [
    "Goal",
    "Table",
    "against_goals",
    "describe_machine",
    "mebibytes",
    "milliseconds",
    "ratio",
    "save",
    "seconds",
]

_MARKS = ("<!-- figures start here -->\n", "<!-- figures end here -->\n")


@attrs.frozen(kw_only=True)
class Goal:
    """A figure, and the most that it should be, or the least."""

    what: str
    figure: float
    limit: float
    unit: str = "x"
    is_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the figure is as it should be."""
        return self.figure >= self.limit if self.is_least else self.figure <= self.limit


@attrs.frozen(kw_only=True)
class Table:
    """A title, and rows under heads; the first column is text, the others are figures."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]
    goals: Sequence[Goal] = ()

    def markdown(self) -> str:
        """Return the table with its columns aligned."""
        lines = [self.heads, *([str(cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        texts = [_line(line, widths) for line in [lines[0], rule, *lines[1:]]]
        return f"### {self.title}\n\n{''.join(texts)}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    words = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
    return f"| {' | '.join(words)} |\n"


def against_goals(tables: Sequence[Table]) -> Table:
    """Return one table of all figures that have a goal."""
    goals = [goal for table in tables for goal in table.goals]
    rows = [
        (
            goal.what,
            f"{goal.figure:.2f} {goal.unit}",
            f"{'at least' if goal.is_least else 'at most'} {goal.limit:g} {goal.unit}",
            "met" if goal.is_met else "missed",
        )
        for goal in goals
    ]
    return Table(title="Against the goals", heads=("figure", "measured", "goal", ""), rows=rows)


def seconds(value: float) -> str:
    """Return a time for people."""
    return f"{value:.1f} s"


def milliseconds(value: float) -> str:
    """Return a short time for people."""
    return f"{value * 1000:.0f} ms"


def mebibytes(value: float) -> str:
    """Return a size for people."""
    return f"{value / 2**20:.0f} MiB"


def ratio(value: float, unit: float) -> str:
    """Return how often *unit* fits into *value*."""
    return f"{value / unit:.2f}"


def describe_machine() -> str:
    """Return what the figures depend on, without naming the machine."""
    cores, memory = os.cpu_count(), psutil.virtual_memory().total / 2**30
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return (
        f"Measured on {time.strftime('%-d %B %Y', time.gmtime())}: {cores} cores, "
        f"{memory:.0f} GiB, {system}, Python {platform.python_version()}; "
        f"load average of the last quarter of an hour {os.getloadavg()[2]:.1f}."
    )


def save(text: str, readme: Path) -> None:
    """Exchange the figures in *readme* for *text*."""
    first, last = _MARKS
    pattern = re.compile(f"{re.escape(first)}.*{re.escape(last)}", re.DOTALL)
    before = readme.read_text()
    after, count = pattern.subn(lambda _: f"{first}\n{text}\n{last}", before)
    if count != 1:
        raise RuntimeError(f"{readme.name} has no place for figures")
    readme.write_text(after)
