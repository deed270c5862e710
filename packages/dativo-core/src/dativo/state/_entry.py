"""One entry of the state store: the newest commit record of a stream, and what orders two."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from dativo.contract import Checkpoint, CommitRecord
from dativo.errors import StateUnreadableError
from dativo.state._unusable import IS_DAMAGED

__all__ = ["StateEntry", "age_of", "entry_of"]


@attrs.frozen(kw_only=True)
class StateEntry:
    """The state of one stream of one job: the newest commit record known to be published."""

    record: CommitRecord
    updated_at: str

    @property
    def epoch(self) -> int:
        """The epoch of the last commit."""
        return self.record.commit.epoch

    @property
    def commit_id(self) -> str:
        """The identity of the last commit."""
        return self.record.commit.commit_id

    @property
    def checkpoint(self) -> Checkpoint | None:
        """Where the next incremental read resumes."""
        return self.record.commit.checkpoint

    @property
    def fingerprint(self) -> Mapping[str, str]:
        """What the checkpoint depends on."""
        return self.record.commit.fingerprint


def age_of(record: CommitRecord) -> tuple[int, int]:
    """Return what orders commits: after a loss of the target its epochs begin anew, fences not."""
    return record.commit.fence, record.commit.epoch


def entry_of(file: Path, job: str, row: tuple[str, str, str]) -> StateEntry:
    """Return the entry in *row*: stream, record, time.

    Raises:
        StateUnreadableError: The record makes no sense.
    """
    stream, record, updated_at = row
    try:
        return StateEntry(record=CommitRecord.from_json(record), updated_at=updated_at)
    except ValueError as error:
        msg = f"the state of stream {stream!r} of job {job!r} in {file} is damaged: {error}"
        raise StateUnreadableError(msg, stream=stream, details=IS_DAMAGED) from error
