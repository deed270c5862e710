"""What is printed and kept of a mutation run."""

from __future__ import annotations

import importlib.metadata
import platform
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs
from mutation_trial import Outcome, Trial

__all__ = ["Judgement", "judgements", "page", "shown", "survivors", "table"]

_JUDGED = Path(__file__).with_name("equivalent.toml")
_PAGE = Path(__file__).parents[2] / "docs" / "conformance-kit.md"
_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"
_HEADINGS = ("module", "mutants", "killed", "timed out", "survived", "equivalent", "score")


@attrs.frozen(kw_only=True)
class Judgement:
    """Why a mutant that survives changes nothing that a user could see; somebody has looked.

    Attributes:
        module: The file name.
        change: The changed lines, as a trial has them.
        kind: The kind of the reason, the same for many.
        why: The reason.
    """

    module: str
    change: str
    kind: str
    why: str


def judgements(path: Path = _JUDGED) -> tuple[Judgement, ...]:
    """Return the judgements that are kept beside this module."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Judgement(**{**entry, "change": entry["change"].strip()})
        for entry in document.get("equivalent", ())
    )


def table(trials: Sequence[Trial], judged: Sequence[Judgement]) -> str:
    """Return the modules' counts as Markdown that can be read on a terminal too."""
    modules = sorted({trial.mutant.module for trial in trials})
    parts = [(name, [one for one in trials if one.mutant.module == name]) for name in modules]
    lines = [_HEADINGS, *(_cells(name, those, judged) for name, those in parts)]
    lines.append(_cells("all", trials, judged))
    widths = [max(len(line[place]) for line in lines) for place in range(len(_HEADINGS))]
    text = [_line(line, widths) for line in lines]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join((text[0], rule, *text[1:]))


def shown(trials: Sequence[Trial], judged: Sequence[Judgement]) -> str:
    """Return each survivor with its place, its operator and the lines that it changes."""
    found: list[str] = []
    for trial in sorted(trials, key=lambda one: (one.mutant.module, one.mutant.line)):
        if trial.is_dead:
            continue
        mutant, tests = trial.mutant, f"{trial.tests} tests"
        if not trial.all_tests:
            tests += " of those that reach it"
        judgement = _judgement(trial, judged)
        word = f"equivalent ({judgement.why})" if judgement else f"{trial.outcome} {tests}"
        found.append(f"{mutant.module}:{mutant.line} {mutant.operator}: {word}")
        found += [f"    {line}" for line in trial.change.splitlines()]
    return "\n".join(found)


def survivors(trials: Sequence[Trial], judged: Sequence[Judgement]) -> list[Trial]:
    """Return what no test noticed and nobody has judged to be equivalent."""
    return [one for one in trials if not one.is_dead and _judgement(one, judged) is None]


def page(text: str, told: str, path: Path = _PAGE) -> None:
    """Put the table, and what it was measured with, into the page."""
    before, _, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    version = importlib.metadata.version("dativo-core")
    day = time.strftime("%Y-%m-%d", time.gmtime())
    where = f"Python {platform.python_version()} on {platform.system()} ({platform.machine()})"
    about = f"Run on {day} with {told}, dativo-core {version}, {where}."
    path.write_text(f"{before}{_BEGIN}\n{about}\n\n{text}\n\n{_END}{after}", encoding="utf-8")


def _cells(name: str, trials: Sequence[Trial], judged: Sequence[Judgement]) -> tuple[str, ...]:
    def count(fits: Callable[[Trial], bool]) -> int:
        return sum(1 for trial in trials if fits(trial))

    dead = count(lambda trial: trial.is_dead)
    alive = len(survivors(trials, judged))
    counted = dead + alive
    return (
        name,
        str(len(trials)),
        str(count(lambda trial: trial.outcome is Outcome.KILLED)),
        str(count(lambda trial: trial.outcome is Outcome.TIMED_OUT)),
        str(alive),
        str(len(trials) - dead - alive),
        f"{100 * dead / counted:.0f} %" if counted else "-",
    )


def _judgement(trial: Trial, judged: Sequence[Judgement]) -> Judgement | None:
    if trial.is_dead:
        return None
    key = (trial.mutant.module, trial.change)
    known: Mapping[tuple[str, str], Judgement] = {(one.module, one.change): one for one in judged}
    return known.get(key)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {first} | {' | '.join(others)} |"
