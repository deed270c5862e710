from __future__ import annotations

from collections.abc import Iterator

import pytest
from installed import installed
from mutant_table import note
from reference_target import WriterSuite, writer_suite_of
from reference_writer import ReferenceWriter
from writer_mutants import COMMON_MUTANTS

from dativo.testing import Outcome, run_rule

RULES = {rule.name: rule for rule in WriterSuite.rules()}
PAIRS = [(name, mutant) for name, mutants in COMMON_MUTANTS.items() for mutant in mutants]
COMMON = ("manifest", "import", "describe", "config", "check", "errors", "secrets", "hosts")


@pytest.fixture(scope="module", autouse=True)
def connectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    mutants = dict.fromkeys(mutant for _, mutant in PAIRS)
    with installed(tmp_path_factory.mktemp("installed"), ReferenceWriter, *mutants):
        yield


@pytest.mark.parametrize("name", [name for name in RULES if name.partition(".")[0] in COMMON])
def test_the_reference_writer_passes(name: str) -> None:
    result = run_rule(RULES[name], WriterSuite())

    assert result.outcome is Outcome.PASSED, result.problems
    assert result.looks


@pytest.mark.parametrize(("name", "mutant"), PAIRS, ids=lambda one: getattr(one, "__name__", one))
def test_a_mutant_is_broken_by_its_rule(name: str, mutant: type[ReferenceWriter]) -> None:
    result = run_rule(RULES[name], writer_suite_of(mutant))
    note(result, mutant)

    assert result.outcome is Outcome.BROKEN, (result.outcome, result.problems, result.looks)


@pytest.mark.parametrize("name", COMMON_MUTANTS)
def test_each_rule_has_two_mutants_at_least(name: str) -> None:
    assert len(COMMON_MUTANTS[name]) >= 2
