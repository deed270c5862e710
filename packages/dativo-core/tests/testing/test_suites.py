from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from dativo.testing import (
    Inapplicable,
    SourceCases,
    SourceConformance,
    WriterCases,
    WriterConformance,
)

NONE = Inapplicable("nothing of the kind")
SOURCE = SourceCases(
    good={}, bad_credentials=NONE, unreachable=NONE, missing_privilege=NONE, streams=("orders",)
)
WRITER = WriterCases(good={}, bad_credentials=NONE, unreachable=NONE, missing_privilege=NONE)


class _Noted:
    def __init__(self) -> None:
        self.steps: list[str] = []


class Source(_Noted, SourceConformance):
    connector = "acme"

    def cases(self) -> Iterator[SourceCases]:
        self.steps.append("up")
        try:
            yield SOURCE
        finally:
            self.steps.append("down")


class Writer(_Noted, WriterConformance):
    connector = "acme"

    def cases(self) -> Iterator[WriterCases]:
        self.steps.append("up")
        try:
            yield WRITER
        finally:
            self.steps.append("down")


class Decorated(Source):
    def cases(self) -> AbstractContextManager[SourceCases]:  # type: ignore[override]
        return contextlib.contextmanager(super().cases)()


@pytest.mark.parametrize("kind", [Source, Writer, Decorated])
def test_situations_are_up_as_long_as_they_are_looked_at(
    kind: type[Source | Writer], tmp_path: Path
) -> None:
    suite = kind()

    for _ in range(2):
        with suite.subject(tmp_path) as subject:
            assert subject.cases == (WRITER if kind is Writer else SOURCE)
            suite.steps.append("looked")
    with pytest.raises(KeyError), suite.subject(tmp_path):
        raise KeyError

    assert suite.steps == [*["up", "looked", "down"] * 2, "up", "down"]


def test_situations_that_are_not_yielded_are_an_error(tmp_path: Path) -> None:
    class Forgetful(Source):
        def cases(self) -> Iterator[SourceCases]:
            return None  # type: ignore[return-value]

    with pytest.raises(TypeError, match="not an iterator"):
        Forgetful().subject(tmp_path).__enter__()
