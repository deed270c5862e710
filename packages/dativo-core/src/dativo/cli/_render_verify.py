"""The report of the conformance kit: its rules by area, what is wrong below each, and the sum."""

from __future__ import annotations

from itertools import groupby

from dativo.cli._render import Page
from dativo.cli._render_words import count_of, duration
from dativo.testing import Outcome, Report, RuleResult, Verdict

__all__ = ["show_report", "show_result"]

_SIGNS = {
    Outcome.PASSED: ("✓", "ok"),
    Outcome.BROKEN: ("✗", "bad"),
    Outcome.NOT_VERIFIED: ("?", "warn"),
    Outcome.NOT_APPLICABLE: ("-", "dim"),
}
_WORDS = {
    Outcome.PASSED: "passed",
    Outcome.BROKEN: "BROKEN",
    Outcome.NOT_VERIFIED: "not verified",
    Outcome.NOT_APPLICABLE: "not applicable",
}
_SUMS = {Verdict.PASSED: "ok", Verdict.INCOMPLETE: "warn", Verdict.BROKEN: "bad"}


def show_report(page: Page, report: Report) -> None:
    """Show *report* by role and area."""
    page.line((report.connector, "name"), f": {report.distribution}, contract {report.contract}")
    groups = groupby(report.results, lambda one: (one.role.value, one.rule.partition(".")[0]))
    for (role, area), results in groups:
        if page.is_styled:
            page.line()
            page.line((f"{area} ", "name"), (f"as {role}", "dim"))
        for result in results:
            show_result(page, result)
    counts = ", ".join(
        f"{report.count(outcome)} {_WORDS[outcome].lower()}"
        for outcome in Outcome
        if report.count(outcome)
    )
    if page.is_styled:
        page.line()
    seconds = sum(result.seconds for result in report.results)
    page.line(
        (report.connector, "name"),
        ": ",
        (report.verdict.value, _SUMS[report.verdict]),
        f", {count_of(len(report.results), 'rule')}: {counts or 'none'}",
        (f" in {duration(seconds)}", "dim"),
    )


def show_result(page: Page, result: RuleResult) -> None:
    """Show one rule, and below it what is wrong or why nothing can be said."""
    sign, style = _SIGNS[result.outcome]
    title = result.title.replace("``", "")  # marks of the docs
    if page.is_styled:
        word, indent = page.sign(sign) if sign != "?" else "?", 2
        page.line((word, style), f" {result.rule}  ", (title, "dim"), indent=indent)
    else:
        indent = 0
        place = f"{result.role.value} {result.rule}"
        page.line(f"{_WORDS[result.outcome]}  {place}  {title}")
    if result.outcome is not Outcome.PASSED:
        for problem in result.problems:
            for line in problem.splitlines():
                page.line(line, indent=indent + 4)
    if result.acknowledged and result.outcome is Outcome.NOT_VERIFIED:
        page.line(("acknowledged: ", "dim"), result.acknowledged, indent=indent + 4)
