"""How much a test tries: a sample in the default run, all of it with `nox -s long`."""

from __future__ import annotations

import os
from typing import TypeVar

__all__ = ["figure"]

T = TypeVar("T")


def figure(sample: T, full: T) -> T:
    """Return *sample*, or *full* where all is asked for."""
    return full if os.environ.get("DATIVO_TEST_FIGURES") == "full" else sample
