"""What rules for writers expect of one stream; each call notes what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from dativo.contract import CommitRecord, WriteMode
from dativo.errors import ConcurrencyError, DativoError
from dativo.testing._rules import Evidence
from dativo.testing._subject import WriterSubject
from dativo.testing._target import NAMES, Row, Target, contents, difference, target_of, targets

__all__ = ["Expecting", "expecting", "expecting_each", "shown_error", "shown_record"]


@attrs.frozen
class Expecting:
    """A stream that is written and what a rule notes of it, with the write mode in each text."""

    target: Target
    evidence: Evidence

    def having(self, **changes: object) -> Expecting:
        """Return the same for another stream, mode or key."""
        return attrs.evolve(self, target=self.target.having(**changes))

    def looked(self, what: str) -> None:
        """Note that *what* was looked at."""
        self.evidence.looked(f"{self.target.mode}: {what}")

    def problem(self, text: str) -> None:
        """Note what breaks the rule."""
        self.evidence.problem(f"{self.target.mode}: {text}")

    def published(
        self, expected: Sequence[Row], when: str, *, names: Sequence[str] = NAMES
    ) -> bool:
        """Read back what is published, and say whether it is *expected*."""
        wrong = difference(expected, contents(self.target.published(), names))
        if wrong:
            self.problem(f"{when} readers see {wrong}")
        return not wrong

    def concurrency(
        self, error: DativoError | None, what: str, *, fence: int | None = None
    ) -> None:
        """Note it unless *error* says that somebody else was quicker, and with which fence."""
        if error is None:
            self.problem(f"{what} is accepted")
        elif not isinstance(error, ConcurrencyError):
            self.problem(f"{what} ends with {shown_error(error)}, not with CONCURRENCY")
        elif fence is not None and error.details.get("fence") != fence:
            found = error.details.get("fence")
            self.problem(
                f"{what} is refused, but details['fence'] is {found!r} in place of {fence}, so "
                "that the next run cannot raise its own above it"
            )


def expecting(subject: WriterSubject, mode: WriteMode, evidence: Evidence) -> Expecting:
    """Return a stream that is written in *mode*."""
    return Expecting(target_of(subject, mode), evidence)


def expecting_each(subject: WriterSubject, evidence: Evidence) -> Iterator[Expecting]:
    """Yield a stream for each write mode that the writer declares."""
    return (Expecting(target, evidence) for target in targets(subject))


def shown_error(error: DativoError | None) -> str:
    """Return code and message of *error*, in words where there is none."""
    return "no error" if error is None else f"{error.code}: {error.message}"


def shown_record(record: CommitRecord | None) -> str:
    """Say which commit *record* is of."""
    if record is None:
        return "no record"
    commit = record.commit
    return f"epoch {commit.epoch} of job {commit.job_id!r} as {commit.commit_id!r}"
