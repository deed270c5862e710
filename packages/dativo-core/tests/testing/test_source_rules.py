from __future__ import annotations

from collections.abc import Iterator

import pytest
from installed import installed
from mutant_table import judge
from reference_cases import ReferenceSuite, suite_of
from reference_source import ReferenceSource
from source_mutants import MUTANTS

from dativo.testing import Outcome, run_rule

RULES = {rule.name: rule for rule in ReferenceSuite.rules()}
PAIRS = [(name, mutant) for name, mutants in MUTANTS.items() for mutant in mutants]

# Enough for the rules about size; the others need no such stream.
LARGE_ROWS = {"memory.bounded": 560, "data.batches": 560}


@pytest.fixture(scope="module", autouse=True)
def connectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    mutants = dict.fromkeys(mutant for _, mutant in PAIRS)
    with installed(tmp_path_factory.mktemp("installed"), ReferenceSource, *mutants):
        yield


@pytest.mark.parametrize("name", MUTANTS)
def test_the_reference_source_passes(name: str) -> None:
    suite = suite_of(ReferenceSource, large_rows=LARGE_ROWS.get(name, 0))
    result = run_rule(RULES[name], suite)
    assert result.outcome is Outcome.PASSED, result.problems
    assert result.looks


@pytest.mark.parametrize(("name", "mutant"), PAIRS, ids=lambda one: getattr(one, "__name__", one))
def test_a_mutant_is_broken_by_its_rule_which_names_the_cause(
    name: str, mutant: type[ReferenceSource]
) -> None:
    large_rows = LARGE_ROWS.get(name, 0) if name == "memory.bounded" else 0
    result = run_rule(RULES[name], suite_of(mutant, large_rows=large_rows))
    judge(result, mutant.__name__, MUTANTS[name][mutant])
