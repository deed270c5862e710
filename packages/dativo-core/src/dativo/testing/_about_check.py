"""Rules about ``check_connection``: what is not there or not allowed is never green."""

from __future__ import annotations

from dativo.contract import CheckItem, ConnectionTestResult, Role, Verdict
from dativo.errors import AuthenticationError, DativoError
from dativo.testing._rules import Evidence, rule
from dativo.testing._subject import Subject, given

__all__ = ["RULES"]


@rule("check.good", Role.SOURCE, Role.WRITER)
def good(subject: Subject, evidence: Evidence) -> None:
    """With good settings a check passes, and says what it has looked at."""
    with subject.open() as bench:
        result = bench.check()
    evidence.looked(_shown(result))
    if result.verdict is not Verdict.OK:
        evidence.problem(f"the check of the good settings is {_shown(result)}")


@rule("check.bad_credentials", Role.SOURCE, Role.WRITER)
def bad_credentials(subject: Subject, evidence: Evidence) -> None:
    """With bad credentials a check fails, and says that they are what is wrong."""
    settings = given(subject.cases.bad_credentials)
    with subject.open(settings) as bench:
        result = bench.check()
    evidence.looked(_shown(result))
    if result.verdict in (Verdict.OK, Verdict.NOT_IMPLEMENTED):
        evidence.problem(f"the check with bad credentials is {_shown(result)}")
    elif not any(isinstance(error, AuthenticationError) for error in _errors(result)):
        evidence.problem(f"no item says that the credentials are wrong: {_shown(result)}")


def _errors(result: ConnectionTestResult) -> list[DativoError]:
    return [item.error for item in result.items if item.error is not None]


def _shown(result: ConnectionTestResult) -> str:
    items = ", ".join(_item(item) for item in result.items)
    return f"{result.verdict.value} ({items or 'no items'})"


def _item(item: CheckItem) -> str:
    code = "" if item.error is None else f" {item.error.code}"
    return f"{item.scope}: {item.verdict.value}{code}"


RULES = (good, bad_credentials)
