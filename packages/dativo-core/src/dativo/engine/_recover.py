"""The start-up table: what the state says against what is published, before anything is read."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from dativo.contract import Checkpoint, CommitRecord, WriteMode
from dativo.errors import StateError
from dativo.state import StateEntry, age_of

__all__ = ["HASHED", "WRITE_MODE", "Start", "reconcile"]

WRITE_MODE = "write_mode"
"""The key of a fingerprint that says how the published data is made up, whatever is read next."""

HASHED = "#"
"""What a value of a fingerprint begins with if only its hash is kept."""

_SET_BACK = (
    "Bring the newer data back if it still exists. If it is lost, run `dativo state rebuild "
    "--config JOB_FILE`: the state goes back to what the target holds, and the next run reads on "
    "from there; or run once with --full-refresh."
)


@attrs.frozen(kw_only=True)
class Start:
    """Where a run of a stream begins.

    Attributes:
        epoch: The last published epoch; 0 for none.
        checkpoint: Where the source reads on from; ``None`` for the beginning.
        record: The newest published record.
        roll_forward: The state is behind the published data and must be stored first.
    """

    epoch: int = 0
    checkpoint: Checkpoint | None = None
    record: CommitRecord | None = None
    roll_forward: bool = False


def reconcile(
    record: CommitRecord | None,
    entry: StateEntry | None,
    *,
    job: str,
    fingerprint: Mapping[str, str],
    mode: WriteMode,
    resumes: bool = True,
    rebuilds: bool = False,
) -> Start:
    """Compare the published *record* with the stored *entry*; the record wins where it is ahead.

    Args:
        record: The newest published record of the stream's place.
        entry: What is stored.
        job: The job's name.
        fingerprint: What the job's checkpoints depend on now.
        mode: How the stream is written.
        resumes: Whether the checkpoint is going to be used; if not it need not fit.
        rebuilds: Whether the state is going to be set back to the record where it is ahead.

    Raises:
        StateError: They do not fit together, or the job changed in a way that makes its old
            checkpoint meaningless.
    """
    if record is not None and record.commit.job_id != job:
        msg = (
            f"the stream's place holds data that job {record.commit.job_id!r} published "
            f"(run {record.commit.run_id}); this is job {job!r}"
        )
        fix = "Give this job a target of its own, or the name of the job that owns the data."
        raise StateError(msg, fix=fix)
    if mode is WriteMode.REPLACE:
        # All is read and exchanged anyway; only the epoch counts on.
        return Start(epoch=0 if record is None else record.commit.epoch, record=record)
    if entry is not None and not rebuilds:
        _require_not_ahead(entry, record)
    if record is None:
        return Start()
    if entry is not None:
        _require_same_commit(record, entry)
    _compare_fingerprints(record.commit.fingerprint, fingerprint, resumes=resumes)
    return Start(
        epoch=record.commit.epoch,
        checkpoint=record.commit.checkpoint,
        record=record,
        roll_forward=entry is None or age_of(record) > age_of(entry.record),
    )


def _require_not_ahead(entry: StateEntry, record: CommitRecord | None) -> None:
    if record is not None and age_of(record) >= age_of(entry.record):
        return
    stored = entry.record.commit
    details: dict[str, object] = {
        "stored_epoch": stored.epoch,
        "stored_commit_id": stored.commit_id,
        "published_epoch": None,
        "published_commit_id": None,
    }
    if record is None:
        msg = (
            f"the state says that epoch {entry.epoch} is published (since {entry.updated_at}), "
            "but the target holds no commit of this job; the data was moved or deleted"
        )
    else:
        commit = record.commit
        details |= {"published_epoch": commit.epoch, "published_commit_id": commit.commit_id}
        msg = (
            f"the state says that epoch {entry.epoch} is published (by run {stored.run_id}), but "
            f"the target's newest is {commit.epoch} of run {commit.run_id}; the data is older "
            "than the state"
        )
    raise StateError(msg, fix=_SET_BACK, stream=stored.stream, details=details)


def _require_same_commit(record: CommitRecord, entry: StateEntry) -> None:
    commit = record.commit
    if age_of(entry.record) == age_of(record) and entry.commit_id != commit.commit_id:
        msg = (
            f"epoch {entry.epoch} is published as {commit.commit_id}, but the state knows it as "
            f"{entry.commit_id}; somebody else wrote there"
        )
        raise StateError(msg)


def _compare_fingerprints(
    published: Mapping[str, str], current: Mapping[str, str], *, resumes: bool
) -> None:
    keys = {**published, **current} if resumes else (WRITE_MODE,)
    changed = [
        _change(key, published.get(key, ""), current.get(key, ""))
        for key in keys
        if published.get(key, "") != current.get(key, "")
    ]
    if changed:
        what = "; ".join(changed)
        msg = f"the job changed since the last commit, its checkpoint no longer fits ({what})"
        raise StateError(msg, fix="Undo the change, or run once with --full-refresh.")


def _change(key: str, before: str, after: str) -> str:
    if before.startswith(HASHED) and after.startswith(HASHED):
        return f"{key} is another one"
    return f"{key}: {before or '(none)'} -> {after or '(none)'}"
