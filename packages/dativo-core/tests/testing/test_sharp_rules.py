from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from installed import address_of, installed
from mutant_table import judge
from reference_api import NO_CUSTOMERS
from reference_cases import ReferenceSuite, suite_of
from reference_source import ReferenceSource
from reference_target import WriterSuite, writer_suite_of
from sharp_mutants import SOURCE_MUTANTS, WRITER_MUTANTS, ShortStreamsFirst, TakesPlainNames

from dativo.testing import Denied, Outcome, SourceCases, run_rule, run_suites

SOURCE_RULES = {rule.name: rule for rule in ReferenceSuite.rules()}
WRITER_RULES = {rule.name: rule for rule in WriterSuite.rules()}
LARGE_ROWS = {"data.batches": 560}


@pytest.fixture(scope="module", autouse=True)
def connectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    mutants = dict.fromkeys(mutant for _, mutant in (*SOURCE_MUTANTS, *WRITER_MUTANTS))
    with installed(
        tmp_path_factory.mktemp("installed"),
        ReferenceSource,
        ShortStreamsFirst,
        TakesPlainNames,
        *mutants,
    ):
        yield


def _named(one: object) -> str:
    return getattr(one, "__name__", str(one))


@pytest.mark.parametrize(("name", "mutant"), SOURCE_MUTANTS, ids=_named)
def test_a_source_is_broken_by_its_rule_which_names_the_cause(
    name: str, mutant: type[ReferenceSource]
) -> None:
    suite = suite_of(mutant, large_rows=LARGE_ROWS.get(name, 0))
    result = run_rule(SOURCE_RULES[name], suite)
    judge(result, mutant.__name__, SOURCE_MUTANTS[name, mutant])


@pytest.mark.parametrize(("name", "mutant"), WRITER_MUTANTS, ids=_named)
def test_a_writer_is_broken_by_its_rule_which_names_the_cause(name: str, mutant: type) -> None:
    result = run_rule(WRITER_RULES[name], writer_suite_of(mutant))
    judge(result, mutant.__name__, WRITER_MUTANTS[name, mutant])


@pytest.mark.parametrize("name", ["cancel.prompt", "data.batches", "modes.range", "data.columns"])
def test_streams_with_few_records_keep_no_rule_from_looking_at_the_others(name: str) -> None:
    result = run_rule(SOURCE_RULES[name], suite_of(ShortStreamsFirst))
    assert result.outcome is Outcome.PASSED, result.problems
    assert "stream orders" in "; ".join(result.looks)


def test_a_writer_may_refuse_names_as_long_as_it_takes_some() -> None:
    result = run_rule(WRITER_RULES["streams.separate"], writer_suite_of(TakesPlainNames))
    assert result.outcome is Outcome.PASSED, result.problems
    assert "refused, INVALID_CONFIG" in "; ".join(result.looks)


class Changed(ReferenceSuite):
    """The suite of the reference source with other situations."""

    def __init__(self, **changes: Any) -> None:
        self.changes = changes

    @contextlib.contextmanager
    def cases(self) -> Iterator[SourceCases]:
        with super().cases() as cases:
            changes = {
                name: change(cases) if callable(change) else change
                for name, change in self.changes.items()
            }
            yield attrs.evolve(cases, **changes)


def test_a_stream_without_privilege_that_nobody_finds_is_a_gap() -> None:
    def nowhere(cases: SourceCases) -> Denied:
        return Denied(config={**cases.good, "token": NO_CUSTOMERS}, stream="nowhere")

    result = run_rule(SOURCE_RULES["discover.denied"], Changed(missing_privilege=nowhere))
    assert "do not find nowhere of cases.missing_privilege" in "; ".join(result.problems)
    assert result.outcome is not Outcome.PASSED


def test_settings_that_are_refused_before_anything_is_asked_end_with_their_error() -> None:
    def errors(cases: SourceCases) -> dict[str, Any]:
        return {**cases.errors, "INVALID_CONFIG": {**cases.good, "port": 0}}

    result = run_rule(SOURCE_RULES["errors.located"], Changed(errors=errors))
    assert result.outcome is Outcome.PASSED, result.problems
    assert "INVALID_CONFIG of errors['INVALID_CONFIG']" in "; ".join(result.looks)


def test_the_rules_about_the_package_need_no_situations() -> None:
    rules = {**SOURCE_RULES, **WRITER_RULES}.values()
    assert {rule.name for rule in rules if not rule.needs_situations} == {
        "config.documented",
        "config.secrets",
        "describe.pure",
        "import.pure",
        "import.quick",
        "manifest.current",
    }


class NoRules(ReferenceSuite):
    """A suite without a rule, of a connector that is installed or not."""

    @classmethod
    def rules(cls) -> tuple[()]:
        return ()


def test_a_report_names_the_distribution_if_there_is_one() -> None:
    class OfNobody(NoRules):
        connector = "kit-of-nobody"

    assert run_suites([NoRules()]).distribution.startswith(f"acme-{address_of(ReferenceSource)} ")
    assert not run_suites([OfNobody()]).distribution
    assert run_suites([OfNobody()]).distribution is not None
