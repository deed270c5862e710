"""Change the code of the conformance kit at random places, and see whether its tests notice.

``python tests/mutation/run.py PYTHON [--sample N] [--seed N] [--minutes N] [--journal FILE]``:
the Python that has cosmic-ray installed; ``nox -s mutation`` installs it apart from ours.
"""

from __future__ import annotations

import argparse
import os
import queue
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import mutation_journal
import mutation_report
from mutants import Mutant, all_mutants, excluded, made, places, sampled
from mutation_copy import ROOT, Copy
from mutation_reach import Reach, recorded
from mutation_trial import Trial, tried

_PRINTING = threading.Lock()
_KIT = ROOT / "packages" / "dativo-core" / "src" / "dativo" / "testing"


def main() -> int:
    """Run what the arguments ask for; return 0 only if all ran and none survived unjudged."""
    asked = _arguments()
    if asked.folder is not None:
        asked.folder.mkdir(parents=True, exist_ok=True)
        return _run(asked, Copy(asked.folder.resolve()))
    with tempfile.TemporaryDirectory(prefix="dativo-mutation-") as name:
        return _run(asked, Copy(Path(name)))


def _run(asked: argparse.Namespace, copy: Copy) -> int:
    started = time.monotonic()
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    _say(f"seed {seed}; the same mutants again: --seed {seed} --sample {asked.sample}")
    copy.fill(asked.jobs)
    mutants = all_mutants(asked.python, copy.kit(0))
    left_out = ", ".join(f"{count} {why}" for why, count in excluded(mutants).items())
    _say(f"{len(places(mutants))} places; mutants left out: {left_out}")
    drawn = [those for those in sampled(mutants, seed, asked.sample) if _is_asked(those, asked)]
    texts = made(asked.python, copy.kit(0), drawn)
    tests = copy.tests_digest()
    known = mutation_journal.known(asked.journal, texts, tests=tests) if asked.journal else {}
    if asked.thorough:
        known = {
            mutant: trial for mutant, trial in known.items() if trial.all_tests or trial.is_dead
        }
    _say(f"{len(texts)} mutants, {len(known)} of them in the journal; recording what tests reach")
    todo = {mutant: text for mutant, text in texts.items() if mutant not in known}
    deadline = started + asked.minutes * 60
    run = _Run(
        asked=asked,
        copy=copy,
        reach=recorded(copy, jobs=asked.jobs),
        tests=tests,
        deadline=deadline,
    )
    trials = [*known.values(), *run.all_of(todo)]
    return _told(trials, asked=asked, seed=seed, missing=len(texts) - len(trials))


@attrs.frozen(kw_only=True)
class _Run:
    """Tries mutants, a few side by side, each worker on sources of its own."""

    asked: argparse.Namespace
    copy: Copy
    reach: Reach
    tests: str
    deadline: float

    def all_of(self, todo: Mapping[Mutant, str]) -> list[Trial]:
        """Return what came of those that were begun before the time was up."""
        workers: queue.SimpleQueue[int] = queue.SimpleQueue()
        for worker in range(self.asked.jobs):
            workers.put(worker)

        def one(mutant: Mutant, text: str) -> Trial | None:
            if time.monotonic() > self.deadline:
                return None
            worker = workers.get()
            try:
                return self._one(mutant, text, worker)
            finally:
                workers.put(worker)

        with ThreadPoolExecutor(self.asked.jobs) as pool:
            ended = pool.map(one, todo.keys(), todo.values())
            return [trial for trial in ended if trial is not None]

    def _one(self, mutant: Mutant, text: str, worker: int) -> Trial:
        most = float("inf") if self.asked.thorough else self.asked.seconds
        trial = tried(mutant, text, copy=self.copy, worker=worker, reach=self.reach, most=most)
        if self.asked.journal is not None:
            with _PRINTING:
                mutation_journal.add(self.asked.journal, trial, text=text, tests=self.tests)
        _say(
            f"{mutant.module}:{mutant.line} {mutant.operator}: {trial.outcome} "
            f"in {trial.seconds:.0f} s, {trial.tests} tests"
        )
        return trial


def _told(trials: list[Trial], *, asked: argparse.Namespace, seed: int, missing: int) -> int:
    judged = mutation_report.judgements()
    text = mutation_report.table(trials, judged)
    _say("", mutation_report.shown(trials, judged), "", text)
    told = f"a sample of {asked.sample} places and seed {seed}"
    if missing:
        _say(f"the time was up: {missing} mutants were not tried")
        told += f", of which {missing} were not tried"
    if asked.write:
        mutation_report.page(text, told)
    survived = mutation_report.survivors(trials, judged)
    _say(f"seed {seed}: {len(survived)} of {len(trials)} mutants survived")
    return 0 if trials and not survived and not missing else 1


def _is_asked(those: list[Mutant], asked: argparse.Namespace) -> bool:
    return not asked.module or those[0].module in asked.module


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Change the kit's code and run its tests.")
    parser.add_argument("python", help="the Python that has cosmic-ray installed")
    parser.add_argument("--sample", type=int, default=300, help="how many places are changed")
    parser.add_argument("--seed", type=int, help="which places, and how; random if missing")
    parser.add_argument("--module", nargs="+", default=[], help="of these, such as _runner.py")
    parser.add_argument("--minutes", type=float, default=60, help="no mutant begins after that")
    parser.add_argument(
        "--seconds", type=float, default=45, help="try the quickest tests of so many seconds"
    )
    parser.add_argument("--thorough", action="store_true", help="try all tests that reach a place")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--folder", type=Path, help="keep the copy, and what tests reach, here")
    parser.add_argument(
        "--journal", type=Path, help="add every result to this file; what is known does not run"
    )
    parser.add_argument("--write", action="store_true", help="renew docs/conformance-kit.md")
    return parser.parse_args()


def _say(*lines: str) -> None:
    with _PRINTING:
        for line in lines:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
