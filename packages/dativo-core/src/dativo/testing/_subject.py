"""What rules look at: one connector in one role, with the situations that its vendor gives."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import attrs

from dativo.contract import Role, SourceInfo, Stream, StreamStatus, WriterInfo
from dativo.engine._control import Limits
from dativo.plugins import PluginEntry, find_connector, load_connector
from dativo.testing._bench import Bench, open_bench
from dativo.testing._cases import Cases, Inapplicable, NotGiven, Settings, SourceCases, WriterCases
from dativo.testing._rules import NotApplicable, NotVerified

__all__ = ["SourceSubject", "Subject", "WriterSubject", "given", "limits_of"]

Case = TypeVar("Case")


@attrs.frozen(kw_only=True, eq=False, slots=False)
class Subject:
    """One connector in one role.

    Attributes:
        connector: Its address.
        role: The role.
        cases: The situations.
        folder: A private folder of this rule alone, gone afterwards.
    """

    connector: str
    role: Role
    cases: Cases
    folder: Path

    @property
    def entry(self) -> PluginEntry:
        """What is installed under the address."""
        return find_connector(self.connector)

    def open(
        self, settings: Settings | None = None, **limits: Any
    ) -> AbstractContextManager[Bench]:
        """Put it on the bench, with the good settings unless others are given.

        *limits* are fields of :class:`dativo.engine.Limits`.
        """
        chosen = self.cases.good if settings is None else settings
        if not limits:
            return open_bench(self.connector, self.role, chosen)
        return open_bench(self.connector, self.role, chosen, limits=limits_of(**limits))


@attrs.frozen(kw_only=True, eq=False, slots=False)
class SourceSubject(Subject):
    """A connector as a source."""

    cases: SourceCases

    @functools.cached_property
    def info(self) -> SourceInfo:
        """What it says of itself."""
        info = load_connector(self.connector, self.role).info.source
        assert info is not None  # load_connector saw to it
        return info

    @functools.cached_property
    def found(self) -> tuple[Stream, ...]:
        """What it discovers with the good settings."""
        with self.open() as bench:
            return tuple(bench.discover())

    def readable(self) -> Iterator[tuple[Stream, Settings]]:
        """Yield the streams that can be read, each with what a job would say about it."""
        for stream in self.found:
            if stream.status is StreamStatus.READABLE:
                yield stream, self.cases.selections.get(stream.name, {})


@attrs.frozen(kw_only=True, eq=False, slots=False)
class WriterSubject(Subject):
    """A connector as a writer."""

    cases: WriterCases

    @functools.cached_property
    def info(self) -> WriterInfo:
        """What it says of itself."""
        info = load_connector(self.connector, self.role).info.writer
        assert info is not None  # load_connector saw to it
        return info


def given(case: Case | Inapplicable) -> Case:
    """Return a situation that the vendor gives.

    Raises:
        NotApplicable: The vendor says that it cannot occur, and why.
        NotVerified: Nobody gives it.
    """
    if isinstance(case, NotGiven):
        raise NotVerified(case.reason)
    if isinstance(case, Inapplicable):
        raise NotApplicable(case.reason)
    return case


def limits_of(**limits: Any) -> Limits:
    """Return the limits of the bench with *limits* in place of some of them."""
    return Limits(**{"parallelism": 2, "memory_bytes": 64 << 20, "batch_rows": 1000, **limits})
