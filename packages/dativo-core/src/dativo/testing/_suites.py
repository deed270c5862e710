"""What a vendor subclasses: one class per role, with the situations to look at."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from dativo.contract import Role
from dativo.testing._cases import NotGiven, SourceCases, WriterCases
from dativo.testing._catalog import RULES
from dativo.testing._rules import Outcome, Rule
from dativo.testing._runner import run_rule
from dativo.testing._subject import SourceSubject, Subject, WriterSubject

if TYPE_CHECKING:
    import pytest

__all__ = ["Conformance", "SourceConformance", "WriterConformance"]

T = TypeVar("T")

_NOT_GIVEN = NotGiven("nobody gives situations")
_NOTHING: Mapping[str, Any] = {
    "good": {},
    "bad_credentials": _NOT_GIVEN,
    "unreachable": _NOT_GIVEN,
    "missing_privilege": _NOT_GIVEN,
}


class Conformance:
    """The rules of one role for one connector; pytest runs each as a test of its own.

    Attributes:
        connector: Its address.
        not_verified: Why rules cannot be verified for this connector, by their names. It holds only
            where a rule finds nothing wrong and cannot look, never for one that is broken.
        has_situations: Whether there are any; without them only rules about the package can look.
    """

    connector: ClassVar[str]
    role: ClassVar[Role]
    not_verified: ClassVar[Mapping[str, str]] = {}
    has_situations: ClassVar[bool] = True

    @classmethod
    def rules(cls) -> tuple[Rule, ...]:
        """Return the rules of the role.

        Raises:
            ValueError: ``not_verified`` names a rule that there is not.
        """
        rules = tuple(rule for rule in RULES if cls.role in rule.roles)
        unknown = sorted(set(cls.not_verified) - {rule.name for rule in rules})
        if unknown:
            msg = f"not_verified names unknown rules: {', '.join(unknown)}"
            raise ValueError(msg)
        return rules

    def subject(self, folder: Path) -> AbstractContextManager[Subject]:
        """Put the situations up for one rule, which has *folder* to itself."""
        raise NotImplementedError

    def package(self, folder: Path) -> Subject:
        """Return the connector without situations, for a rule about the package alone."""
        raise NotImplementedError

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """Make one test per rule."""
        if "rule" in metafunc.fixturenames:
            rules = cls.rules()
            metafunc.parametrize("rule", rules, ids=[rule.name for rule in rules])

    def test_rule(self, rule: Rule) -> None:
        """Look at the connector by one rule."""
        import pytest  # noqa: PLC0415 - the kit also runs without it

        result = run_rule(rule, self)
        told = "\n".join(result.problems)
        if result.outcome is Outcome.BROKEN:
            pytest.fail(f"{rule.title}: broken\n{told}", pytrace=False)
        if result.is_open:
            why = f"If that cannot be helped, say why in not_verified[{rule.name!r}]."
            pytest.fail(f"{rule.title}: not verified: {told}\n{why}", pytrace=False)
        if result.outcome is not Outcome.PASSED:
            pytest.skip(f"{result.outcome.value}: {result.acknowledged or told}")


class SourceConformance(Conformance):
    """The rules for a source; a subclass sets ``connector`` and writes ``cases``."""

    role = Role.SOURCE

    def cases(self) -> Iterator[SourceCases] | AbstractContextManager[SourceCases]:
        """Put up the system, yield the situations once, and take it down; anew for each rule.

        What is slow to start is started once by whoever writes this, such as by a module.
        """
        raise NotImplementedError

    @contextlib.contextmanager
    def subject(self, folder: Path) -> Iterator[Subject]:
        """Put the situations up for one rule."""
        with _put_up(self.cases()) as cases:
            yield SourceSubject(
                connector=self.connector, role=self.role, cases=cases, folder=folder
            )

    def package(self, folder: Path) -> Subject:
        """Return the connector without situations, for a rule about the package alone."""
        cases = SourceCases(**_NOTHING, streams=())
        return SourceSubject(connector=self.connector, role=self.role, cases=cases, folder=folder)


class WriterConformance(Conformance):
    """The rules for a writer; a subclass sets ``connector`` and writes ``cases``."""

    role = Role.WRITER

    def cases(self) -> Iterator[WriterCases] | AbstractContextManager[WriterCases]:
        """Put up an empty target and yield the situations once; anew for each rule."""
        raise NotImplementedError

    @contextlib.contextmanager
    def subject(self, folder: Path) -> Iterator[Subject]:
        """Put the situations up for one rule."""
        with _put_up(self.cases()) as cases:
            yield WriterSubject(
                connector=self.connector, role=self.role, cases=cases, folder=folder
            )

    def package(self, folder: Path) -> Subject:
        """Return the connector without situations, for a rule about the package alone."""
        cases = WriterCases(**_NOTHING)
        return WriterSubject(connector=self.connector, role=self.role, cases=cases, folder=folder)


def _put_up(cases: Iterator[T] | AbstractContextManager[T]) -> AbstractContextManager[T]:
    """Return the context manager that a generator stands for, as a fixture of pytest does."""
    if isinstance(cases, AbstractContextManager):
        return cases
    return contextlib.contextmanager(lambda: cases)()
