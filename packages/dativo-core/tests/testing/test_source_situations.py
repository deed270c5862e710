from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn

import attrs
import pyarrow as pa
import pytest
from installed import address_of, installed
from reference_cases import ReferenceSuite, suite_of
from reference_source import ReferenceSource
from source_variants import (
    AlwaysEverything,
    AtLeastOnce,
    FullOnly,
    NoRanges,
    Queries,
    ReadOnce,
    TellsTheTime,
)

from dativo.contract import Batch, Role
from dativo.testing import Inapplicable, Outcome, Rule, SourceCases, run_rule
from dativo.testing._bench import Read
from dativo.testing._records import records_of
from dativo.testing._rules import Evidence, NotApplicable, NotVerified, rule

ENDS: dict[type[Exception], Outcome] = {
    NotVerified: Outcome.NOT_VERIFIED,
    NotApplicable: Outcome.NOT_APPLICABLE,
}
RULES: dict[str, Rule] = {rule.name: rule for rule in ReferenceSuite.rules()}


@pytest.fixture(scope="module", autouse=True)
def connectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    kinds = (
        ReferenceSource,
        AtLeastOnce,
        AlwaysEverything,
        ReadOnce,
        FullOnly,
        NoRanges,
        Queries,
        TellsTheTime,
    )
    with installed(tmp_path_factory.mktemp("installed"), *kinds):
        yield


class Changed(ReferenceSuite):
    """The suite of the reference source with other situations."""

    def __init__(self, **changes: Any) -> None:
        self.changes = changes

    @contextlib.contextmanager
    def cases(self) -> Iterator[SourceCases]:
        with super().cases() as cases:
            yield attrs.evolve(cases, **self.changes)


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("data.empty", "empty"),
        ("incremental.sees_changes", "change"),
        ("cancel.prompt", "waiting"),
        ("memory.bounded", "large"),
        ("modes.honest", "conditions"),
        ("discover.complete", "streams"),
    ],
)
def test_a_situation_that_is_not_given_is_not_verified_and_named(name: str, case: str) -> None:
    empty: dict[str, Any] = {"conditions": {}, "streams": ()}
    result = run_rule(RULES[name], Changed(**{case: empty.get(case)}))
    assert result.outcome is Outcome.NOT_VERIFIED
    assert f"cases.{case}" in "; ".join(result.problems)


@pytest.mark.parametrize(
    ("name", "case"),
    [("data.empty", "empty"), ("incremental.sees_changes", "change"), ("memory.bounded", "large")],
)
def test_a_situation_that_cannot_occur_is_not_applicable(name: str, case: str) -> None:
    result = run_rule(RULES[name], Changed(**{case: Inapplicable("there is none here")}))
    assert result.outcome is Outcome.NOT_APPLICABLE
    assert result.problems == ("there is none here",)


def test_a_stream_that_is_not_empty_proves_nothing_about_empty_ones() -> None:
    result = run_rule(RULES["data.empty"], Changed(empty="orders"))
    assert result.outcome is Outcome.NOT_VERIFIED
    assert "orders of cases.empty has 60 records" in result.problems[0]


def test_a_sample_that_cannot_be_read_is_named() -> None:
    result = run_rule(RULES["data.counts"], Changed(sample=("orders", "nowhere")))
    assert result.outcome is Outcome.NOT_VERIFIED
    assert "nowhere of cases.sample" in result.problems[0]


def test_streams_without_a_cursor_to_compare_by_prove_nothing_about_ranges() -> None:
    result = run_rule(RULES["modes.range"], Changed(sample=("refunds",)))
    assert result.outcome is Outcome.NOT_VERIFIED
    assert "no stream has a cursor with two different values" in result.problems[0]


def test_of_a_sample_no_other_stream_is_looked_at() -> None:
    result = run_rule(RULES["data.counts"], Changed(sample=("customers",)))
    assert result.outcome is Outcome.PASSED
    assert all("customers" in look for look in result.looks)


def test_a_change_that_nobody_sees_is_not_verified() -> None:
    result = run_rule(RULES["incremental.sees_changes"], Changed(change=lambda _: None))
    assert result.outcome is Outcome.NOT_VERIFIED
    assert "cases.change changes nothing" in result.problems[0]


