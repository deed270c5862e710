"""What the engine tells while it works: frozen values, turned into text by whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from dativo.contract import Checkpoint
from dativo.errors import DativoError

__all__ = [
    "BatchRead",
    "EpochCommitted",
    "Event",
    "Message",
    "Observer",
    "RetryScheduled",
    "RunFinished",
    "RunStarted",
    "StreamFinished",
    "StreamStarted",
]


@attrs.frozen(kw_only=True)
class Event:
    """The root of all events; ``job`` is the job's name."""

    job: str


@attrs.frozen(kw_only=True)
class RunStarted(Event):
    """The job's streams are known and the work begins."""

    run_id: str
    streams: tuple[str, ...]


@attrs.frozen(kw_only=True)
class StreamStarted(Event):
    """A try at one stream begins; ``resumed`` says that there is a checkpoint to read on from."""

    stream: str
    attempt: int
    resumed: bool
    estimated_rows: int | None = None


@attrs.frozen(kw_only=True)
class BatchRead(Event):
    """A record batch passed the engine on its way to the writer."""

    stream: str
    rows: int
    size_bytes: int


@attrs.frozen(kw_only=True)
class EpochCommitted(Event):
    """Data is published and its state is stored."""

    stream: str
    epoch: int
    rows: int
    size_bytes: int
    files: int
    commit_id: str = ""
    checkpoint: Checkpoint | None = None


@attrs.frozen(kw_only=True)
class RetryScheduled(Event):
    """Something failed in a way that may pass; it is tried again after ``wait_seconds``."""

    stream: str
    attempt: int
    wait_seconds: float
    error: DativoError


@attrs.frozen(kw_only=True)
class Message(Event):
    """A connector or the engine has something to say; ``level`` is debug, info, warning, error."""

    level: str
    text: str
    connector: str = ""
    stream: str = ""
    fields: Mapping[str, object] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class StreamFinished(Event):
    """A stream is done, failed or was stopped."""

    stream: str
    rows: int
    seconds: float
    error: DativoError | None = None


@attrs.frozen(kw_only=True)
class RunFinished(Event):
    """The run is over; the result is what the caller gets."""

    run_id: str
    rows: int
    seconds: float


Observer = Callable[[Event], None]
