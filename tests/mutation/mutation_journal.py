"""What came of mutants, kept so that an interrupted run can go on and survivors run again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import attrs
from mutants import Mutant
from mutation_trial import Outcome, Trial

__all__ = ["add", "known"]


def add(journal: Path, trial: Trial, *, text: str, tests: str) -> None:
    """Append *trial* of the module that became *text*; *tests* is the digest of the tests."""
    line = json.dumps({**attrs.asdict(trial), "text": _digest(text), "digest": tests})
    with journal.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def known(journal: Path, made: Mapping[Mutant, str], *, tests: str) -> dict[Mutant, Trial]:
    """Return what came of the mutants that *made* has, as far as *journal* can say.

    A dead mutant stays dead as long as its module is the same. What survived is known only as long
    as the tests are the same too.
    """
    if not journal.exists():
        return {}
    found: dict[tuple[Mutant, str], Trial] = {}
    for line in journal.read_text(encoding="utf-8").splitlines():
        document = json.loads(line)
        text, digest = document.pop("text"), document.pop("digest")
        trial = Trial(
            **{
                **document,
                "mutant": Mutant(**document["mutant"]),
                "outcome": Outcome(document["outcome"]),
            }
        )
        if trial.is_dead or digest == tests:
            found[trial.mutant, text] = trial
    asked = {mutant: (mutant, _digest(text)) for mutant, text in made.items()}
    return {mutant: found[key] for mutant, key in asked.items() if key in found}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
