"""One run at a time: locks here and in the target, fences above those that are there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dativo import engine
from dativo.errors import ConcurrencyError, StateLockedError
from dativo.state import StateStore, job_lock_file
from dativo_test_support.project import Project

pytestmark = pytest.mark.usefixtures("quick_retries")

JOB = "numbers_to_ledger"
AHEAD = 10**15  # far above what the clock gives


def at_first(event_type: type[engine.Event], action: Callable[[], None]) -> engine.Observer:
    """Return an observer that does *action* at the first event of a type."""
    done: list[engine.Event] = []

    def observe(event: engine.Event) -> None:
        if isinstance(event, event_type) and not done:
            done.append(event)
            action()

    return observe


def other_checkout(project: Project) -> Project:
    """Return a second project whose ledger is that of the first."""
    folder = project.folder.with_name("other")
    folder.mkdir()
    (folder / "ledger").symlink_to(project.target)
    return Project(folder)


def test_target_is_locked_against_another_checkout(project: Project) -> None:
    other = other_checkout(project)
    refused: list[StateLockedError] = []

    def run_the_other() -> None:
        with pytest.raises(StateLockedError) as caught:
            engine.run(other.job(writer={"locked": True}))
        refused.append(caught.value)

    result = engine.run(
        project.job(writer={"locked": True}),
        observer=at_first(engine.StreamStarted, run_the_other),
    )

    assert result.ok
    assert refused[0].exit_code == 60
    assert refused[0].details["run_id"] == result.run_id


def test_lock_of_the_target_goes_with_the_run(project: Project) -> None:
    job = project.job(writer={"locked": True})

    assert engine.run(job).ok
    assert engine.run(job).ok


@pytest.mark.parametrize("which", ["job", "target"])
def test_run_that_lost_its_lock_publishes_no_more_and_ends(project: Project, which: str) -> None:
    job = project.job(
        source={"rows": 50}, writer={"locked": True}, run={"epoch_rows": 10, "retries": 3}
    )
    locks = {
        "job": job_lock_file(project.folder / ".dativo", JOB),
        "target": project.target / "run.lock",
    }

    result = engine.run(job, observer=at_first(engine.EpochCommitted, locks[which].unlink))

    assert isinstance(result.error, StateLockedError)
    assert result.exit_code == 60
    assert "took over the lock" in result.error.message
    assert result.streams[0].attempts == 1
    assert project.ids() == list(range(1, 11))


def test_fence_in_the_target_that_is_above_the_runs_is_passed(project: Project) -> None:
    claim(project, fence=AHEAD)

    result = engine.run(project.job(writer={"fenced": True}))

    assert result.ok
    assert result.streams[0].attempts == 2
    assert project.records()[-1].commit.fence == AHEAD + 1


def test_fence_that_was_raised_is_stored(project: Project) -> None:
    claim(project, fence=AHEAD)
    engine.run(project.job(writer={"fenced": True}))

    store = StateStore(project.folder / ".dativo")
    fence = store.next_fence(JOB)
    store.close()

    assert fence == AHEAD + 2


def test_claim_of_a_run_that_lost_its_locks_is_passed_at_the_commit(project: Project) -> None:
    job = project.job(source={"rows": 30}, writer={"fenced": True}, run={"epoch_rows": 10})
    late = at_first(engine.EpochCommitted, lambda: claim(project, fence=AHEAD))

    result = engine.run(job, observer=late)

    assert result.ok
    assert result.streams[0].attempts == 2
    assert project.ids() == list(range(1, 31))


def test_run_that_was_fenced_after_it_lost_its_lock_does_not_try_again(project: Project) -> None:
    job = project.job(source={"rows": 30}, writer={"fenced": True}, run={"epoch_rows": 10})

    def take_over() -> None:
        job_lock_file(project.folder / ".dativo", JOB).unlink()
        claim(project, fence=AHEAD)

    result = engine.run(job, observer=at_first(engine.EpochCommitted, take_over))

    assert isinstance(result.error, StateLockedError)
    assert project.ids() == list(range(1, 11))


def test_epoch_that_somebody_else_published_between_two_tries_ends_the_run(
    project: Project, tmp_path: Path
) -> None:
    other = other_checkout(project)
    source = {"rows": 30, "fail_at": 15, "folder": str(tmp_path / "failures")}

    def run_the_other() -> None:
        assert engine.run(other.job(source={"rows": 12})).ok

    result = engine.run(
        project.job(source=source, run={"epoch_rows": 10}),
        observer=at_first(engine.RetryScheduled, run_the_other),
    )

    assert isinstance(result.error, ConcurrencyError)
    assert "while this run was at work" in result.error.message
    assert result.streams[0].attempts == 2
    assert project.ids() == list(range(1, 13))


def claim(project: Project, *, fence: int) -> None:
    """Claim the stream for a run that is not ours."""
    folder = project.target / "numbers"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "claim.json").write_text(json.dumps({"run_id": "other", "fence": fence}))
