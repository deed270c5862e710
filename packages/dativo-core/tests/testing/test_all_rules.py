from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import source_mutants
import test_common_rules
import test_common_writer_rules
import test_source_rules
import test_writer_rules
import writer_mutants
from import_mutants import IMPORT_MUTANTS, OF_A_WRITER
from mutant_table import NOTED, Judged, judge, lines, summary
from test_common_writer_rules import ROLELESS

from dativo.contract import Role
from dativo.testing import Outcome, RuleResult
from dativo.testing._catalog import RULES

TABLES: Mapping[Role, Sequence[Mapping[str, Mapping[Any, str]]]] = {
    Role.SOURCE: (source_mutants.MUTANTS, source_mutants.COMMON_MUTANTS),
    Role.WRITER: (writer_mutants.MUTANTS, writer_mutants.COMMON_MUTANTS),
}
IMPORTS: Mapping[Role, Sequence[tuple[str, str]]] = {
    Role.SOURCE: [(rule, one) for rule, known in IMPORT_MUTANTS.items() for one in known],
    Role.WRITER: OF_A_WRITER,
}
PAIRS = [(rule.name, role) for rule in RULES for role in rule.roles]


def _mutants(rule: str, role: Role) -> set[str]:
    """Name the mutants of a rule in a role."""
    classes = {one.__name__ for table in TABLES[role] for one in table.get(rule, {})}
    return classes | {mutant for name, mutant in IMPORTS[role] if name == rule}


def _result(outcome: Outcome, *problems: str) -> RuleResult:
    return RuleResult(
        rule="kit.works",
        title="It works",
        role=Role.SOURCE,
        outcome=outcome,
        looks=(),
        problems=problems,
        acknowledged="",
        seconds=0.0,
    )


@pytest.mark.parametrize(("rule", "role"), PAIRS)
def test_each_rule_has_two_mutants_in_each_of_its_roles(rule: str, role: Role) -> None:
    mutants = _mutants(rule, role)
    known = mutants | _mutants(rule, Role.SOURCE) if rule in ROLELESS else mutants
    assert mutants
    assert len(known) >= 2


def test_each_mutant_is_a_test_of_its_own_so_that_all_are_killed() -> None:
    tested = Counter(
        (role, rule, getattr(mutant, "__name__", mutant))
        for role, pairs in (
            (Role.SOURCE, test_common_rules.PAIRS),
            (Role.SOURCE, test_common_rules.IMPORTS),
            (Role.SOURCE, test_source_rules.PAIRS),
            (Role.WRITER, test_common_writer_rules.PAIRS),
            (Role.WRITER, OF_A_WRITER),
            (Role.WRITER, test_writer_rules.PAIRS),
        )
        for rule, mutant in pairs
    )

    assert set(tested.values()) == {1}
    assert set(tested) == {
        (role, rule, one) for rule, role in PAIRS for one in _mutants(rule, role)
    }


def test_a_mutant_that_is_broken_for_another_cause_is_not_killed() -> None:
    before = len(NOTED)

    judge(_result(Outcome.BROKEN, "it leaks"), "Leaks", "leaks")
    for outcome, problem in ((Outcome.BROKEN, "it is slow"), (Outcome.NOT_VERIFIED, "it leaks")):
        with pytest.raises(AssertionError):
            judge(_result(outcome, problem), "Leaks", "leaks")

    noted = [NOTED.pop() for _ in range(len(NOTED) - before)]
    assert [one.is_killed for one in noted] == [False, False, True]
    assert summary(noted) == "1 rules, 3 mutants, 1 killed: 33.33 %"


def test_the_table_is_sorted_and_says_for_each_mutant_what_came_of_it() -> None:
    told = "it leaves\nopen a socket"
    judged = [
        Judged("writer", "session.close", "LeavesASocket", "broken", told, is_killed=True),
        Judged("source", "modes.honest", "Lies", "passed", "", is_killed=False),
    ]

    table = lines(judged)

    assert [line.split() for line in table] == [
        ["source", "modes.honest", "Lies", "passed"],
        ["writer", "session.close", "LeavesASocket", "broken", *told.split()],
    ]
