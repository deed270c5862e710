"""What a mutant is, and which of all that could be made are tried."""

from __future__ import annotations

import json
import random
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs

__all__ = ["Mutant", "all_mutants", "excluded", "made", "places", "sampled"]

_MAKER = Path(__file__).with_name("make_mutants.py")


@attrs.frozen(kw_only=True)
class Mutant:
    """One change of one place in a module.

    Attributes:
        module: The file name.
        operator: What is changed into what, as cosmic-ray calls it.
        family: The kind of the operator; all of a family at one place are one place.
        occurrence: Which of the places in the module that the operator can change.
        line: Where the change is, from 1.
        column: The same, from 0.
        first: The first line of the statement, or of the part of it.
        last: The last line of it.
        inside: Whether it is in the body of a function; else importing runs it.
        excluded: Why it is not tried; empty if it is.
    """

    module: str
    operator: str
    family: str
    occurrence: int
    line: int
    column: int
    first: int
    last: int
    inside: bool = True
    excluded: str = ""

    @property
    def place(self) -> tuple[str, str, int, int]:
        """What it shares with the other changes of the same place."""
        return self.module, self.family, self.line, self.column


def all_mutants(python: str, folder: Path) -> list[Mutant]:
    """Return every mutant of the modules in *folder*; *python* has cosmic-ray."""
    lines = _maker(python, folder).splitlines()
    return [Mutant(**json.loads(line)) for line in lines]


def places(mutants: Iterable[Mutant]) -> Mapping[tuple[str, str, int, int], list[Mutant]]:
    """Return the mutants that are tried by their place."""
    found: dict[tuple[str, str, int, int], list[Mutant]] = {}
    for mutant in mutants:
        if not mutant.excluded:
            found.setdefault(mutant.place, []).append(mutant)
    return found


def excluded(mutants: Iterable[Mutant]) -> Mapping[str, int]:
    """Return how many are left out, by the reason."""
    return Counter(mutant.excluded for mutant in mutants if mutant.excluded)


def sampled(mutants: Iterable[Mutant], seed: int, count: int) -> list[list[Mutant]]:
    """Draw *count* places, each with its mutants in the order in which they are wanted.

    Each place is as likely as any other, however many operators can change it. With the same seed a
    smaller sample is the beginning of a larger one, and what changes in one module changes nothing
    in the order of the places of the others.
    """
    found = places(mutants)
    drawn = sorted(found, key=lambda place: random.Random(f"{seed} {place}").random())[:count]
    dices = ((place, random.Random(f"{seed} {place} operators")) for place in drawn)
    return [dice.sample(found[place], len(found[place])) for place, dice in dices]


def made(python: str, folder: Path, drawn: Sequence[Sequence[Mutant]]) -> dict[Mutant, str]:
    """Make of each place the first mutant that is a program, and another one; with its text."""
    texts: dict[Mutant, str] = {}
    waiting = [list(those) for those in drawn]
    while waiting := [those for those in waiting if those]:
        asked = [those.pop(0) for those in waiting]
        request = json.dumps([attrs.asdict(mutant) for mutant in asked])
        answers = [
            json.loads(line)["text"] for line in _maker(python, folder, request).splitlines()
        ]
        told = list(zip(asked, answers, strict=True))
        texts |= {mutant: text for mutant, text in told if text}
        waiting = [those for those, text in zip(waiting, answers, strict=True) if not text]
    order = {mutant.place: number for number, (mutant, *_) in enumerate(drawn)}
    return dict(sorted(texts.items(), key=lambda item: order[item[0].place]))


def _maker(python: str, folder: Path, request: str | None = None) -> str:
    command = [python, str(_MAKER), str(folder), *(["--make"] if request is not None else [])]
    done = subprocess.run(command, input=request, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"the mutants cannot be made: {done.stderr.strip()}"
        raise RuntimeError(msg)
    return done.stdout
