"""Operator changes of state are commits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dativo import engine
from dativo.contract import Checkpoint, Receipt
from dativo.engine._exclusive import open_exclusively
from dativo.engine._open import open_job, plan_streams
from dativo.engine._stamp import stamp
from dativo.errors import ConfigurationError, ContractViolationError, StateError
from dativo.state import StateStore, job_lock
from dativo_test_support.project import Project


def change(file: Path, checkpoint: Checkpoint | None) -> Receipt:
    job = open_job(file)
    with (
        job_lock(job.folder / ".dativo", job.name, "r1") as lock,
        open_exclusively(job, lock, run_id="r1") as own,
    ):
        (plan,) = plan_streams(own.sides, own.control)
        return stamp(plan, own, checkpoint)


def test_new_checkpoint_is_published_and_stored(project: Project) -> None:
    job = project.job(source={"rows": 30})
    engine.run(job)

    receipt = change(job, Checkpoint({"id": 25}))
    store = StateStore(project.folder / ".dativo")
    entry = store.load("numbers_to_ledger", "numbers")
    store.close()
    result = engine.run(job)

    assert entry is not None
    assert entry.record == receipt.record == project.records()[1]
    assert (receipt.record.rows, receipt.record.commit.epoch) == (0, 2)
    assert result.rows == 5


def test_reset_reads_from_the_beginning(project: Project) -> None:
    job = project.job(source={"rows": 30})
    engine.run(job)

    change(job, None)

    assert engine.run(job).rows == 30


def test_checkpoint_of_another_cursor_is_given_up(project: Project) -> None:
    engine.run(project.job(source={"region": "eu"}))
    moved = project.job(source={"region": "us"})

    change(moved, None)

    assert engine.run(moved).rows == 100


def test_data_that_was_written_otherwise_is_not_changed(project: Project) -> None:
    engine.run(project.job())
    streams: list[dict[str, Any]] = [
        {"name": "numbers", "mode": "incremental", "primary_key": ["id"]}
    ]

    with pytest.raises(StateError, match="write_mode"):
        change(project.job(streams=streams, write_mode="merge"), None)


def test_stream_without_data_has_no_state_to_change(project: Project) -> None:
    with pytest.raises(StateError, match="so there is no state to change"):
        change(project.job(), Checkpoint({"id": 5}))

    assert project.records() == []


def test_stream_that_is_replaced_has_no_state_to_change(project: Project) -> None:
    job = project.job(streams=[{"name": "numbers"}])
    engine.run(job)

    with pytest.raises(ConfigurationError, match="exchanged by each run"):
        change(job, None)


def test_checkpoint_must_be_json(project: Project) -> None:
    job = project.job()
    engine.run(job)

    with pytest.raises(ContractViolationError):
        change(job, Checkpoint({"id": object()}))  # type: ignore[dict-item]
