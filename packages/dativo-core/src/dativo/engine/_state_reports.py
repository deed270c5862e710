"""What looking at the state and changing it returns."""

from __future__ import annotations

from pathlib import Path

import attrs

from dativo.contract import Checkpoint, CommitRecord
from dativo.engine._reports import checkpoint_value
from dativo.engine._results import error_of
from dativo.errors import DativoError
from dativo.state import age_of

__all__ = ["RebuiltStream", "StateChange", "StateRebuild", "StateReport", "StreamState"]


@attrs.frozen(kw_only=True)
class StreamState:
    """The state of one stream, and what is published of it if that was asked for.

    Attributes:
        stream: The stream's name.
        record: What is stored: the newest commit that the state knows; ``None`` for nothing.
        updated_at: When it was stored.
        published: The newest commit in the target; ``None`` for nothing, or if not asked.
        knows_published: Whether the target was asked and could tell.
        rolls_forward: The state is behind what is published; the next run stores that first.
        error: Why the next run would refuse the stream.
    """

    stream: str
    record: CommitRecord | None = None
    updated_at: str = ""
    published: CommitRecord | None = None
    knows_published: bool = False
    rolls_forward: bool = False
    error: DativoError | None = None

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        return {
            "stream": self.stream,
            "stored": _record_dict(self.record),
            "updated_at": self.updated_at or None,
            "published": _record_dict(self.published),
            "knows_published": self.knows_published,
            "rolls_forward": self.rolls_forward,
            "error": None if self.error is None else self.error.to_dict(),
        }


@attrs.frozen(kw_only=True)
class StateReport:
    """The state of one job; ``fence`` is that of its last run, 0 for none."""

    job: str
    streams: tuple[StreamState, ...]
    fence: int = 0

    @property
    def ok(self) -> bool:
        """Whether state and target fit together, as far as they were compared."""
        return self.error is None

    @property
    def error(self) -> DativoError | None:
        """Why the next run would refuse a stream."""
        return error_of(self.streams)

    @property
    def exit_code(self) -> int:
        """The exit code of design section 5."""
        error = self.error
        return 0 if error is None else error.exit_code

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        error = self.error
        return {
            "ok": self.ok,
            "job": self.job,
            "fence": self.fence,
            "streams": [stream.to_dict() for stream in self.streams],
            "error": None if error is None else error.to_dict(),
        }


@attrs.frozen(kw_only=True)
class StateChange:
    """A checkpoint that was exchanged: the epoch that did it, what was before and what is now."""

    job: str
    stream: str
    epoch: int
    before: Checkpoint | None
    checkpoint: Checkpoint | None

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        return {
            "ok": True,
            "job": self.job,
            "stream": self.stream,
            "epoch": self.epoch,
            "before": checkpoint_value(self.before),
            "checkpoint": checkpoint_value(self.checkpoint),
        }


@attrs.frozen(kw_only=True)
class RebuiltStream:
    """One stream after a rebuild.

    Attributes:
        stream: The stream's name.
        record: The newest commit in the target, and the state now; ``None`` for nothing.
        before: What was stored before; ``None`` for nothing.
        is_restored: Whether the state was changed.
    """

    stream: str
    record: CommitRecord | None = None
    before: CommitRecord | None = None
    is_restored: bool = False

    @property
    def went_back(self) -> bool:
        """Whether the state was ahead of the target."""
        if self.before is None:
            return False
        return self.record is None or age_of(self.record) < age_of(self.before)

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        return {
            "stream": self.stream,
            "published": _record_dict(self.record),
            "before": _record_dict(self.before),
            "restored": self.is_restored,
            "went_back": self.went_back,
        }


@attrs.frozen(kw_only=True)
class StateRebuild:
    """A state that was made anew; ``damaged`` is where the old database lies now, if it was."""

    job: str
    damaged: Path | None
    streams: tuple[RebuiltStream, ...]

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        return {
            "ok": True,
            "job": self.job,
            "damaged": None if self.damaged is None else str(self.damaged),
            "streams": [stream.to_dict() for stream in self.streams],
        }


def _record_dict(record: CommitRecord | None) -> dict[str, object] | None:
    if record is None:
        return None
    commit = record.commit
    return {
        "epoch": commit.epoch,
        "commit_id": commit.commit_id,
        "run_id": commit.run_id,
        "fence": commit.fence,
        "mode": commit.mode.value,
        "checkpoint": checkpoint_value(commit.checkpoint),
        "fingerprint": dict(commit.fingerprint),
        "rows": record.rows,
    }
