"""Problems of a job file: collected, sorted by place and raised all at once."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from dativo.errors import InvalidConfigError, Problem

if TYPE_CHECKING:
    from dativo.config._node import Node

__all__ = ["ProblemList", "nearest"]

_MANY_KEYS = 16


@attrs.define
class ProblemList:
    """Collects problems while a job file is read."""

    _problems: list[Problem] = attrs.field(factory=list, init=False)

    def add(self, node: Node, message: str, *, path: str | None = None, hint: str = "") -> None:
        """Report a problem at the place of *node*."""
        self.append(
            Problem(
                message,
                path=node.path if path is None else path,
                file=node.origin.shown,
                line=node.line,
                column=node.column,
                hint=hint,
            )
        )

    def append(self, problem: Problem) -> None:
        """Report *problem*."""
        self._problems.append(problem)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Report all *problems*."""
        self._problems.extend(problems)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems so far, each once, by file, line and column."""
        return tuple(sorted(dict.fromkeys(self._problems), key=_place))

    def raise_if_any(self) -> None:
        """Raise all problems as one error.

        Raises:
            InvalidConfigError: There is at least one problem.
        """
        problems = self.problems
        if problems:
            raise InvalidConfigError("\n".join(map(str, problems)), problems=problems)

    def __len__(self) -> int:
        return len(self._problems)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the known word that is most like *word*."""
    words = sorted(known)
    folded = {other.casefold().replace("-", "_"): other for other in words}
    near = difflib.get_close_matches(word[:100].casefold().replace("-", "_"), folded, n=1)
    if near:
        return f"did you mean {folded[near[0]]!r}?"
    if words and len(words) <= _MANY_KEYS:
        return "known: " + ", ".join(words)
    return ""


def _place(problem: Problem) -> tuple[str, float, float, str]:
    line = math.inf if problem.line is None else problem.line
    column = math.inf if problem.column is None else problem.column
    return problem.file, line, column, problem.path
