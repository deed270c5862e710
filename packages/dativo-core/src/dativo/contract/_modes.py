"""The words in which connectors say what they can do."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Atomicity", "Guarantee", "Operation", "ReadMode", "Replay", "Role", "WriteMode"]


class Role(StrEnum):
    """What a connector plays in a job."""

    SOURCE = "source"
    WRITER = "writer"


class ReadMode(StrEnum):
    """How a stream is read."""

    FULL = "full"
    """Everything, each time."""
    INCREMENTAL = "incremental"
    """What is new since the last committed checkpoint."""


class WriteMode(StrEnum):
    """What happens to the data that is published already."""

    APPEND = "append"
    """It stays; new records are added."""
    REPLACE = "replace"
    """It is exchanged for the new records in one step."""
    MERGE = "merge"
    """Records of the same primary key are superseded, the others stay."""


class Operation(StrEnum):
    """What the records of one batch do to the published data in merge mode."""

    UPSERT = "upsert"
    DELETE = "delete"


class Replay(StrEnum):
    """What a source promises when it is asked to read on from a checkpoint."""

    EXACT = "exact"
    """All records after the checkpoint and none before it, each once."""
    AT_LEAST_ONCE = "at_least_once"
    """All records after the checkpoint; some from before it may come again."""
    NONE = "none"
    """A record that was read once cannot be read again."""


class Atomicity(StrEnum):
    """What a writer promises about the moment in which an epoch becomes visible."""

    EPOCH = "epoch"
    """Data, checkpoint and commit record become visible in one step."""
    FILE = "file"
    """Each file becomes visible whole, but not all files of an epoch at once."""
    NONE = "none"
    """Readers may see parts of what is being written."""


class Guarantee(StrEnum):
    """What source and writer together promise of every record, the strongest first."""

    EXACTLY_ONCE = "exactly_once"
    """Published once: none is lost, none is doubled."""
    AT_LEAST_ONCE = "at_least_once"
    """None is lost; some may be published twice."""
    AT_MOST_ONCE = "at_most_once"
    """None is published twice; some may be lost."""
