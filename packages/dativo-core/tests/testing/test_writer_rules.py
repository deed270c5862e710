from __future__ import annotations

import contextlib
from collections.abc import Iterator

import attrs
import pytest
from installed import installed
from mutant_table import judge
from reference_target import WriterSuite, writer_suite_of
from reference_writer import ReferenceWriter
from writer_mutants import MUTANTS
from writer_variants import AppendingWriter, WithoutReadBack

from dativo.testing import Outcome, WriterCases, run_rule

RULES = {rule.name: rule for rule in WriterSuite.rules()}
UNDECLARED = {"modes.deletes", "empty.replace"}
BLIND = {"commit.record", "counts.true", "session.close", "memory.bounded_writing"}
"""Rules that need not see what is published."""
PAIRS = [(name, mutant) for name, mutants in MUTANTS.items() for mutant in mutants]


@pytest.fixture(scope="module", autouse=True)
def connectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    mutants = dict.fromkeys(mutant for _, mutant in PAIRS)
    others = (ReferenceWriter, AppendingWriter, WithoutReadBack)
    with installed(tmp_path_factory.mktemp("installed"), *others, *mutants):
        yield


@pytest.mark.parametrize("name", MUTANTS)
def test_the_reference_writer_passes(name: str) -> None:
    result = run_rule(RULES[name], WriterSuite())
    assert result.outcome is Outcome.PASSED, result.problems
    assert result.looks


@pytest.mark.parametrize(("name", "mutant"), PAIRS, ids=lambda one: getattr(one, "__name__", one))
def test_a_mutant_is_broken_by_its_rule_which_names_the_cause(
    name: str, mutant: type[ReferenceWriter]
) -> None:
    result = run_rule(RULES[name], writer_suite_of(mutant))
    judge(result, mutant.__name__, MUTANTS[name][mutant])


@pytest.mark.parametrize("name", sorted({*MUTANTS} - BLIND - {"commit.after_kill"}))
def test_what_cannot_be_read_back_is_never_a_pass(name: str) -> None:
    result = run_rule(RULES[name], writer_suite_of(WithoutReadBack))
    expected = Outcome.NOT_APPLICABLE if name in UNDECLARED else Outcome.NOT_VERIFIED
    assert result.outcome is expected, (result.problems, result.looks)
    assert expected is Outcome.NOT_APPLICABLE or "implement read_back" in result.problems[0]


@pytest.mark.parametrize("name", sorted(UNDECLARED))
def test_what_a_writer_does_not_declare_is_not_applicable(name: str) -> None:
    result = run_rule(RULES[name], writer_suite_of(AppendingWriter))
    assert result.outcome is Outcome.NOT_APPLICABLE
    assert result.problems[0].startswith("the writer does not declare")


@pytest.mark.parametrize("name", ["modes.replace", "modes.merge"])
def test_a_mode_that_is_not_declared_must_be_refused(name: str) -> None:
    result = run_rule(RULES[name], writer_suite_of(AppendingWriter))
    assert result.outcome is Outcome.PASSED
    assert "not declared; a commit ends with CAPABILITY_MISSING" in result.looks[0]


def test_staged_leftovers_that_nobody_names_are_not_verified() -> None:
    class Unnamed(WriterSuite):
        @contextlib.contextmanager
        def cases(self) -> Iterator[WriterCases]:
            with super().cases() as cases:
                yield attrs.evolve(cases, staged=None)

    result = run_rule(RULES["abort.clean"], Unnamed())
    assert result.outcome is Outcome.NOT_VERIFIED
    assert "give `staged` in the cases" in result.problems[0]
