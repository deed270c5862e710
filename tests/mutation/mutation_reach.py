"""Which tests run which lines of the kit, recorded once per state of sources and tests."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import coverage
from mutants import Mutant
from mutation_copy import KIT, Copy
from mutation_plugin import CHILDREN, CONTEXT, RECORD

__all__ = ["Reach", "recorded"]


_QUICK = 0.05


@attrs.frozen(kw_only=True)
class Reach:
    """The tests by the lines that they run, and how long each takes.

    Attributes:
        seconds: By the id of the test.
        lines: By module and line the tests that run it, also in a child; only of what is in the
            body of a function, as importing runs the rest.
    """

    seconds: Mapping[str, float]
    lines: Mapping[str, Mapping[int, frozenset[str]]]

    def tests_of(self, mutant: Mutant, *, most: float) -> list[str]:
        """Return the tests that can notice *mutant*, quickest first, of *most* seconds together.

        Where no test is known to run it, as it is run by the import or by a hook that coverage does
        not see, these are the tests that run anything of the module, or all if it has no function;
        for what importing runs, also all tests that take next to no time.
        Those of one file stay together, as its fixture is what takes the time. There is at least
        one if there is any at all.
        """
        lines = self.lines.get(mutant.module, {})
        wanted = range(mutant.first, mutant.last + 1) if mutant.inside else lines
        reaching = {test for line in wanted for test in lines.get(line, ())}
        if not mutant.inside:
            # A flag of a rule, say, is seen by tests that run nothing of the module.
            reaching |= {test for test, seconds in self.seconds.items() if seconds < _QUICK}
        if not reaching:
            reaching = {test for tests in lines.values() for test in tests} or {*self.seconds}
        chosen: list[str] = []
        for test in sorted(reaching, key=lambda test: (self.seconds[test], test)):
            if chosen and self.needed([*chosen, test]) > most:
                break
            chosen.append(test)
        files = list(dict.fromkeys(_file(test) for test in chosen))
        return sorted(chosen, key=lambda test: files.index(_file(test)))

    def needed(self, tests: list[str]) -> float:
        """Return how many seconds *tests* take."""
        return sum(self.seconds[test] for test in tests)


def recorded(copy: Copy, *, jobs: int) -> Reach:
    """Run all tests on the unchanged copy, or take what an earlier run of the same wrote down.

    *jobs* files of tests run side by side.

    Raises:
        RuntimeError: The tests do not pass as they are.
    """
    path = copy.folder / f"reach-{copy.sources_digest()}-{copy.tests_digest()}.json"
    if not path.exists():
        path.write_text(json.dumps(_record(copy, jobs)), encoding="utf-8")
    document = json.loads(path.read_text(encoding="utf-8"))
    lines = {
        module: {int(line): frozenset(tests) for line, tests in those.items()}
        for module, those in document["lines"].items()
    }
    return Reach(seconds=document["seconds"], lines=lines)


def _record(copy: Copy, jobs: int) -> Mapping[str, object]:
    config, data = copy.folder / "coverage.ini", copy.folder / "coverage" / "data"
    data.parent.mkdir(exist_ok=True)
    for old in data.parent.iterdir():
        old.unlink()
    config.write_text(_config(copy.kit(0), data), encoding="utf-8")
    files = sorted(copy.test_files(), key=lambda file: file.stat().st_size, reverse=True)
    with ThreadPoolExecutor(jobs) as pool:
        parts = list(pool.map(lambda file: _record_file(copy, file, config), files))
    known = {test: seconds for part in parts for test, seconds in part.items()}
    return {"seconds": known, "lines": _lines(data, known)}


def _config(kit: Path, data: Path) -> str:
    lines = ("[run]", "parallel = true", "patch = _exit", "sigterm = true")
    about = (f"context = ${{{CONTEXT}-}}", f"include = {kit}/*", f"data_file = {data}")
    return "\n".join((*lines, *about, ""))


def _record_file(copy: Copy, file: Path, config: Path) -> Mapping[str, float]:
    """Run the tests of *file*, and return how many seconds each has taken."""
    seconds = copy.folder / f"seconds-{file.stem}.json"
    told = {RECORD: str(seconds), CONTEXT: "", CHILDREN: str(config)}
    measured = [sys.executable, "-m", "coverage", "run", f"--rcfile={config}"]
    command = [*measured, *copy.pytest()[1:], str(file.relative_to(copy.tree))]
    environment = copy.environment(0, told)
    done = subprocess.run(
        command, cwd=copy.tree, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        msg = f"tests fail without a mutant:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        raise RuntimeError(msg)
    taken: dict[str, float] = json.loads(seconds.read_text(encoding="utf-8"))
    return taken


def _lines(data: Path, known: Mapping[str, float]) -> dict[str, dict[int, list[str]]]:
    found: dict[str, dict[int, set[str]]] = {}
    for part in sorted(data.parent.glob("data.*")):
        measured = coverage.CoverageData(str(part))
        try:
            measured.read()
        except coverage.CoverageException:
            continue  # of a child that a test killed while it wrote
        for file in measured.measured_files():
            assert Path(file).parent.match(f"*/{KIT}")
            module = found.setdefault(Path(file).name, {})
            bodies = _bodies(Path(file))
            for line, tests in measured.contexts_by_lineno(file).items():
                if line in bodies:
                    module.setdefault(line, set()).update(test for test in tests if test in known)
    return {
        module: {line: sorted(tests) for line, tests in lines.items() if tests}
        for module, lines in found.items()
    }


def _bodies(module: Path) -> set[int]:
    """Return the lines of *module* that are in the body of a function."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, functions)]
    return {
        line
        for body in bodies
        for line in range(body[0].lineno, (body[-1].end_lineno or body[-1].lineno) + 1)
    }


def _file(test: str) -> str:
    return test.partition("::")[0]
