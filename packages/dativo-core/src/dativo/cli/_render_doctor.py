"""A diagnosis: each finding with its place, what belongs to it, and its fix."""

from __future__ import annotations

from dativo.cli._render import Page
from dativo.cli._render_words import count_of
from dativo.plugins import Diagnosis, Finding

__all__ = ["show_diagnosis"]


def show_diagnosis(page: Page, name: str, diagnosis: Diagnosis) -> None:
    """Show *diagnosis*; what keeps the plugin from being used comes first."""
    for entry in diagnosis.entries:
        package = f"{entry.distribution or '?'} {entry.version or '?'}"
        page.line((name, "name"), f": {package}, {entry.group}: {entry.value}")
    for finding in diagnosis.findings:
        _show(page, finding, sign="✗", style="bad")
    for hint in diagnosis.hints:
        _show(page, hint, sign="!", style="warn")
    looked = ", ".join(diagnosis.looked)
    if diagnosis.is_well:
        page.line((name, "name"), ": ", ("it is well", "ok"), (f" (looked at {looked})", "dim"))
    else:
        found = count_of(len(diagnosis.findings), "problem")
        page.line((name, "name"), ": ", (found, "bad"), (f" (looked at {looked})", "dim"))


def _show(page: Page, finding: Finding, *, sign: str, style: str) -> None:
    word = page.sign(sign) if page.is_styled else {"✗": "problem", "!": "hint"}[sign]
    page.line((word, style), f"{' ' if page.is_styled else ': '}{finding.problem}")
    if finding.place:
        page.line(("at: ", "dim"), finding.place, indent=2)
    for detail in finding.details:
        page.line((detail, "dim"), indent=4)
    page.line(("fix: ", "fix"), finding.fix, indent=2)
