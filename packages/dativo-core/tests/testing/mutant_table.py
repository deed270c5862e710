"""Notes what the rules say of their mutants; ``conftest.py`` prints it when the tests are over."""

from __future__ import annotations

from dativo.testing import RuleResult

__all__ = ["LINES", "note"]

LINES: list[str] = []

_WIDTH = 110


def note(result: RuleResult, mutant: type) -> None:
    """Keep a line of the table for the end of the session."""
    told = " ".join("; ".join(result.problems).split())
    short = told if len(told) <= _WIDTH else f"{told[:_WIDTH]} ..."
    outcome = result.outcome.value
    LINES.append(f"{result.role:<7}{result.rule:<27}{mutant.__name__:<29}{outcome:<13}{short}")
