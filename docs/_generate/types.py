"""How types of PostgreSQL travel, from the table that the connector itself reads with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from _generate.markdown import code, table
from dativo_connector_postgres._types import RULES, Rule

__all__ = ["TYPE_BLOCKS"]

_KINDS = ("arrays", "everything else")


def _types() -> str:
    rows = ((_names(rule), rule.arrow, rule.parquet, rule.notes) for rule in RULES)
    return table(("PostgreSQL", "Arrow", "Parquet", "notes"), rows)


def _special() -> str:
    rows = ((_names(rule), rule.special) for rule in RULES if rule.special)
    return table(("PostgreSQL", "cannot be represented"), rows)


def _cursors() -> str:
    return ", ".join(_names(rule) for rule in _by_rank())


def _by_rank() -> Iterator[Rule]:
    ranked = [rule for rule in RULES if rule.cursor is not None]
    return iter(sorted(ranked, key=lambda rule: rule.cursor or 0))


def _names(rule: Rule) -> str:
    is_kind = rule.kinds or rule.types[0] in _KINDS
    return ", ".join(name if is_kind else code(name) for name in rule.types)


TYPE_BLOCKS: Mapping[str, Callable[[], str]] = {
    "types": _types,
    "types.special": _special,
    "types.cursors": _cursors,
}
