"""Lets the tests import the modules of this folder, which is no package; prints the mutants."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What a mutant leaves open is found by its rule. The interpreter may tell it at any moment.
    leaks = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    for item in items:
        if item.path.parent == Path(__file__).parent and item.path.name.endswith("_rules.py"):
            item.add_marker(leaks)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    from mutant_table import NOTED, lines, summary

    if NOTED:
        terminalreporter.section("rule x mutant")
        for line in (*lines(NOTED), summary(NOTED)):
            terminalreporter.write_line(line)
