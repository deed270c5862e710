"""The report of a check: one line for each thing that was tried."""

from __future__ import annotations

from dativo.cli._render import Page
from dativo.cli._render_words import count_of, duration
from dativo.contract import CheckItem, Verdict
from dativo.engine import CheckReport, ConnectorCheck

__all__ = ["show_check"]

_SIGNS = {
    Verdict.OK: ("✓", "ok"),
    Verdict.FAILED: ("✗", "bad"),
    Verdict.PARTIAL: ("!", "warn"),
    Verdict.SKIPPED: ("-", "dim"),
    Verdict.NOT_IMPLEMENTED: ("?", "warn"),
}


def show_check(page: Page, report: CheckReport) -> None:
    """Show *report* with the fix below each failure, and the sum of it."""
    for check in report.checks:
        if page.is_styled:
            _show_side(page, check)
        else:
            _write_side(page, report.job, check)
    items = [item for check in report.checks for item in check.result.items]
    passed = sum(item.verdict is Verdict.OK for item in items)
    skipped = sum(item.verdict is Verdict.SKIPPED for item in items)
    failed = len(items) - passed - skipped
    seconds = sum(check.seconds for check in report.checks)
    if report.ok:
        verdict = (f"{count_of(passed, 'check')} passed", "ok")
    else:
        verdict = (f"{failed} of {count_of(len(items), 'check')} did not pass", "bad")
    rest = f", {skipped} skipped" if skipped else ""
    page.line((report.job, "name"), ": ", verdict, (f"{rest} in {duration(seconds)}", "dim"))


def _show_side(page: Page, check: ConnectorCheck) -> None:
    page.line((f"{check.role} {check.connector}", "name"), (f"  {duration(check.seconds)}", "dim"))
    widest = max((len(item.scope) for item in check.result.items), default=0)
    for item in check.result.items:
        sign, style = _SIGNS[item.verdict]
        scope = item.scope.ljust(min(widest, 32))
        page.line((page.sign(sign), style), f" {scope}  ", (_message(item), _tone(item)), indent=2)
        if item.fix:
            page.line(("fix: ", "fix"), item.fix, indent=4)


def _write_side(page: Page, job: str, check: ConnectorCheck) -> None:
    place = f"{job}  {check.role} {check.connector}"
    for item in check.result.items:
        word = page.sign(_SIGNS[item.verdict][0])
        message = _message(item)
        page.line(f"{word}  {place}  {item.scope}", f"  {message}" if message else "")
        if item.fix:
            page.line(f"fix  {place}  {item.scope}  {item.fix}")


def _message(item: CheckItem) -> str:
    return item.message if item.error is None else f"{item.message} [{item.error.code}]"


def _tone(item: CheckItem) -> str:
    return "dim" if item.verdict in (Verdict.OK, Verdict.SKIPPED) else ""
