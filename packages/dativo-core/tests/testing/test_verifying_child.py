from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from installed import installed
from reference_cases import ReferenceSuite
from reference_source import ReferenceSource

from dativo.config import Redactor
from dativo.testing import Denied, Outcome, RuleResult, SourceCases
from dativo.testing._verifying_child import _Learning, _redacted

TOKENS = {
    "good": "tok-all-7f3a9c51e8",
    "bad_credentials": "tok-wrong-0d1e2f3a4b",
    "missing_privilege": "tok-some-5b2e8d70c4",
    "errors": "tok-expired-91c4d2ab07",
}


class Suite(ReferenceSuite):
    """A suite with another secret in each situation, and no system."""

    @contextlib.contextmanager
    def cases(self) -> Iterator[SourceCases]:
        settings = {name: {"port": 1, "token": token} for name, token in TOKENS.items()}
        yield SourceCases(
            good=settings["good"],
            bad_credentials=settings["bad_credentials"],
            unreachable=settings["good"],
            missing_privilege=Denied(config=settings["missing_privilege"], stream="orders"),
            errors={"TOKEN_EXPIRED": settings["errors"]},
            streams=(),
        )


def test_the_secrets_of_all_situations_are_learned_before_anything_is_told(tmp_path: Path) -> None:
    redactor = Redactor()
    with (
        installed(tmp_path, ReferenceSource),
        _Learning(Suite(), redactor).subject(tmp_path),
    ):
        pass

    text = " and ".join(TOKENS.values())
    result = RuleResult(
        rule="check.good",
        title="",
        role=Suite.role,
        outcome=Outcome.BROKEN,
        looks=(text,),
        problems=(text,),
    )
    told = _redacted(result, redactor)
    for said in (*told.looks, *told.problems):
        assert not [name for name, token in TOKENS.items() if token in said]
        assert said.count(" and ") == 3
