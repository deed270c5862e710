from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from import_mutants import IMPORT_MUTANTS, OF_A_WRITER, wheel_of
from installed import address_of, installed
from mutant_table import judge
from reference_target import WriterSuite, writer_suite_of
from reference_writer import ReferenceWriter
from writer_mutants import COMMON_MUTANTS
from writer_package_mutants import MANIFESTS

from dativo.plugins import find_connector
from dativo.testing import Outcome, run_rule
from dativo.testing._rules import Evidence
from dativo_test_support.wheels import install

RULES = {rule.name: rule for rule in WriterSuite.rules()}
PAIRS = [(name, mutant) for name, mutants in COMMON_MUTANTS.items() for mutant in mutants]
ROLELESS = ("manifest.current", "import.quick", "import.pure", "describe.pure")
"""Their mutants count for both roles: the rules see nothing of the role that is looked at."""
COMMON = ("manifest", "import", "describe", "config", "check", "errors", "secrets", "hosts")


@pytest.fixture(scope="module", autouse=True)
def connectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    mutants = dict.fromkeys(mutant for _, mutant in PAIRS)
    folder = tmp_path_factory.mktemp("installed")
    harms = [(name, IMPORT_MUTANTS[rule][name]) for rule, name in OF_A_WRITER]
    install(folder, *(wheel_of(name, harm, ReferenceWriter) for name, harm in harms))
    with installed(folder, ReferenceWriter, *mutants, manifests=MANIFESTS):
        yield


@pytest.mark.parametrize("name", [name for name in RULES if name.partition(".")[0] in COMMON])
def test_the_reference_writer_passes(name: str) -> None:
    result = run_rule(RULES[name], WriterSuite())

    assert result.outcome is Outcome.PASSED, result.problems
    assert result.looks


@pytest.mark.parametrize(("name", "mutant"), PAIRS, ids=lambda one: getattr(one, "__name__", one))
def test_a_mutant_is_broken_by_its_rule_which_names_the_cause(
    name: str, mutant: type[ReferenceWriter]
) -> None:
    result = run_rule(RULES[name], writer_suite_of(mutant))
    judge(result, mutant.__name__, COMMON_MUTANTS[name][mutant])


@pytest.mark.parametrize(("rule", "name"), OF_A_WRITER)
def test_what_an_import_does_is_broken_by_its_rule_which_names_it(rule: str, name: str) -> None:
    mutant = type(name, (WriterSuite,), {"connector": name})

    result = run_rule(RULES[rule], mutant())

    judge(result, name, IMPORT_MUTANTS[rule][name].cause)


@pytest.mark.parametrize("name", ROLELESS)
def test_a_rule_about_the_installed_package_knows_no_role(name: str) -> None:
    address = address_of(ReferenceWriter)
    package = SimpleNamespace(connector=address, entry=find_connector(address))
    evidence = Evidence()

    RULES[name].check(package, evidence)

    assert evidence.looks
    assert evidence.problems == []
