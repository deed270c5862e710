from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import mutation_journal
import mutation_report
import pytest
from mutants import Mutant, excluded, made, places, sampled
from mutation_copy import KIT, Copy
from mutation_plugin import TESTS
from mutation_reach import Reach
from mutation_report import Judgement, judgements, shown, survivors, table
from mutation_trial import Outcome, Trial, changed, try_text

# What a maker does is to read JSON and to write JSON; this one cannot make what is at line 3.
MAKER = """
import json, sys
for asked in json.load(sys.stdin):
    text = "" if asked["line"] == 3 and asked["operator"] == "Add_Sub" else asked["operator"]
    print(json.dumps({"text": text}))
"""


def mutant(line: int = 1, operator: str = "Add_Sub", **more: Any) -> Mutant:
    about: dict[str, Any] = {"module": "_a.py", "family": "Add", "occurrence": 0, "column": 4}
    about |= {"line": line, "first": line, "last": line, "operator": operator}
    return Mutant(**{**about, **more})


def trial(outcome: Outcome, line: int = 1, **more: Any) -> Trial:
    return Trial(mutant=mutant(line, **more), change=f"- {line}\n+ 0", outcome=outcome)


MANY = [mutant(line, operator) for line in range(1, 41) for operator in ("Add_Sub", "Add_Mul")]


def test_the_same_seed_draws_the_same_and_another_one_others() -> None:
    assert sampled(MANY, 7, 20) == sampled(MANY, 7, 20)
    assert sampled(MANY, 7, 20) != sampled(MANY, 8, 20)
    assert sampled(list(reversed(MANY)), 7, 20)[0][0].place == sampled(MANY, 7, 20)[0][0].place


def test_a_smaller_sample_is_the_beginning_of_a_larger_one() -> None:
    assert sampled(MANY, 7, 30)[:10] == [*sampled(MANY, 7, 10)]


def test_what_is_new_in_one_module_changes_nothing_in_the_order_of_the_others() -> None:
    more = sampled([*MANY, *(attrs.evolve(one, module="_b.py") for one in MANY)], 7, 1000)

    assert [those for those in more if those[0].module == "_a.py"] == sampled(MANY, 7, 1000)


def test_a_place_is_drawn_once_however_many_operators_change_it() -> None:
    drawn = sampled(MANY, 7, 1000)

    assert len(drawn) == 40
    assert len({those[0].place for those in drawn}) == 40
    assert {len(those) for those in drawn} == {2}
    assert {those[0].operator for those in drawn} == {"Add_Sub", "Add_Mul"}


def test_what_is_excluded_is_counted_and_not_drawn() -> None:
    mutants = [mutant(1), mutant(2, excluded="wording"), mutant(3, excluded="wording")]

    assert len(places(mutants)) == 1
    assert excluded(mutants) == {"wording": 2}
    assert sampled(mutants, 1, 9) == [[mutants[0]]]


def test_where_an_operator_makes_no_program_the_next_one_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = tmp_path / "maker.py"
    maker.write_text(MAKER)
    monkeypatch.setattr("mutants._MAKER", maker)
    drawn = [[mutant(3), mutant(3, "Add_Mul")], [mutant(1)], [mutant(3, column=9)]]

    texts = made(sys.executable, tmp_path, drawn)

    assert list(texts.items()) == [(mutant(3, "Add_Mul"), "Add_Mul"), (mutant(1), "Add_Sub")]


def test_a_maker_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maker = tmp_path / "maker.py"
    maker.write_text("raise SystemExit('no cosmic-ray')")
    monkeypatch.setattr("mutants._MAKER", maker)

    with pytest.raises(RuntimeError, match="no cosmic-ray"):
        made(sys.executable, tmp_path, [[mutant()]])


REACH = Reach(
    seconds={"a::one": 3.0, "a::two": 1.0, "b::three": 2.0, "b::four": 50.0},
    lines={"_a.py": {1: frozenset({"a::one", "b::three", "a::two"}), 2: frozenset({"b::four"})}},
)


def test_what_importing_runs_is_looked_at_by_quick_tests_of_other_modules_too() -> None:
    reach = attrs.evolve(REACH, seconds={**REACH.seconds, "c::five": 0.01})

    assert reach.tests_of(mutant(1, inside=False), most=2) == ["c::five", "a::two"]
    assert reach.tests_of(mutant(1), most=2) == ["a::two"]


@pytest.mark.parametrize(
    ("asked", "most", "tests"),
    [
        (mutant(1), 100, ["a::two", "a::one", "b::three"]),
        (mutant(1), 3, ["a::two", "b::three"]),
        (mutant(2), 3, ["b::four"]),
        (mutant(2, first=1), 100, ["a::two", "a::one", "b::three", "b::four"]),
        (mutant(9, inside=False), 100, ["a::two", "a::one", "b::three", "b::four"]),
        (mutant(9), 3, ["a::two", "b::three"]),
        (mutant(1, module="_b.py"), 2, ["a::two"]),
        (mutant(1, module="_b.py", inside=False), 2, ["a::two"]),
    ],
)
def test_the_tests_of_a_mutant_are_the_quickest_that_run_its_statement(
    asked: Mutant, most: float, tests: Sequence[str]
) -> None:
    assert REACH.tests_of(asked, most=most) == tests


def test_a_change_is_shown_by_its_lines_alone() -> None:
    assert changed("a\n    b == 1\nc\n", "a\n    b != 1\nc\n") == "- b == 1\n+ b != 1"


