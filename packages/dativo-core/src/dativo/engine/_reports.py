"""What the operator's commands return: what a run would do, and what a compaction has done."""

from __future__ import annotations

import json

import attrs

from dativo.contract import Checkpoint, CompactResult, Guarantee, ReadMode, WriteMode
from dativo.engine._results import error_of
from dativo.errors import DativoError

__all__ = ["CompactReport", "CompactedStream", "PlanReport", "StreamForecast", "checkpoint_value"]


@attrs.frozen(kw_only=True)
class StreamForecast:
    """What a run would do now for one stream; a figure that nobody knows is ``None``.

    Attributes:
        stream: The stream's name.
        read_mode: How it would be read.
        write_mode: How it would be written.
        checkpoint: Where the source would read on; ``None`` for the beginning.
        lower: The cursor's value there, as text, if the source says it; the bound of a backfill.
        upper: The cursor's value where the source would stop; a backfill stops before its bound.
        epoch: The last published epoch; 0 for none.
        rows: About how many records.
        size_bytes: About how many bytes in the source.
        partitions: How many lazy readers.
        files: About how many files.
        place: Where the records would go.
        is_backfill: Whether a range is read again, beside the checkpoints.
        finds_deletions: Whether records that are gone from the source would be deleted.
        is_resumable: Whether a run that fails keeps what it had committed.
        rolls_forward: The state is behind what is published and would be stored first.
        knows_target: Whether the writer said what is published; else only the state was asked.
        guarantee: What is promised of every record.
        assumptions: What that rests on.
        reason: Why it is not exactly once.
        error: Why a run would refuse the stream.
    """

    stream: str
    read_mode: ReadMode
    write_mode: WriteMode
    checkpoint: Checkpoint | None = None
    lower: str | None = None
    upper: str | None = None
    epoch: int = 0
    rows: int | None = None
    size_bytes: int | None = None
    partitions: int | None = None
    files: int | None = None
    place: str = ""
    is_backfill: bool = False
    finds_deletions: bool = False
    is_resumable: bool = True
    rolls_forward: bool = False
    knows_target: bool = False
    guarantee: Guarantee
    assumptions: tuple[str, ...] = ()
    reason: str = ""
    error: DativoError | None = None

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        return {
            **attrs.asdict(self, recurse=False),
            "read_mode": self.read_mode.value,
            "write_mode": self.write_mode.value,
            "checkpoint": checkpoint_value(self.checkpoint),
            "guarantee": self.guarantee.value,
            "assumptions": list(self.assumptions),
            "error": None if self.error is None else self.error.to_dict(),
        }


@attrs.frozen(kw_only=True)
class PlanReport:
    """What a run of one job would do; ``refusal`` is why it would refuse the whole job."""

    job: str
    streams: tuple[StreamForecast, ...]
    refusal: DativoError | None = None

    @property
    def ok(self) -> bool:
        """Whether a run would begin on every stream."""
        return self.error is None

    @property
    def error(self) -> DativoError | None:
        """Why a run would not."""
        return self.refusal or error_of(self.streams)

    @property
    def exit_code(self) -> int:
        """The exit code that a run would end with at once, or 0."""
        error = self.error
        return 0 if error is None else error.exit_code

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        error = self.error
        return {
            "ok": self.ok,
            "job": self.job,
            "streams": [stream.to_dict() for stream in self.streams],
            "error": None if error is None else error.to_dict(),
        }


@attrs.frozen(kw_only=True)
class CompactedStream:
    """What a compaction did for one stream; without a ``result`` there is an ``error``."""

    stream: str
    result: CompactResult | None = None
    seconds: float = 0.0
    error: DativoError | None = None

    @property
    def is_published(self) -> bool:
        """Whether there was anything to compact."""
        return self.result is not None and self.result.files_before > 0

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        figures = {} if self.result is None else attrs.asdict(self.result)
        return {
            "stream": self.stream,
            "published": self.is_published,
            **figures,
            "seconds": round(self.seconds, 3),
            "error": None if self.error is None else self.error.to_dict(),
        }


@attrs.frozen(kw_only=True)
class CompactReport:
    """What a compaction did for one job."""

    job: str
    streams: tuple[CompactedStream, ...]

    @property
    def ok(self) -> bool:
        """Whether no stream failed."""
        return self.error is None

    @property
    def error(self) -> DativoError | None:
        """A stream's own error if all failed alike, else a partial failure."""
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
            "streams": [stream.to_dict() for stream in self.streams],
            "error": None if error is None else error.to_dict(),
        }


def checkpoint_value(checkpoint: Checkpoint | None) -> object:
    """Return *checkpoint* as JSON values."""
    return None if checkpoint is None else json.loads(checkpoint.to_json())
