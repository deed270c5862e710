from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from dativo.contract import Role
from dativo.errors import PluginLoadError, UsageError
from dativo.plugins import ChildEnd
from dativo.testing import Outcome, RuleResult, _verifying
from dativo.testing._verifying import verify

END = ChildEnd(
    answers=(), exit_code=0, is_complete=True, is_late=False, output="", errors="", stacks=""
)
RULES = ("check.good", "check.unreachable", "data.empty")


def _about(rule: str) -> dict[str, Any]:
    return {"rule": rule, "title": "A title", "role": "source", "seconds": 1.0, "acknowledged": ""}


def _result(rule: str) -> dict[str, Any]:
    result = RuleResult(
        rule=rule, title="A title", role=Role.SOURCE, outcome=Outcome.PASSED, looks=("all",)
    )
    return attrs.asdict(result)


@attrs.define
class Children:
    """What the children say, one after the other, and what they are asked."""

    ends: list[ChildEnd] = attrs.field(factory=list)
    asked: list[dict[str, Any]] = attrs.field(factory=list)

    def __call__(
        self, _: str, request: dict[str, Any], *, seconds: float, hear: Callable[[Any], object]
    ) -> ChildEnd:
        assert seconds > 3600
        self.asked.append(dict(request))
        end = self.ends.pop(0)
        for answer in end.answers:
            hear(answer)
        return end


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Children:
    @attrs.frozen
    class Entry:
        distribution: str = "acme-connector"
        version: str = "1.2"

    found = Children()
    monkeypatch.setattr(_verifying, "in_child", found)
    monkeypatch.setattr(_verifying, "find_connector", lambda _: Entry())
    return found


def _answers(*done: str, begins: Sequence[str]) -> tuple[dict[str, Any], ...]:
    said = [{"begins": _about(rule)} for rule in begins]
    return (
        {"plan": [_about(rule) for rule in RULES]},
        *said,
        *({"result": _result(r)} for r in done),
    )


def test_what_a_rule_ends_is_told_at_once_and_the_others_go_on_in_another_child(
    children: Children,
) -> None:
    children.ends = [
        attrs.evolve(END, exit_code=-11, answers=_answers(RULES[2], begins=(RULES[2], RULES[0]))),
        attrs.evolve(END, answers=_answers(RULES[1], begins=(RULES[1],))),
    ]
    told: list[RuleResult] = []

    report = verify("acme", on_result=told.append)

    assert [one.rule for one in told] == [RULES[2], RULES[0], RULES[1]]
    assert [one.rule for one in report.results] == [*RULES]
    outcomes = [one.outcome for one in report.results]
    assert outcomes == [Outcome.BROKEN, Outcome.PASSED, Outcome.PASSED]
    assert "ended or held up the process that looked: a signal" in report.results[0].problems[0]
    assert [one["done"] for one in children.asked] == [
        [],
        [["source", RULES[2]], ["source", RULES[0]]],
    ]
    assert report.distribution == "acme-connector 1.2"


STACK = 'File "/lib/dativo/a.py", line 1 in b\nFile "/lib/acme/c.py", line 2 in d\n'


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ({"exit_code": 3}, "exit code 3"),
        ({"exit_code": 1, "errors": f"Timeout (0:01:00)!\n{STACK}"}, "it hung in /lib/acme/c.py:2"),
        ({"is_late": True, "stacks": STACK}, "it hung in /lib/acme/c.py:2"),
        ({"is_late": True}, "it hung"),
        ({"exit_code": -9, "stacks": STACK}, "SIGKILL in /lib/acme/c.py:2"),
    ],
)
def test_it_is_said_how_the_child_ended_and_where_it_was(
    children: Children, end: dict[str, Any], said: str
) -> None:
    children.ends = [
        attrs.evolve(END, **end, answers=_answers(begins=(RULES[0],))),
        attrs.evolve(END, answers=_answers(*RULES[1:], begins=RULES[1:])),
    ]

    assert verify("acme").results[0].problems[0].endswith(said)


def test_an_error_of_the_child_is_raised_here(children: Children) -> None:
    told = {"code": "USAGE", "message": "there is no rule", "fix": "Choose another."}
    children.ends = [attrs.evolve(END, answers=({"error": told},))]

    with pytest.raises(UsageError, match="there is no rule") as caught:
        verify("acme")
    assert (caught.value.fix, caught.value.phase) == ("Choose another.", "verify")
    assert caught.value.connector == "acme"


def test_a_child_that_says_nothing_could_not_be_started(children: Children) -> None:
    children.ends = [attrs.evolve(END, exit_code=1)]

    with pytest.raises(PluginLoadError, match="could not be started for 'acme': exit code 1"):
        verify("acme")
