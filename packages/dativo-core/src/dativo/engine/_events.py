"""What the engine tells while it works, turned into text by whoever listens."""

from __future__ import annotations

from collections.abc import Callable

from dativo.contract import (
    BatchRead,
    EpochCommitted,
    Event,
    Message,
    RetryScheduled,
    RunFinished,
    RunOutcome,
    RunStarted,
    SchemaRead,
    StreamFinished,
    StreamStarted,
    System,
)

__all__ = [
    "BatchRead",
    "EpochCommitted",
    "Event",
    "Message",
    "Observer",
    "RetryScheduled",
    "RunFinished",
    "RunOutcome",
    "RunStarted",
    "SchemaRead",
    "StreamFinished",
    "StreamStarted",
    "System",
]

Observer = Callable[[Event], None]
