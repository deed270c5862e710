"""Judges what the rules say of their mutants; ``conftest.py`` prints it when the tests are over."""

from __future__ import annotations

import attrs

from dativo.testing import Outcome, RuleResult

__all__ = ["NOTED", "Judged", "judge", "lines", "summary"]

_WIDTH = 110


@attrs.frozen(order=True)
class Judged:
    """One mutant, looked at by one rule.

    Attributes:
        role: The role in which it was looked at.
        rule: The rule.
        mutant: What the mutant is called.
        outcome: What came of it.
        told: The problem that names the cause; without such a one all problems.
        is_killed: Whether the rule is broken, and says why.
    """

    role: str
    rule: str
    mutant: str
    outcome: str
    told: str
    is_killed: bool


NOTED: list[Judged] = []


def judge(result: RuleResult, mutant: str, cause: str) -> None:
    """Note a line of the table; a rule that is not broken, or not for its *cause*, is an error."""
    naming = [problem for problem in result.problems if cause in problem]
    told = naming[0] if naming else "; ".join(result.problems)
    is_killed = result.outcome is Outcome.BROKEN and bool(naming)
    outcome = result.outcome.value
    NOTED.append(Judged(result.role, result.rule, mutant, outcome, told, is_killed))
    assert result.outcome is Outcome.BROKEN, (result.outcome, result.problems, result.looks)
    assert naming, f"no problem says {cause!r}: {result.problems}"


def lines(judged: list[Judged]) -> list[str]:
    """Return the table, sorted, one line per mutant."""
    return [
        f"{one.role:<7}{one.rule:<30}{one.mutant:<31}{one.outcome:<13}{_short(one.told)}"
        for one in sorted(judged)
    ]


def summary(judged: list[Judged]) -> str:
    """Count rules and mutants, and say how many of these were killed for their cause."""
    rules = len({one.rule for one in judged})
    killed = sum(one.is_killed for one in judged)
    score = 100 * killed / len(judged)
    return f"{rules} rules, {len(judged)} mutants, {killed} killed: {score:.4g} %"


def _short(text: str) -> str:
    told = " ".join(text.split())
    return told if len(told) <= _WIDTH else f"{told[:_WIDTH]} ..."
