"""Running the kit in a child, so that no connector can keep its report from being made."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from dativo.contract import CONTRACT_VERSION, Role
from dativo.errors import PluginLoadError, catalog
from dativo.plugins import find_connector
from dativo.testing._child import ChildEnd, in_child
from dativo.testing._report import Report, RuleResult
from dativo.testing._rules import Outcome

__all__ = ["verify"]

_LIMIT_SECONDS = 24 * 3600.0


def verify(
    connector: str,
    *,
    suite: str = "",
    cases: str = "",
    rules: Sequence[str] = (),
    on_result: Callable[[RuleResult], object] = lambda _: None,
) -> Report:
    """Look at an installed connector by the rules of the kit.

    A rule in which the connector hangs or ends the process is broken; the others run all the same.

    Args:
        connector: Its address.
        suite: A file or a module with subclasses of ``Conformance``. Without it and *cases*, the
            ``tests/test_conformance.py`` of an editable installation; else only the rules that
            need no situation can look.
        cases: A YAML file with situations.
        rules: Only these rules.
        on_result: Is told each result at once, perhaps in another thread.

    Raises:
        DativoError: The connector cannot be loaded, or there is no suite.
    """
    entry = find_connector(connector)
    request: dict[str, Any] = {
        "connector": connector,
        "suite": suite,
        "cases": cases,
        "rules": list(rules),
        "done": [],
    }
    found: list[RuleResult] = []

    def hear(answer: dict[str, Any]) -> None:
        if "result" in answer:
            found.append(RuleResult.from_document(answer["result"]))
            on_result(found[-1])

    plan: list[dict[str, Any]] = []
    while True:
        end = in_child("_verifying_child:verify", request, seconds=_LIMIT_SECONDS, hear=hear)
        plan = plan or _plan(connector, end)
        begun = [answer["begins"] for answer in end.answers if "begins" in answer]
        # What ended the process is left out of the next one; so it comes to an end.
        done = {(result.role.value, result.rule) for result in found}
        cut = [about for about in begun if (about["role"], about["rule"]) not in done]
        for about in cut:
            found.append(_cut_off(about, end))
            on_result(found[-1])
        if not cut:
            break
        request["done"] = [[result.role.value, result.rule] for result in found]
    order = [(about["role"], about["rule"]) for about in plan]
    return Report(
        connector=connector,
        distribution=f"{entry.distribution} {entry.version}",
        contract=CONTRACT_VERSION,
        results=tuple(sorted(found, key=lambda one: order.index((one.role.value, one.rule)))),
    )


def _plan(connector: str, end: ChildEnd) -> list[dict[str, Any]]:
    for answer in end.answers:
        if "error" in answer:
            told = answer["error"]
            kinds = {entry.code: entry.error for entry in catalog()}
            kind = kinds.get(told["code"], PluginLoadError)
            error = kind(told["message"], fix=told["fix"])
            raise error.located(connector=connector, phase="verify")
        if "plan" in answer:
            return list(answer["plan"])
    msg = f"the kit could not be started for {connector!r}: {_how(end)}"
    fix = f"Run `dativo plugins doctor {connector}`; it may end the process when it is imported."
    raise PluginLoadError(msg, fix=fix, connector=connector, phase="verify")


def _cut_off(about: dict[str, Any], end: ChildEnd) -> RuleResult:
    return RuleResult(
        rule=about["rule"],
        title=about["title"],
        role=Role(about["role"]),
        outcome=Outcome.BROKEN,
        problems=(f"the connector ended or held up the process that looked: {_how(end)}",),
        acknowledged=about["acknowledged"],
    )


def _how(end: ChildEnd) -> str:
    """Say how the child ended, with where it was; what it printed may hold secrets."""
    stack = end.errors.rpartition("Timeout (")[2] if "Timeout (" in end.errors else end.stacks
    frames = re.findall(r'File "(.+)", line (\d+) in (.+)', stack)
    place = next((f" in {one[0]}:{one[1]}" for one in frames if "dativo/" not in one[0]), "")
    if "Timeout (" in end.errors or end.is_late:
        return f"it hung{place}"
    if end.exit_code < 0:
        return f"{end.reason}{place}"
    return f"exit code {end.exit_code}"
