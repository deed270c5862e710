"""Commits: how data, checkpoint and record become visible in one step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs

from dativo.contract._modes import WriteMode
from dativo.contract._streams import Batch, Checkpoint

__all__ = ["Commit", "CommitRecord", "DeletingSession", "Receipt", "Staged", "WriteSession"]


@attrs.frozen(kw_only=True)
class Commit:
    """The identity of one commit, made by the engine.

    A commit is idempotent by ``(job_id, stream, epoch, commit_id)``.

    Attributes:
        job_id: The job's stable name.
        stream: The stream that is written.
        epoch: Counts the commits of this job and stream, from 1, without gaps.
        commit_id: Unique per attempt; the same epoch under another id is a ``ConcurrencyError``.
        run_id: The run that commits.
        fence: A number that only grows from run to run; a commit behind a newer claim is refused.
        mode: Append, replace or merge.
        checkpoint: What the data up to this commit covers; ``None`` for sources without.
        fingerprint: What the checkpoint depends on (source, stream, mode, cursor, key, query, ...).
    """

    job_id: str
    stream: str
    epoch: int
    commit_id: str
    run_id: str
    fence: int
    mode: WriteMode
    checkpoint: Checkpoint | None
    fingerprint: Mapping[str, str]


@attrs.frozen(kw_only=True)
class CommitRecord:
    """What a writer stores with the data of a commit, readable without any state.

    Attributes:
        commit: Its identity.
        rows: Records in this commit; in merge mode each version and each deletion counts.
        files: The files of this commit, relative to the stream's place.
        schema: The schema's text form, for people; the data carries the real one.
    """

    commit: Commit
    rows: int
    files: tuple[str, ...] = ()
    schema: str = ""

    def to_json(self) -> str:
        """Return the record as JSON text."""
        commit = attrs.asdict(self.commit, recurse=False)
        checkpoint = self.commit.checkpoint
        commit["checkpoint"] = None if checkpoint is None else checkpoint.to_json()
        commit["fingerprint"] = dict(self.commit.fingerprint)
        document = {
            "format": 1,
            "commit": commit,
            "rows": self.rows,
            "files": list(self.files),
            "schema": self.schema,
        }
        return json.dumps(document, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> CommitRecord:
        """Read *text*, which :meth:`to_json` wrote.

        Raises:
            ValueError: The text is no commit record of a known format.
        """
        document = json.loads(text)
        if not isinstance(document, dict) or document.get("format") != 1:
            msg = "not a commit record of format 1"
            raise ValueError(msg)
        try:
            fields: dict[str, Any] = dict(document["commit"])
            fields["mode"] = WriteMode(fields["mode"])
            if fields["checkpoint"] is not None:
                fields["checkpoint"] = Checkpoint.from_json(fields["checkpoint"])
            return cls(
                commit=Commit(**fields),
                rows=document["rows"],
                files=tuple(document["files"]),
                schema=document["schema"],
            )
        except (KeyError, TypeError) as error:
            msg = f"a damaged commit record: {error!r}"
            raise ValueError(msg) from error


@attrs.frozen(kw_only=True)
class Staged:
    """What ``stage`` gives: durable or not, but visible to nobody.

    Attributes:
        rows: Records that were staged, as the writer counted them.
        size_bytes: Bytes that were written so far for them.
        token: The writer's own; handed back on commit, untouched.
    """

    rows: int
    size_bytes: int = 0
    token: object = None


@attrs.frozen(kw_only=True)
class Receipt:
    """Proof that a commit is durable and visible.

    Attributes:
        record: What was stored with the data.
        size_bytes: Bytes that were published.
        replayed: The same commit had been published before; nothing was done.
    """

    record: CommitRecord
    size_bytes: int = 0
    replayed: bool = False


class WriteSession(Protocol):
    """The writing of one stream in one run; opened by the ``write`` hook.

    The engine calls ``stage`` from several threads at once, the others from one thread at a time,
    and ``commit`` only after every ``stage`` has returned; it then hands over all that was staged
    since the last commit. After a ``stage`` that raised nothing is committed: the engine aborts,
    closes the session and opens another for the next try.
    """

    def stage(self, batch: Batch) -> Staged:
        """Drain *batch* to where nobody sees it, in bounded memory."""
        ...

    def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
        """Make *staged* and the record of *commit*, with its checkpoint, visible in one step.

        Raises:
            ConcurrencyError: The epoch is published under another id, or a newer fence is claimed;
                that fence is in the details as ``fence``.
            CommitUnknownError: It cannot be told whether the commit happened.
            DataValidationError: The schema changed in a way that published data cannot follow.
        """
        ...

    def abort(self) -> None:
        """Remove all that was staged and not committed; nothing of it was ever visible."""
        ...

    def last_commit(self) -> CommitRecord | None:
        """Return the newest published record in the stream's place, of whatever job."""
        ...

    def close(self) -> None:
        """Give back files and connections, whatever happened; a second call does nothing."""
        ...


class DeletingSession(WriteSession, Protocol):
    """The session of a writer whose ``deletes`` is set."""

    def delete_missing(self, keys: Batch) -> Staged:
        """Stage the deletion of every published record whose key is not among *keys*.

        Called in merge mode after all upserts of the epoch are staged; *keys* has the fields of
        the primary key and is drained in bounded memory. The ``rows`` of the answer are the
        deletions, 0 for none. What the same epoch upserts is not deleted.
        """
        ...
