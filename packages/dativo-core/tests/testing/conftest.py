"""Lets the tests import the modules of this folder, which is no package; prints the mutants."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    from mutant_table import LINES

    if LINES:
        terminalreporter.section("rule x mutant")
        for line in sorted(LINES):
            terminalreporter.write_line(line)
