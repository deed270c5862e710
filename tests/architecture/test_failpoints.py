"""Fail points have literal names of their own, so that tests find them by reading the source."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PACKAGES = Path(__file__).parents[2] / "packages"


def calls() -> Iterator[tuple[Path, ast.Call]]:
    """Yield every call of ``failpoint`` in the sources of all packages."""
    for file in sorted(PACKAGES.glob("*/src/**/*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and _name(node.func) == "failpoint":
                yield file, node


def _name(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))


def names() -> list[str]:
    return [
        call.args[0].value
        for _, call in calls()
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    ]


def test_names_are_literal() -> None:
    assert len(names()) == len(list(calls()))


def test_names_are_unique() -> None:
    assert [name for name, count in Counter(names()).items() if count > 1] == []


def test_names_begin_with_their_part() -> None:
    parts = {"engine", "state", "parquet", "postgres", "stripe"}

    assert {name.split(".")[0] for name in names()} <= parts
