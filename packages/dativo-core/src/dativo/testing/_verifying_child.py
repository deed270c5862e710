"""In a child: the kit runs, and tells each result at once, without the secrets of the settings."""

from __future__ import annotations

import contextlib
import faulthandler
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import attrs

from dativo.config import Redactor
from dativo.errors import DativoError, UsageError
from dativo.testing._about_secrets import secrets_of
from dativo.testing._checking import Situation, broken_situations
from dativo.testing._finding import find_suites
from dativo.testing._report import RuleResult
from dativo.testing._rules import Rule
from dativo.testing._runner import run_rule
from dativo.testing._subject import Subject
from dativo.testing._suites import Conformance

__all__ = ["verify"]

_GRACE_SECONDS = 10.0


def verify(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield ``plan``, then ``begins`` and ``result`` for each rule; or ``error``.

    *request* has ``connector``, ``suite``, ``cases``, ``rules`` (names; empty for all) and
    ``done`` (pairs of role and rule that are not wanted any more).
    """
    try:
        suites = find_suites(request["connector"], suite=request["suite"], cases=request["cases"])
        work = _work(suites, request["rules"])
    except DativoError as error:
        yield {"error": {"code": error.code, "message": error.message, "fix": error.fix}}
        return
    yield {"plan": [_about(rule, suite) for rule, suite in work]}
    redactor = Redactor()
    for rule, suite in work:
        if [suite.role.value, rule.name] in request["done"]:
            continue
        yield {"begins": _about(rule, suite)}
        # A thread of the kit stops waiting in time; this is for a hang that stops all threads.
        faulthandler.dump_traceback_later(rule.seconds + _GRACE_SECONDS, exit=True, file=sys.stderr)
        result = run_rule(rule, _Learning(suite, redactor))  # type: ignore[arg-type] # all that a rule needs
        yield {"result": attrs.asdict(_redacted(result, redactor))}


@attrs.frozen
class _Learning:
    """A suite whose secrets are learned before anything is told of it."""

    _suite: Conformance
    _redactor: Redactor

    @property
    def role(self) -> Any:
        return self._suite.role

    @property
    def not_verified(self) -> Mapping[str, str]:
        return self._suite.not_verified

    @property
    def has_situations(self) -> bool:
        return self._suite.has_situations

    def package(self, folder: Path) -> Subject:
        return self._suite.package(folder)

    @contextlib.contextmanager
    def subject(self, folder: Path) -> Iterator[Subject]:
        subject: Subject
        opened: AbstractContextManager[Subject] = self._suite.subject(folder)
        with opened as subject:
            situations = [Situation("good", subject.cases.good)]
            situations += broken_situations(subject.cases)
            for situation in situations:
                for secret in secrets_of(subject, situation).values():
                    self._redactor.add(secret)
            yield subject


def _work(suites: list[Conformance], names: list[str]) -> list[tuple[Rule, Conformance]]:
    # Where two suites have a rule, the later one is the more special.
    chosen = {(suite.role, rule.name): (rule, suite) for suite in suites for rule in suite.rules()}
    work = list(chosen.values())
    known = {rule.name for rule, _ in work}
    unknown = sorted(set(names) - known)
    if unknown:
        msg = f"there is no rule {unknown[0]!r} for this connector"
        raise UsageError(msg, fix=f"Choose from: {', '.join(sorted(known))}.")
    return [(rule, suite) for rule, suite in work if not names or rule.name in names]


def _about(rule: Rule, suite: Conformance) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "title": rule.title,
        "role": suite.role.value,
        "seconds": rule.seconds,
        "acknowledged": suite.not_verified.get(rule.name, ""),
    }


def _redacted(result: RuleResult, redactor: Redactor) -> RuleResult:
    return attrs.evolve(
        result,
        looks=tuple(redactor.redact(text) for text in result.looks),
        problems=tuple(redactor.redact(text) for text in result.problems),
    )
