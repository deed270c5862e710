"""What came of all rules, for people, for machines and for build servers."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import attrs

from dativo.contract import Role
from dativo.testing._rules import Outcome

__all__ = ["Report", "RuleResult", "Verdict"]


class Verdict(StrEnum):
    """What a report says as a whole."""

    PASSED = "passed"
    """Every rule that applies passed, or its gap is acknowledged."""
    INCOMPLETE = "incomplete"
    """No rule is broken, but some could not be looked at, or none was."""
    BROKEN = "broken"


@attrs.frozen(kw_only=True)
class RuleResult:
    """What came of one rule.

    Attributes:
        rule: Its name.
        title: What must be.
        role: The role in which the connector was looked at.
        outcome: What came of it.
        looks: What was looked at.
        problems: What is wrong, or why nothing could be said; one sentence each.
        acknowledged: Why its vendor knows that the rule cannot be verified; empty if not.
        seconds: How long it took.
    """

    rule: str
    title: str
    role: Role
    outcome: Outcome
    looks: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    acknowledged: str = ""
    seconds: float = 0.0

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> RuleResult:
        """Make a result of the JSON values that ``attrs.asdict`` gave."""
        texts = {name: tuple(document[name]) for name in ("looks", "problems")}
        role, outcome = Role(document["role"]), Outcome(document["outcome"])
        return cls(**{**document, **texts, "role": role, "outcome": outcome})

    @property
    def is_open(self) -> bool:
        """Whether it keeps the report from being a pass without being broken."""
        return self.outcome is Outcome.NOT_VERIFIED and not self.acknowledged


@attrs.frozen(kw_only=True)
class Report:
    """What came of all rules for one connector in one role or more.

    Attributes:
        connector: Its address.
        distribution: What it comes from, with its version; empty if it could not be found out.
        contract: The contract version of the core that has looked.
        results: One per rule and role.
    """

    connector: str
    distribution: str
    contract: str
    results: tuple[RuleResult, ...]

    @property
    def verdict(self) -> Verdict:
        """The sum: nothing looked at is no pass."""
        outcomes = [result.outcome for result in self.results]
        if Outcome.BROKEN in outcomes:
            return Verdict.BROKEN
        if Outcome.PASSED not in outcomes or any(result.is_open for result in self.results):
            return Verdict.INCOMPLETE
        return Verdict.PASSED

    def count(self, outcome: Outcome) -> int:
        """Return how many rules have this outcome."""
        return sum(result.outcome is outcome for result in self.results)

    def to_document(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "connector": self.connector,
            "distribution": self.distribution,
            "contract": self.contract,
            "verdict": self.verdict.value,
            "counts": {outcome.value: self.count(outcome) for outcome in Outcome},
            "results": [attrs.asdict(result) for result in self.results],
        }

    def to_junit(self) -> str:
        """Return the report as JUnit XML: a rule is a test, what is not verified is skipped."""
        suite = ET.Element(
            "testsuite",
            name=f"dativo conformance of {self.connector}",
            tests=str(len(self.results)),
            failures=str(self.count(Outcome.BROKEN)),
            skipped=str(self.count(Outcome.NOT_VERIFIED) + self.count(Outcome.NOT_APPLICABLE)),
            time=f"{sum(result.seconds for result in self.results):.3f}",
        )
        for result in self.results:
            _add_case(suite, result)
        root = ET.Element("testsuites")
        root.append(suite)
        ET.indent(root)
        return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_case(suite: ET.Element, result: RuleResult) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"dativo.{result.role.value}",
        name=result.rule,
        time=f"{result.seconds:.3f}",
    )
    message = _printable("; ".join(result.problems))
    if result.outcome is Outcome.BROKEN:
        failure = ET.SubElement(case, "failure", message=result.title)
        failure.text = _printable("\n".join(result.problems))
    elif result.outcome is not Outcome.PASSED:
        reason = f"{result.outcome.value}: {message}"
        ET.SubElement(case, "skipped", message=reason)


def _printable(text: str) -> str:
    """Take out what no XML document may hold."""
    return "".join(one for one in text if one in "\t\n" or one.isprintable())
