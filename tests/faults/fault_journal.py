"""The results of a long run of the fault tests, kept so that an interrupted one can go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import attrs
from fault_frame import Result

__all__ = ["add", "passed"]


def add(journal: Path, result: Result) -> None:
    """Append *result* to *journal* as a line of JSON."""
    kept = attrs.asdict(attrs.evolve(result, folder=None))
    with journal.open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(kept)}\n")


def passed(journal: Path) -> Mapping[tuple[str, int], Result]:
    """Return the cases by row and number whose last result in *journal* is no failure."""
    if not journal.exists():
        return {}
    lines = journal.read_text(encoding="utf-8").splitlines()
    results = [Result(**json.loads(line)) for line in lines]
    last = {(result.row, result.number): result for result in results}
    return {case: result for case, result in last.items() if not result.failure}
