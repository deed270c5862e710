"""The rules of the conformance kit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from _generate.markdown import code, sentence, table
from dativo.testing import RULES, Rule

__all__ = ["CONFORMANCE_BLOCKS"]


def _rules() -> str:
    rows = [(code(rule.name), sentence(rule.title), _roles(rule), _needs(rule)) for rule in RULES]
    return table(("rule", "what must be", "roles", "needs situations"), rows)


def _roles(rule: Rule) -> str:
    return ", ".join(role.value for role in rule.roles)


def _needs(rule: Rule) -> str:
    return "yes" if rule.needs_situations else "no"


CONFORMANCE_BLOCKS: Mapping[str, Callable[[], str]] = {"conformance.rules": _rules}
