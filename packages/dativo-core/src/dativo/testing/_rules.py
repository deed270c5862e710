"""What a rule of the conformance kit is, and what comes of one."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias, TypeVar

import attrs

from dativo.contract import Role

__all__ = ["Evidence", "NotApplicable", "NotVerified", "Outcome", "Rule", "rule"]

Subject = TypeVar("Subject")


class Outcome(StrEnum):
    """What came of one rule; only ``passed`` is a pass."""

    PASSED = "passed"
    BROKEN = "broken"
    NOT_VERIFIED = "not_verified"
    """It applies, but here it could not be looked at; the reason says why."""
    NOT_APPLICABLE = "not_applicable"
    """The connector says that it does not do what the rule is about."""


class NotVerified(Exception):  # noqa: N818 - an outcome, not an error
    """Raised by a rule that applies but cannot be looked at here; the text says why."""


class NotApplicable(Exception):  # noqa: N818 - an outcome, not an error
    """Raised by a rule about what the connector declares not to do; the text says what."""


@attrs.define
class Evidence:
    """What a rule has looked at and what it found wrong.

    A rule that has looked at nothing has not passed, whatever it did not find.

    Attributes:
        looks: What was looked at, for the report.
        problems: What breaks the rule; each a sentence with the place and the values.
        gaps: What should have been looked at and could not be; without it the rule has not passed.
    """

    looks: list[str] = attrs.field(factory=list)
    problems: list[str] = attrs.field(factory=list)
    gaps: list[str] = attrs.field(factory=list)

    def looked(self, what: str) -> None:
        """Note that *what* was looked at."""
        self.looks.append(what)

    def problem(self, text: str) -> None:
        """Note what breaks the rule."""
        self.problems.append(text)

    def gap(self, text: str) -> None:
        """Note what could not be looked at."""
        self.gaps.append(text)


Check: TypeAlias = Callable[[Subject, Evidence], None]


@attrs.frozen
class Rule:
    """One thing that the contract promises to the users of every connector.

    Attributes:
        name: ``area.what``, such as ``check.bad_credentials``; stable.
        title: What must be, in one sentence.
        roles: The roles that it applies to.
        check: Looks at the subject of one of the roles and notes what it finds; it may raise
            :class:`NotVerified` or :class:`NotApplicable`. Any other exception breaks the rule.
        seconds: How long it may take.
        needs_situations: Whether it looks at situations; the others need nothing but the package.
    """

    name: str
    title: str
    roles: tuple[Role, ...]
    check: Callable[..., None] = attrs.field(eq=False, repr=False)
    seconds: float = 120.0
    needs_situations: bool = True


def rule(
    name: str, *roles: Role, seconds: float = 120.0, needs_situations: bool = True
) -> Callable[[Callable[..., None]], Rule]:
    """Make a rule of a function; the first line of its docstring is the title."""

    def make(check: Callable[..., None]) -> Rule:
        title = (check.__doc__ or "").strip().partition("\n")[0].removesuffix(".")
        return Rule(name, title, roles, check, seconds, needs_situations)

    return make
