"""Running rules: each in situations of its own, within its time, whatever the connector does."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dativo.contract import CONTRACT_VERSION
from dativo.errors import DativoError
from dativo.plugins import describe_exception, find_connector
from dativo.testing._report import Report, RuleResult
from dativo.testing._rules import Evidence, NotApplicable, NotVerified, Outcome, Rule

if TYPE_CHECKING:
    from dativo.testing._subject import Subject
    from dativo.testing._suites import Conformance

__all__ = ["run_rule", "run_suites"]


class SituationsError(Exception):
    """The situations of a suite do not come up; the text says why."""


_NO_SITUATIONS = "it needs situations to look at: give some with --suite FILE or --cases FILE.yaml"


def run_suites(
    suites: Sequence[Conformance], *, on_result: Callable[[RuleResult], object] = lambda _: None
) -> Report:
    """Look at a connector by all rules of *suites*, which are of the same connector.

    Args:
        suites: One per role.
        on_result: Is told each result at once.
    """
    results = []
    for suite in suites:
        for rule in suite.rules():
            results.append(run_rule(rule, suite))
            on_result(results[-1])
    name = suites[0].connector
    return Report(
        connector=name,
        distribution=_distribution(name),
        contract=CONTRACT_VERSION,
        results=tuple(results),
    )


def run_rule(rule: Rule, suite: Conformance) -> RuleResult:
    """Look at a connector by one rule; whatever happens is in the result."""
    started = time.monotonic()
    evidence = Evidence()
    ended: list[tuple[Outcome, Sequence[str]]] = []
    # A thread, because a connector that hangs must not take the kit with it.
    thread = threading.Thread(
        target=lambda: ended.append(_looked(rule, suite, evidence)),
        name=f"rule {rule.name}",
        daemon=True,
    )
    thread.start()
    thread.join(rule.seconds)
    late = (Outcome.BROKEN, [*evidence.problems, f"it did not end within {rule.seconds:g} s"])
    outcome, problems = ended[0] if ended else late
    return RuleResult(
        rule=rule.name,
        title=rule.title,
        role=suite.role,
        outcome=outcome,
        looks=tuple(evidence.looks),
        problems=tuple(_unique(problems)),
        acknowledged=suite.not_verified.get(rule.name, ""),
        seconds=time.monotonic() - started,
    )


def _looked(rule: Rule, suite: Conformance, evidence: Evidence) -> tuple[Outcome, Sequence[str]]:
    try:
        with (
            tempfile.TemporaryDirectory(prefix="dativo-kit-") as folder,
            contextlib.ExitStack() as stack,
        ):
            rule.check(_subject(stack, rule, suite, Path(folder)), evidence)
    except NotApplicable as reason:
        if not evidence.problems:
            return Outcome.NOT_APPLICABLE, [str(reason)]
    except NotVerified as reason:
        evidence.gap(str(reason))
    except SituationsError as error:
        evidence.problem(str(error))
    except BaseException as error:  # noqa: BLE001 - a connector may raise anything
        evidence.problem(_told(error))
    return _outcome(evidence, "there was nothing to look at")


def _subject(stack: contextlib.ExitStack, rule: Rule, suite: Conformance, folder: Path) -> Subject:
    """Put the situations up, if the rule needs them."""
    if not rule.needs_situations:
        return suite.package(folder)
    if not suite.has_situations:
        raise NotVerified(_NO_SITUATIONS)
    try:
        return stack.enter_context(suite.subject(folder))
    except Exception as error:
        # A gap could be acknowledged, and nobody would notice that nothing is looked at any more.
        msg = f"cases() of the suite cannot put the situations up: {describe_exception(error)}"
        raise SituationsError(msg) from error


def _outcome(evidence: Evidence, nothing: str) -> tuple[Outcome, Sequence[str]]:
    if evidence.problems:
        return Outcome.BROKEN, evidence.problems
    if evidence.gaps:
        return Outcome.NOT_VERIFIED, evidence.gaps
    if not evidence.looks:
        return Outcome.NOT_VERIFIED, [nothing]
    return Outcome.PASSED, []


def _told(error: BaseException) -> str:
    if isinstance(error, DativoError):
        place = "".join(f" [{part}]" for part in (error.phase, error.stream) if part)
        return f"{error.code}: {error.message}{place}"
    return f"it ended with {describe_exception(error)}"


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _distribution(connector: str) -> str:
    try:
        entry = find_connector(connector)
    except DativoError:
        return ""
    return f"{entry.distribution} {entry.version}"
