"""All rules, in the order in which they are run and reported."""

from __future__ import annotations

from dativo.testing import _about_check, _about_package
from dativo.testing._rules import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (
    *_about_package.RULES,
    *_about_check.RULES,
)
