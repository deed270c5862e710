"""How long the command takes to start, against the smallest program that typer makes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from plugins import BROKEN, MANY, PROGRAM
from process import Command, Cost, interleaved, measure
from report import Goal, Table, mebibytes, milliseconds, ratio

__all__ = ["measure_startup"]

_UNIT = "a one-command typer program"
_VERSION = "dativo --version"
_LIST = "dativo plugins list, 3 plugins"
_LIST_MANY = f"dativo plugins list, {MANY} more, {BROKEN} of them broken"


def measure_startup(ours: Path, many: Path, *, runs: int) -> list[Table]:
    """Measure programs in two environments, given by their folders of programs.

    Args:
        ours: Holds dativo, its own three plugins and the typer program.
        many: The same with many plugins more.
        runs: How often everything is measured.
    """
    commands: dict[str, list[str | Path]] = {
        _UNIT: [ours / PROGRAM],
        _VERSION: [ours / "dativo", "--version"],
        _LIST: [ours / "dativo", "plugins", "list"],
        _LIST_MANY: [many / "dativo", "plugins", "list"],
    }
    calls = {name: partial(measure, Command(words=words)) for name, words in commands.items()}
    interleaved(calls, 1)  # the first run reads the files from disk
    costs = interleaved(calls, runs)
    return [_table(costs, runs)]


def _table(costs: dict[str, Cost], runs: int) -> Table:
    unit, few = costs[_UNIT], costs[_LIST]
    rows = [
        (
            name,
            milliseconds(cost.seconds),
            ratio(cost.seconds, unit.seconds),
            ratio(cost.seconds, few.seconds) if name == _LIST_MANY else "",
            milliseconds(cost.cpu_seconds),
            mebibytes(cost.peak_bytes),
        )
        for name, cost in costs.items()
    ]
    goals = [
        Goal(what=f"{name}, x typer", figure=costs[name].seconds / unit.seconds, limit=1.5)
        for name in (_VERSION, _LIST)
    ]
    many = costs[_LIST_MANY].seconds / few.seconds
    goals.append(Goal(what=f"{_LIST_MANY}, x 3 plugins", figure=many, limit=2))
    heads = ("command", "wall", "x typer", "x 3 plugins", "CPU", "peak")
    return Table(title=f"Start-up, medians of {runs}", heads=heads, rows=rows, goals=goals)