TRIALS = [
    trial(Outcome.KILLED, 1),
    trial(Outcome.TIMED_OUT, 2),
    trial(Outcome.SURVIVED, 3),
    trial(Outcome.SURVIVED, 4, module="_b.py"),
    trial(Outcome.SURVIVED, 5),
]
JUDGED = [Judgement(module="_a.py", change="- 5\n+ 0", kind="limits", why="five or nothing")]


def test_the_table_counts_by_module_and_the_score_leaves_out_what_is_equivalent() -> None:
    lines = table(TRIALS, JUDGED).splitlines()

    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert cells[2:] == [
        ["_a.py", "4", "1", "1", "1", "1", "67 %"],
        ["_b.py", "1", "0", "0", "1", "0", "0 %"],
        ["all", "5", "1", "1", "2", "1", "50 %"],
    ]
    assert len({len(line) for line in lines}) == 1


def test_every_survivor_is_shown_with_its_place_its_operator_and_its_lines() -> None:
    told = shown(TRIALS, JUDGED)

    assert "_a.py:3 Add_Sub: survived 0 tests\n    - 3\n    + 0" in told
    assert "_a.py:5 Add_Sub: equivalent (five or nothing)" in told
    assert "_b.py:4 Add_Sub: survived" in told
    assert ":1 " not in told
    assert [one.mutant.line for one in survivors(TRIALS, JUDGED)] == [3, 4]


def test_the_page_keeps_what_is_around_the_table(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- table: begin -->\nold\n<!-- table: end -->\nafter\n")

    mutation_report.page("new", "seed 7", path)

    lines = path.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "new" in lines
    assert "old" not in lines
    assert "with seed 7, dativo-core" in path.read_text()


def test_a_judgement_names_a_module_of_the_kit_and_its_lines_are_still_there() -> None:
    kit = Path(__file__).parents[2] / "packages/dativo-core/src" / KIT
    for one in judgements():
        text = {line.strip() for line in (kit / one.module).read_text().splitlines()}
        old = [line[2:] for line in one.change.splitlines() if line.startswith("- ")]
        assert old, one
        assert text.issuperset(old), one
        assert one.why, one


def test_a_journal_knows_the_dead_of_the_same_text_and_survivors_of_the_same_tests(
    tmp_path: Path,
) -> None:
    journal = tmp_path / "mutation.jsonl"
    dead, alive = trial(Outcome.KILLED, 1), trial(Outcome.SURVIVED, 2)
    for one in (dead, alive, attrs.evolve(dead, seconds=3.0)):
        mutation_journal.add(journal, one, text="text", tests="before")
    made_now = {dead.mutant: "text", alive.mutant: "text", mutant(9): "text"}

    def known(tests: str) -> dict[Mutant, Trial]:
        return mutation_journal.known(journal, made_now, tests=tests)

    assert known("before") == {dead.mutant: attrs.evolve(dead, seconds=3.0), alive.mutant: alive}
    assert list(known("after")) == [dead.mutant]
    assert not mutation_journal.known(journal, {dead.mutant: "other"}, tests="before")
    assert not mutation_journal.known(tmp_path / "no.jsonl", made_now, tests="before")


ONE, TWO = "test_a.py::test_one", "test_b.py::test_two"
PASSES = "def test_one():\n    import kit_of_the_test\n    assert kit_of_the_test.VALUE == 1\n"
HANGS = "import time\n\ndef test_two():\n    time.sleep(60)\n"


@pytest.mark.parametrize(
    ("value", "tests", "came"),
    [
        (1, [ONE], (Outcome.SURVIVED, "")),
        (2, [ONE], (Outcome.KILLED, ONE)),
        (2, [TWO, ONE], (Outcome.TIMED_OUT, "")),
        (2, [ONE, TWO], (Outcome.KILLED, ONE)),
    ],
)
def test_tests_run_in_their_order_on_the_sources_of_the_worker_until_one_fails(
    tmp_path: Path, value: int, tests: list[str], came: tuple[Outcome, str]
) -> None:
    copy = Copy(tmp_path)
    copy.source(0).mkdir(parents=True)
    (copy.source(0) / "kit_of_the_test.py").write_text(f"VALUE = {value}\n")
    (copy.tree / "plugin").mkdir()
    plugin = Path(__file__).with_name("mutation_plugin.py")
    (copy.tree / "plugin" / plugin.name).write_text(plugin.read_text())
    (copy.tree / "pyproject.toml").write_text("[tool.pytest]\naddopts = ['-ra']\n")
    (copy.tree / "test_a.py").write_text(PASSES)
    (copy.tree / "test_b.py").write_text(HANGS)

    limit = 4.0 if came[0] is Outcome.TIMED_OUT else 60.0
    assert try_text(tests, copy=copy, worker=0, limit=limit) == came
    assert TESTS not in os.environ


def test_tests_that_are_not_there_are_a_mistake_of_the_run(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    (copy.tree / "plugin").mkdir(parents=True)
    plugin = Path(__file__).with_name("mutation_plugin.py")
    (copy.tree / "plugin" / plugin.name).write_text(plugin.read_text())
    (copy.tree / "test_a.py").write_text(PASSES)

    with pytest.raises(RuntimeError, match="no such tests"):
        try_text(["test_a.py::test_none"], copy=copy, worker=0, limit=60)
