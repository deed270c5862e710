"""Errors as people read them: what, where, and what to do about it."""

from __future__ import annotations

from dativo.cli._render import Page
from dativo.errors import DativoError, InvalidConfigError

__all__ = ["show_error"]


def show_error(page: Page, error: DativoError, *, job: str = "") -> None:
    """Show *error*, where it happened and its fix."""
    problems = error.problems if isinstance(error, InvalidConfigError) else ()
    message = _summary(len(problems)) if problems else error.message
    page.line((f"error[{error.code}]", "bad"), f": {message}")
    for problem in problems:
        page.line(str(problem), indent=2)
    places = {
        "job": job,
        "connector": error.connector,
        "stream": error.stream,
        "phase": error.phase,
    }
    where = ", ".join(f"{name} {place}" for name, place in places.items() if place)
    if where and not problems:
        page.line(("where: ", "dim"), where, indent=2)
    if error.retry_after is not None:
        page.line(("retry after: ", "dim"), f"{error.retry_after:g} s", indent=2)
    if error.fix:
        page.line(("fix: ", "fix"), error.fix, indent=2)


def _summary(problems: int) -> str:
    return "1 problem in the job file" if problems == 1 else f"{problems} problems in the job file"
