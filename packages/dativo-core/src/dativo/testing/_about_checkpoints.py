"""Rules about checkpoints: nothing is lost or doubled, wherever a read is cut."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dativo.contract import Checkpoint, Replay, Role
from dativo.errors import DativoError
from dativo.testing._bench import Read
from dativo.testing._reading import (
    Wanted,
    attempt,
    last_checkpoint,
    not_refused,
    stored,
    wanted,
)
from dativo.testing._records import Records, records_of
from dativo.testing._rules import Evidence, NotApplicable, rule
from dativo.testing._subject import SourceSubject

__all__ = ["RULES"]

_BATCH_ROWS = 10
_SECONDS = 600.0
_SHOWN = 200
_STRANGE = {"dativo_kit": "a checkpoint of nobody"}


@rule("checkpoint.coverage", Role.SOURCE, seconds=_SECONDS)
def coverage(subject: SourceSubject, evidence: Evidence) -> None:
    """A read that is cut anywhere and resumed loses nothing, and doubles only what it may.

    What a run publishes of a read that was cut is what the last checkpoint covers; the next run
    reads on from there. So the stream is cut after each of its batches, and once it is read in
    steps, each from the checkpoint of the one before. Exact sources give each record once;
    the others may give records from before the checkpoint again, which is told, but not all.
    """
    cuts, returned, resumed = 0, 0, 0
    for want in _resumable(subject):
        reads = want.whole()
        whole = records_of(reads)
        if last_checkpoint(reads)[0] is None:
            evidence.looked(f"{want}: {len(reads)} batches, no checkpoint")
            continue
        cut = _Cut(want=want, whole=whole, batches=len(reads), evidence=evidence)
        for place in range(1, len(reads) + 1):
            cut.after(place)
        cut.step_by_step()
        evidence.looked(cut.told())
        cuts, returned, resumed = cuts + cut.cuts, returned + cut.returned, resumed + cut.resumed
    if not cuts:
        raise NotApplicable("no stream has a checkpoint with the good settings")
    if resumed and returned == resumed:
        evidence.gap(
            "each read from a checkpoint brought all records again, so that it cannot be seen "
            "whether checkpoints have an effect; let the streams reach over more time than is "
            "read once more"
        )


@rule("checkpoint.portable", Role.SOURCE)
def portable(subject: SourceSubject, evidence: Evidence) -> None:
    """A checkpoint can be stored, stays as it was, and a strange one is not taken for none."""
    seen = 0
    for want in _resumable(subject):
        given = [
            (read.checkpoint, read.checkpoint.to_json())
            for read in want.steps()
            if read.checkpoint is not None
        ]
        for number, (checkpoint, text) in enumerate(given, start=1):
            for problem in _faults(checkpoint, text, subject.info.checkpoint_version):
                evidence.problem(f"{want}: checkpoint {number} {problem}")
        seen += len(given)
        if given:
            largest = max(len(text) for _, text in given)
            evidence.looked(f"{want}: {len(given)} checkpoints, up to {largest} bytes")
            _look_at_use(want, given[0][0], evidence)
    if not seen:
        raise NotApplicable("no stream has a checkpoint with the good settings")


def _faults(checkpoint: Checkpoint, text: str, version: int) -> Iterator[str]:
    """Say what is wrong with a checkpoint that was *text* when it came."""
    now = checkpoint.to_json()
    if now != text:
        yield f"was {text} when it came and is {now} later; yield a value of its own each time"
    if checkpoint.version != version:
        yield f"has version {checkpoint.version}; the source declares checkpoint_version {version}"


def _resumable(subject: SourceSubject) -> list[Wanted]:
    if subject.info.replay is Replay.NONE:
        raise NotApplicable("the source cannot read again what was read once (Replay.NONE)")
    return list(wanted(subject, batch_rows=_BATCH_ROWS))


def _look_at_use(want: Wanted, checkpoint: Checkpoint, evidence: Evidence) -> None:
    """Look whether *checkpoint* stays as it is when it is read from; and at one of nobody.

    Newer versions are refused by the engine. What ends with any error is no wrong data; a source
    that brings everything from its own checkpoints, too, means no harm.
    """
    text = checkpoint.to_json()
    used = stored(checkpoint)
    rest = want.records(used)
    if used.to_json() != text:
        evidence.problem(f"{want}: reading from a checkpoint changed it")
    came = attempt(want, attrs.evolve(checkpoint, value=_STRANGE))
    if isinstance(came, DativoError):
        evidence.looked(f"{want}, from a checkpoint that it has not made: {came.code}")
    elif len(records_of(came) - rest):
        evidence.problem(
            f"{want}, asked to read on from the checkpoint {_STRANGE}, which it has not made: "
            f"{not_refused(came)}"
        )


@attrs.define(kw_only=True)
class _Cut:
    """Cuts one stream at one place after the other.

    Attributes:
        want: The stream.
        whole: What it has.
        batches: In how many batches that comes.
        evidence: Where to note problems.
        cuts: How many times it was cut and resumed.
        resumed: How many of them had something to leave out.
        returned: How many of those brought everything again.
        doubled: How many records came once more.
    """

    want: Wanted
    whole: Records
    batches: int
    evidence: Evidence
    cuts: int = 0
    resumed: int = 0
    returned: int = 0
    doubled: int = 0
    _last: tuple[str, int] | None = None

    def after(self, place: int) -> None:
        """Stop after *place* batches and read on from the last checkpoint so far."""
        reads = self.want.first(place)
        checkpoint, covered = last_checkpoint(reads)
        if checkpoint is None or self._last == (checkpoint.to_json(), covered):
            return  # what comes now is what came from the place before
        self._last = (checkpoint.to_json(), covered)
        kept, rest = records_of(reads[:covered]), self.want.records(checkpoint)
        self.cuts += 1
        if len(kept):
            self.resumed += 1
            self.returned += not len(self.whole - rest)
        self._compare(f"cut after batch {place}, resumed from {_short(checkpoint)}", kept + rest)

    def step_by_step(self) -> None:
        """Read up to the first new checkpoint, stop, and read on from there, to the end.

        A checkpoint that tells the time is a new one each time, so steps without records are few.
        """
        total, state = Records.none(), None
        seen: set[str] = set()
        idle = 0
        while idle <= self.batches:
            reads, state = self._step(state)
            came = records_of(reads)
            total += came
            idle = 0 if len(came) else idle + 1
            if state is None:
                break
            if state.to_json() in seen:
                self.evidence.problem(
                    f"{self.want}: read in steps, each from the checkpoint of the one before, it "
                    f"comes back to {_short(state)} and so never to an end"
                )
                return
            seen.add(state.to_json())
        self._compare("read in steps, each from the checkpoint of the one before", total)

    def _step(self, state: Checkpoint | None) -> tuple[list[Read], Checkpoint | None]:
        reads = []
        steps = self.want.steps(state)
        for read in steps:
            reads.append(read)
            if read.checkpoint is not None and read.checkpoint != state:
                steps.close()
                return reads, stored(read.checkpoint)
        return reads, None

    def _compare(self, how: str, total: Records) -> None:
        key = self.want.key
        lost, more = self.whole - total, total - self.whole
        strange = more.unknown_to(self.whole)
        if len(lost):
            self.evidence.problem(f"{self.want}, {how}: lost {lost.shown(key)}")
        if len(strange):
            self.evidence.problem(
                f"{self.want}, {how}: {strange.shown(key)} came that a whole read does not have"
            )
        elif len(more):
            self.doubled += len(more)
            if self.want.subject.info.replay is Replay.EXACT:
                self.evidence.problem(f"{self.want}, {how}: doubled {more.shown(key)}")

    def told(self) -> str:
        """Say what was looked at."""
        again = f", {self.doubled} records came again" if self.doubled else ""
        return f"{self.want}: {len(self.whole)} records, cut at {self.cuts} places{again}"


def _short(checkpoint: Checkpoint) -> str:
    text = checkpoint.to_json()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


RULES = (coverage, portable)