@pytest.mark.parametrize("name", ["checkpoint.coverage", "incremental.idempotent"])
def test_records_that_may_come_again_are_counted_and_no_problem(name: str) -> None:
    result = run_rule(RULES[name], suite_of(AtLeastOnce))
    assert result.outcome is Outcome.PASSED, result.problems
    assert "again" in "; ".join(result.looks) or name == "incremental.idempotent"


@pytest.mark.parametrize("name", ["incremental.idempotent"])
def test_a_source_that_always_brings_everything_is_not_verified(name: str) -> None:
    result = run_rule(RULES[name], suite_of(AlwaysEverything))
    assert result.outcome is Outcome.NOT_VERIFIED
    assert "brought all records again" in result.problems[0]


@pytest.mark.parametrize("name", ["checkpoint.coverage", "incremental.idempotent"])
def test_what_can_be_read_once_only_is_not_read_on(name: str) -> None:
    assert run_rule(RULES[name], suite_of(ReadOnce)).outcome is Outcome.NOT_APPLICABLE


def test_checkpoints_that_are_new_each_time_come_to_an_end() -> None:
    result = run_rule(RULES["checkpoint.coverage"], suite_of(TellsTheTime))
    assert result.outcome is Outcome.PASSED, result.problems


@pytest.mark.parametrize("name", ["incremental.final_checkpoint", "modes.range"])
def test_a_source_without_increments_is_not_asked_for_them(name: str) -> None:
    result = run_rule(RULES[name], suite_of(FullOnly))
    assert result.outcome is Outcome.NOT_APPLICABLE


def test_ranges_that_are_not_declared_are_not_asked_for() -> None:
    result = run_rule(RULES["modes.range"], suite_of(NoRanges))
    assert result.outcome is Outcome.NOT_APPLICABLE


def test_queries_need_a_query_to_be_looked_at() -> None:
    result = run_rule(RULES["modes.honest"], suite_of(Queries))
    assert result.outcome is Outcome.NOT_VERIFIED
    assert "cases.query" in "; ".join(result.problems)


def test_values_that_python_does_not_have_are_compared_as_text() -> None:
    days = pa.table({"at": pa.array([3_000_000, 3_000_000, None], pa.int32()).cast(pa.date32())})
    records = records_of([Read(data=days, checkpoint=None, op=Batch(days).op, told=None)])
    assert len(records) == 3
    assert len(records.repeated()) == 2


def test_the_address_of_a_class_is_its_name() -> None:
    assert address_of(AtLeastOnce) == "kit-at-least-once"


class Failing(ReferenceSuite):
    """A suite whose situations do not come up, and whose author knows why a rule cannot look."""

    not_verified: ClassVar = {"check.good": "the sandbox has no good settings"}

    def cases(self) -> NoReturn:
        msg = "the sandbox does not start"
        raise OSError(msg)


def test_situations_that_do_not_come_up_are_broken_whatever_is_acknowledged() -> None:
    result = run_rule(RULES["check.good"], Failing())
    assert result.outcome is Outcome.BROKEN
    assert "cases() of the suite cannot put the situations up" in result.problems[0]
    assert "the sandbox does not start" in result.problems[0]


def test_rules_about_the_package_look_although_no_situations_come_up() -> None:
    result = run_rule(RULES["config.secrets"], Failing())
    assert result.outcome is Outcome.PASSED, result.problems


@pytest.mark.parametrize("reason", ENDS)
def test_what_a_rule_gives_up_is_no_pass_although_it_has_looked(reason: type[Exception]) -> None:
    @rule("kit.gives_up", Role.SOURCE)
    def gives_up(_: object, evidence: Evidence) -> None:
        """Look at one thing and give up the other."""
        evidence.looked("one thing")
        raise reason("the other thing cannot be looked at")

    result = run_rule(gives_up, ReferenceSuite())
    assert result.outcome is ENDS[reason]


@pytest.mark.parametrize("reason", ENDS)
def test_a_problem_counts_although_the_rule_gives_up_later(reason: type[Exception]) -> None:
    @rule("kit.gives_up", Role.SOURCE)
    def gives_up(_: object, evidence: Evidence) -> None:
        """Find a problem and give up the rest."""
        evidence.problem("something is wrong")
        raise reason("the rest cannot be looked at")

    result = run_rule(gives_up, ReferenceSuite())
    assert result.outcome is Outcome.BROKEN
    assert result.problems == ("something is wrong",)
