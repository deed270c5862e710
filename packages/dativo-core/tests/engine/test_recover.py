"""The start-up table, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from dativo.contract import Checkpoint, Commit, CommitRecord, WriteMode
from dativo.engine._recover import Start, reconcile
from dativo.errors import StateError
from dativo.state import StateEntry

FINGERPRINT = {"source": "numbers:", "mode": "incremental"}


def record(
    epoch: int = 3, commit_id: str = "c3", job: str = "job", *, fence: int = 7
) -> CommitRecord:
    commit = Commit(
        job_id=job,
        stream="s",
        epoch=epoch,
        commit_id=commit_id,
        run_id="r",
        fence=fence,
        mode=WriteMode.APPEND,
        checkpoint=Checkpoint({"id": epoch}),
        fingerprint=FINGERPRINT,
    )
    return CommitRecord(commit=commit, rows=1)


def entry(epoch: int = 3, commit_id: str = "c3", *, fence: int = 7) -> StateEntry:
    stored = record(epoch, commit_id, fence=fence)
    return StateEntry(record=stored, updated_at="2026-01-01T00:00:00Z")


def start(published: CommitRecord | None, stored: StateEntry | None, **changes: Any) -> Start:
    arguments: dict[str, Any] = {
        "job": "job",
        "fingerprint": FINGERPRINT,
        "mode": WriteMode.APPEND,
        **changes,
    }
    return reconcile(published, stored, **arguments)


def test_nothing_published_and_no_state_begins_at_the_beginning() -> None:
    found = start(None, None)

    assert (found.epoch, found.checkpoint, found.roll_forward) == (0, None, False)


def test_state_and_record_agree() -> None:
    found = start(record(), entry())

    assert (found.epoch, found.checkpoint, found.roll_forward) == (3, Checkpoint({"id": 3}), False)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        entry(2, "c2"),
        # The target was lost, a full refresh began it anew, and its state was not stored.
        entry(9, "c9", fence=6),
        entry(3, "other", fence=6),
    ],
)
def test_record_ahead_of_the_state_wins(stored: StateEntry | None) -> None:
    found = start(record(), stored)

    assert (found.epoch, found.checkpoint, found.roll_forward) == (3, Checkpoint({"id": 3}), True)


@pytest.mark.parametrize(
    ("published", "stored", "message"),
    [
        (None, entry(), "moved or deleted"),
        (record(2, "c2"), entry(), "older than the state"),
        (record(9, "c9", fence=6), entry(), "older than the state"),
        (record(3, "other"), entry(), "somebody else wrote there"),
        (record(job="other"), entry(), "job 'other' published"),
        (record(job="other"), None, "job 'other' published"),
    ],
)
def test_what_does_not_fit_together_is_an_error(
    published: CommitRecord | None, stored: StateEntry | None, message: str
) -> None:
    with pytest.raises(StateError, match=message):
        start(published, stored)


@pytest.mark.parametrize(
    ("published", "epoch", "commit_id"), [(record(2, "c2"), 2, "c2"), (None, None, None)]
)
def test_a_state_ahead_of_the_target_names_both_commits_and_the_command_that_sets_it_back(
    published: CommitRecord | None, epoch: int | None, commit_id: str | None
) -> None:
    with pytest.raises(StateError) as caught:
        start(published, entry())

    assert caught.value.stream == "s"
    assert "dativo state rebuild --config" in caught.value.fix
    assert caught.value.details == {
        "stored_epoch": 3,
        "stored_commit_id": "c3",
        "published_epoch": epoch,
        "published_commit_id": commit_id,
    }


def test_a_rebuild_begins_where_an_older_target_is() -> None:
    found = start(record(2, "c2"), entry(), rebuilds=True)

    assert (found.epoch, found.checkpoint, found.roll_forward) == (2, Checkpoint({"id": 2}), False)
    assert start(None, entry(), rebuilds=True) == Start()


@pytest.mark.parametrize(
    ("published", "message"),
    [(record(3, "other"), "somebody else wrote there"), (record(2, "c2", "other"), "'other'")],
)
def test_a_rebuild_takes_nothing_from_somebody_else(published: CommitRecord, message: str) -> None:
    with pytest.raises(StateError, match=message):
        start(published, entry(), rebuilds=True)


def test_changed_fingerprint_says_what_changed() -> None:
    with pytest.raises(StateError, match=r"mode: incremental -> full; cursor: \(none\) -> id"):
        start(record(), entry(), fingerprint={**FINGERPRINT, "mode": "full", "cursor": "id"})


def test_checkpoint_that_is_given_up_need_not_fit() -> None:
    found = start(record(), entry(), fingerprint={"mode": "full"}, resumes=False)

    assert found.epoch == 3
    with pytest.raises(StateError, match=r"write_mode: \(none\) -> merge"):
        start(record(), entry(), fingerprint={"write_mode": "merge"}, resumes=False)


def test_replace_compares_only_the_owner() -> None:
    found = start(record(), None, fingerprint={}, mode=WriteMode.REPLACE)

    assert (found.epoch, found.checkpoint) == (3, None)
    assert start(None, entry(), mode=WriteMode.REPLACE).epoch == 0
    with pytest.raises(StateError, match="other"):
        start(record(job="other"), None, mode=WriteMode.REPLACE)
