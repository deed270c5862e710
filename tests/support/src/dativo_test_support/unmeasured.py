"""The environment of programs whose lines nobody counts."""

from __future__ import annotations

import os

__all__ = ["unmeasured"]


def unmeasured() -> dict[str, str]:
    """Return the environment without what makes a Python measure its coverage.

    Measuring doubles the time of a command and more, so it is left to the tests that are the only
    ones to run something.
    """
    return {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE_")}
