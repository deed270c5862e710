"""The frame of the fault tests: rows of cases, each of which replays from its number."""

from __future__ import annotations

import importlib
import random
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs

__all__ = [
    "Damage",
    "Result",
    "Row",
    "Workspace",
    "all_rows",
    "chosen_numbers",
    "dice",
    "interleaved",
    "replay_command",
    "run_case",
]

_FOLDER = Path(__file__).parent
_PATTERNS = ("row_*.py", "postgres_*.py")
_MOST_SIGNS = 2500


class Damage(AssertionError):  # noqa: N818 - it is what was found, and an assertion
    """A case found published data that is not as promised; the counts are records."""

    def __init__(self, what: str, *, lost: int = 0, doubled: int = 0, partial: int = 0) -> None:
        super().__init__(f"{what} (lost {lost}, doubled {doubled}, partial {partial})")
        self.lost = lost
        self.doubled = doubled
        self.partial = partial


@attrs.define
class Workspace:
    """An empty folder of one case, and what the case counts in it."""

    path: Path
    kills: int = 0


def _always() -> str | None:
    return None


@attrs.frozen(kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        name: Short, unique, in the form ``group.what``.
        about: What is proven, in one line.
        demanded: How many cases a full run has, or a function that finds out.
        case: Runs the case of a number from 0 to ``demanded - 1``. The same number is the same
            case; what is random in it comes from ``random.Random(f"{name}:{number}")``. It raises
            an ``AssertionError``, best a ``Damage``, if the promise is broken. It must be safe to
            run beside another case in another thread.
        sampled: How many cases a sampling run aims at; the time decides.
        quick: How many cases the default test run takes; 0 for none.
        missing: Says why the row cannot run here, ``None`` if it can.
    """

    name: str
    about: str
    demanded: int | Callable[[], int]
    case: Callable[[int, Workspace], None]
    sampled: int = 10
    quick: int = 0
    missing: Callable[[], str | None] = _always

    def count(self) -> int:
        """How many cases there are; may take a few seconds the first time."""
        return self.demanded if isinstance(self.demanded, int) else self.demanded()


@attrs.frozen(kw_only=True)
class Result:
    """How one case ended; ``failure`` is empty if the promise was kept."""

    row: str
    number: int
    seconds: float
    kills: int
    failure: str = ""
    lost: int = 0
    doubled: int = 0
    partial: int = 0
    folder: Path | None = None


def all_rows() -> tuple[Row, ...]:
    """Import every module of rows and return what they offer, in the order of the files."""
    files = sorted(file for pattern in _PATTERNS for file in _FOLDER.glob(pattern))
    rows: list[Row] = []
    for file in files:
        rows.extend(getattr(importlib.import_module(file.stem), "ROWS", ()))
    names = [row.name for row in rows]
    assert len(set(names)) == len(names), f"two rows have one name: {sorted(names)}"
    return tuple(rows)


def chosen_numbers(row: Row, seed: int, *, full: bool) -> Sequence[int]:
    """Return the numbers of the cases to run, in a seeded random order."""
    count = row.count()
    return random.Random(f"{seed}:{row.name}").sample(
        range(count), count if full else min(count, row.sampled)
    )


def dice(row: str, number: int) -> random.Random:
    """Return the randomness of one case."""
    return random.Random(f"{row}:{number}")


def run_case(row: Row, number: int, *, keep: bool = False) -> Result:
    """Run one case in a folder of its own, which stays only with *keep* if the case fails."""
    folder = Path(tempfile.mkdtemp(prefix="dativo-fault-"))
    workspace = Workspace(folder)
    started = time.monotonic()
    failure: Exception | None = None
    try:
        row.case(number, workspace)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is this case's failure
        failure = error
    seconds = time.monotonic() - started
    kept = folder if failure is not None and keep else None
    if kept is None:
        shutil.rmtree(folder, ignore_errors=True)
    damage = failure if isinstance(failure, Damage) else Damage("")
    return Result(
        row=row.name,
        number=number,
        seconds=seconds,
        kills=workspace.kills,
        failure="" if failure is None else _told(failure),
        lost=damage.lost,
        doubled=damage.doubled,
        partial=damage.partial,
        folder=kept,
    )


def _told(error: Exception) -> str:
    if not isinstance(error, AssertionError) or not str(error):
        return "".join(traceback.format_exception(error))
    where = traceback.extract_tb(error.__traceback__)[-1]
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    return f"{str(error)[:_MOST_SIGNS]}{notes} [{Path(where.filename).name}:{where.lineno}]"


def replay_command(result: Result) -> str:
    """Return the command that runs the case of *result* again."""
    return f"uv run nox -s faults -- --row {result.row} --case {result.number}"


def interleaved(plans: Sequence[tuple[Row, Sequence[int]]], seed: int) -> Iterator[tuple[Row, int]]:
    """Yield all cases so that every row advances at the same pace, whatever its length.

    The first case of each row comes first; a run that is stopped has seen all rows.
    """
    source = random.Random(seed)
    order = [
        ((place + source.random()) / len(numbers) if place else -source.random(), row, number)
        for row, numbers in plans
        for place, number in enumerate(numbers)
    ]
    for _, row, number in sorted(order, key=lambda one: one[0]):
        yield row, number
