"""Rules about values: what is read back is exactly what was written, or it was refused."""

from __future__ import annotations

import attrs

from dativo.contract import Role
from dativo.errors import DataError, DativoError
from dativo.testing._bench import Bench
from dativo.testing._exact import changes, layout
from dativo.testing._expect import shown_error, shown_record
from dativo.testing._matrix import Sample, samples
from dativo.testing._rules import Evidence, rule
from dativo.testing._subject import WriterSubject
from dativo.testing._target import Target, next_fence, targets

__all__ = ["RULES"]


@rule("values.round_trip", Role.WRITER, seconds=300)
def round_trip(subject: WriterSubject, evidence: Evidence) -> None:
    """Values of every Arrow type come back exactly, or are refused before anything is seen."""
    target = next(targets(subject))
    kept = 0
    with target.bench(fence=next_fence()) as bench:
        for number, sample in enumerate(samples()):
            here = target.having(stream=f"kit_value_{number}")
            kept += _Written(sample, here, bench, evidence).came_back()
    if not kept:
        evidence.problem("every type is refused, the plainest ones too")


@attrs.frozen
class _Written:
    """A sample, and where it is written in a run that writes them all."""

    sample: Sample
    target: Target
    bench: Bench
    evidence: Evidence

    def came_back(self) -> bool:
        """Write and read the sample; say whether it came back."""
        try:
            with self.target.on(self.bench) as run:
                run.publish(1, self.sample.table)
        except DataError as error:
            self._expect_nothing()
            self._looked(f"refused, {error.code}")
            return False
        except DativoError as error:
            self._problem(
                f"writing ends with {shown_error(error)}; values that cannot be kept are refused "
                "with an error of the DATA family"
            )
            return False
        found = self.target.look(self.bench)
        if found is None:
            self._problem("nothing is published after a commit")
            return False
        problems = changes(self.sample.table, found)
        for problem in problems:
            self._problem(problem)
        if not problems:
            how = layout(self.sample.table.schema.field("value"), found.schema.field("value"))
            self._looked(f"equal{how and f', {how}'}")
        return not problems

    def _expect_nothing(self) -> None:
        found = self.target.look(self.bench)
        if found is not None and found.num_rows:
            rows = self.sample.table.num_rows
            self._problem(f"refused, but readers see {found.num_rows} of {rows} records")
        with self.target.on(self.bench) as run:
            record = run.session.last_commit()
        if record is not None:
            self._problem(f"refused, but last_commit gives {shown_record(record)}")

    def _looked(self, what: str) -> None:
        self.evidence.looked(f"{self.sample.name}: {what}")

    def _problem(self, text: str) -> None:
        self.evidence.problem(f"{self.sample.name}: {text}")


RULES = (round_trip,)
