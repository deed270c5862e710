from __future__ import annotations

import contextlib
from collections.abc import Iterator

import attrs
import pytest
from import_mutants import IMPORT_MUTANTS, wheel_of
from installed import address_of, installed
from mutant_table import judge
from reference_cases import ReferenceSuite, suite_of
from reference_source import ReferenceSource
from source_mutants import COMMON_MUTANTS as MUTANTS
from source_package_mutants import MANIFESTS
from source_reach_mutants import LoadsNative

from dativo.plugins import build_manifest
from dativo.testing import Outcome, RuleResult, SourceCases, run_rule
from dativo_test_support.wheels import install

RULES = {rule.name: rule for rule in ReferenceSuite.rules()}
PAIRS = [(name, mutant) for name, mutants in MUTANTS.items() for mutant in mutants]
IMPORTS = [(rule, name) for rule, mutants in IMPORT_MUTANTS.items() for name in mutants]


@pytest.fixture(scope="module", autouse=True)
def connectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("installed")
    mutants = dict.fromkeys(mutant for _, mutant in PAIRS)
    with installed(folder, ReferenceSource):
        true = build_manifest(address_of(ReferenceSource))
    manifests: dict[type, str | None] = {
        mutant: None
        if other is None
        else attrs.evolve(true, name=address_of(mutant), title="Before").to_json()
        for mutant, other in MANIFESTS.items()
    }
    install(
        folder,
        *(wheel_of(name, IMPORT_MUTANTS[rule][name], ReferenceSource) for rule, name in IMPORTS),
    )
    with installed(folder, ReferenceSource, LoadsNative, *mutants, manifests=manifests):
        yield


def _impatient(suite: ReferenceSuite) -> ReferenceSuite:
    """Give a check a second, so that waiting for one that hangs is short."""

    class Impatient(type(suite)):  # type: ignore[misc] # a class that is made at run time
        @contextlib.contextmanager
        def cases(self) -> Iterator[SourceCases]:
            with super().cases() as cases:
                yield attrs.evolve(cases, check_seconds=1.0)

    return Impatient()


def _result(name: str, connector: type) -> RuleResult:
    return run_rule(RULES[name], _impatient(suite_of(connector)))


@pytest.mark.parametrize("name", [*MUTANTS, *IMPORT_MUTANTS])
def test_the_reference_source_passes(name: str) -> None:
    result = _result(name, ReferenceSource)

    assert result.outcome is Outcome.PASSED, result.problems
    assert result.looks


@pytest.mark.parametrize(("name", "mutant"), PAIRS, ids=lambda one: getattr(one, "__name__", one))
def test_a_mutant_is_broken_by_its_rule_which_names_the_cause(
    name: str, mutant: type[ReferenceSource]
) -> None:
    judge(_result(name, mutant), mutant.__name__, MUTANTS[name][mutant])


@pytest.mark.parametrize(("rule", "name"), IMPORTS)
def test_what_an_import_does_is_broken_by_its_rule_which_names_it(rule: str, name: str) -> None:
    mutant = type(name, (ReferenceSuite,), {"connector": name})

    result = run_rule(RULES[rule], mutant())

    judge(result, name, IMPORT_MUTANTS[rule][name].cause)


def test_native_code_that_may_reach_out_is_not_verified() -> None:
    result = _result("hosts.declared", LoadsNative)

    assert result.outcome is Outcome.NOT_VERIFIED
    assert "native code" in result.problems[0]
    assert "polars" in result.problems[0]
    assert "None" not in result.problems[0]
