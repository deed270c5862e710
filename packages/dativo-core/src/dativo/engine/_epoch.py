"""One epoch: what is staged since the last commit, and when it is time for the next."""

from __future__ import annotations

import time

import attrs

from dativo.contract import Checkpoint, Receipt, Staged

__all__ = ["Done", "Epoch", "EpochLimits"]


@attrs.frozen(kw_only=True)
class EpochLimits:
    """An epoch is committed at the first checkpoint after one of these is reached."""

    rows: int
    size_bytes: int
    seconds: float


@attrs.define
class Epoch:
    """Collects staged readers and the newest checkpoint that covers all of them."""

    checkpoint: Checkpoint | None
    staged: list[Staged] = attrs.field(factory=list)
    size_bytes: int = 0
    batches: int = 0
    started_at: float = attrs.field(factory=time.monotonic)

    @property
    def rows(self) -> int:
        """Records that are staged."""
        return sum(one.rows for one in self.staged)

    def next_sequence(self) -> int:
        """Return the place of the next batch in the order of the epoch, from 1."""
        self.batches += 1
        return self.batches

    def add(self, staged: Staged, size_bytes: int) -> None:
        """Take in one drained reader; *size_bytes* is what it had in memory."""
        self.staged.append(staged)
        self.size_bytes += size_bytes

    def is_due(self, limits: EpochLimits) -> bool:
        """Whether a checkpoint now should end it; one without records never is."""
        if self.rows == 0:
            return False
        return (
            self.rows >= limits.rows
            or self.size_bytes >= limits.size_bytes
            or time.monotonic() - self.started_at >= limits.seconds
        )


@attrs.define
class Done:
    """What the run has published of the stream so far."""

    rows: int = 0
    size_bytes: int = 0
    epochs: int = 0
    files: int = 0
    recovered: bool = False
    notes: tuple[str, ...] = ()

    def note(self, text: str) -> None:
        """Keep what the source says of how it reads."""
        if text and text not in self.notes:
            self.notes = (*self.notes, text)

    def add(self, receipt: Receipt) -> None:
        self.rows += receipt.record.rows
        self.size_bytes += receipt.size_bytes
        self.files += len(receipt.record.files)
        self.epochs += 1
