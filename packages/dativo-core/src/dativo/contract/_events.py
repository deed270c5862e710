"""What the engine tells while a run goes on: frozen values, for observers of every sort."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

import attrs

from dativo.contract._arrow import ArrowSchema
from dativo.contract._modes import ReadMode, WriteMode
from dativo.contract._streams import Checkpoint
from dativo.errors import DativoError

__all__ = [
    "BatchRead",
    "EpochCommitted",
    "Event",
    "Message",
    "RetryScheduled",
    "RunFinished",
    "RunOutcome",
    "RunStarted",
    "SchemaRead",
    "StreamFinished",
    "StreamOutcome",
    "StreamStarted",
    "System",
]


class StreamOutcome(StrEnum):
    """How the work on one stream ended."""

    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    NOT_STARTED = "not_started"


class RunOutcome(StrEnum):
    """How a whole run ended."""

    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


def _now() -> datetime:
    return datetime.now(UTC)


@attrs.frozen(kw_only=True)
class System:
    """One side of a run.

    Attributes:
        connector: The connector's address.
        identity: The settings that say which system it is, such as host and database, as texts;
            secrets are never among them.
    """

    connector: str
    identity: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Event:
    """The root of all events; of one that is not known nothing needs to be understood.

    Attributes:
        job: The job's name; empty outside a job.
        run_id: The run; empty outside a run.
        at: When it happened, in UTC.
    """

    job: str
    run_id: str = ""
    at: datetime = attrs.field(factory=_now, eq=False)


@attrs.frozen(kw_only=True)
class RunStarted(Event):
    """The streams are known and the work begins; a run that fails before that has none.

    Attributes:
        streams: The streams that are read.
        source: Where the records come from.
        writer: Where they go.
    """

    streams: tuple[str, ...]
    source: System | None = None
    writer: System | None = None


@attrs.frozen(kw_only=True)
class StreamStarted(Event):
    """A try at one stream begins.

    Attributes:
        stream: The stream.
        attempt: Counts the tries, from 1.
        resumed: Whether there is a checkpoint to read on from.
        estimated_rows: About how many records there are, where that is known.
        read_mode: How it is read.
        write_mode: What happens to published data.
        primary_key: The fields that identify a record.
        checkpoint: Where the source reads on from; ``None`` for the beginning.
    """

    stream: str
    attempt: int
    resumed: bool
    estimated_rows: int | None = None
    read_mode: ReadMode = ReadMode.FULL
    write_mode: WriteMode = WriteMode.APPEND
    primary_key: tuple[str, ...] = ()
    checkpoint: Checkpoint | None = None


@attrs.frozen(kw_only=True)
class SchemaRead(Event):
    """The first records of a try have come, and with them their schema.

    Attributes:
        stream: The stream.
        source_schema: What the source gives.
        schema: What the writer gets, after all transformers.
    """

    stream: str
    source_schema: ArrowSchema = attrs.field(eq=False, repr=False)
    schema: ArrowSchema = attrs.field(eq=False, repr=False)


@attrs.frozen(kw_only=True)
class BatchRead(Event):
    """A record batch passed the engine on its way to the writer; it is not published yet.

    Attributes:
        stream: The stream.
        rows: Its records.
        size_bytes: What it takes in memory.
    """

    stream: str
    rows: int
    size_bytes: int


@attrs.frozen(kw_only=True)
class EpochCommitted(Event):
    """Data is published and its state is stored.

    Attributes:
        stream: The stream.
        epoch: Counts the commits of the stream, from 1.
        rows: The records that were published.
        size_bytes: What they take where they are now.
        files: How many files they are.
        commit_id: The commit.
        checkpoint: What the next run reads on from; ``None`` for the beginning.
    """

    stream: str
    epoch: int
    rows: int
    size_bytes: int
    files: int
    commit_id: str = ""
    checkpoint: Checkpoint | None = None


@attrs.frozen(kw_only=True)
class RetryScheduled(Event):
    """Something failed in a way that may pass, and is going to be tried again.

    Attributes:
        stream: The stream; empty if it is about none.
        attempt: The try that failed.
        wait_seconds: How long until the next one.
        error: What failed.
    """

    stream: str
    attempt: int
    wait_seconds: float
    error: DativoError


@attrs.frozen(kw_only=True)
class Message(Event):
    """A plugin or the engine has something to say.

    Attributes:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        text: What it says, without secrets.
        connector: The plugin's address; empty for the engine.
        stream: The stream; empty if it is about none.
        fields: Further facts, without secrets.
    """

    level: str
    text: str
    connector: str = ""
    stream: str = ""
    fields: Mapping[str, object] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class StreamFinished(Event):
    """A stream is done, failed or was stopped; it comes for each stream of ``RunStarted``.

    Attributes:
        stream: The stream.
        rows: The records that the run published.
        seconds: From the first try to the end.
        error: Why it is not done.
        outcome: How it ended.
        size_bytes: What its published records take.
        epochs: The commits of the run; 0 for an empty increment.
        attempts: The tries that it took.
    """

    stream: str
    rows: int
    seconds: float
    error: DativoError | None = None
    outcome: StreamOutcome = StreamOutcome.DONE
    size_bytes: int = 0
    epochs: int = 0
    attempts: int = 0


@attrs.frozen(kw_only=True)
class RunFinished(Event):
    """The run is over; it is the last event of each run that has not lost its process.

    Attributes:
        rows: The records that the run published.
        seconds: How long it took.
        outcome: How it ended.
        size_bytes: What the published records take.
        error: Why it is not done.
    """

    rows: int
    seconds: float
    outcome: RunOutcome = RunOutcome.DONE
    size_bytes: int = 0
    error: DativoError | None = None
