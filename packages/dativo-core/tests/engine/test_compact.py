"""Compaction: under the locks of a run, without a change of the state."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from dativo import engine
from dativo.errors import CapabilityMissingError, StateLockedError, WriteFailedError
from dativo.state import job_lock
from dativo_test_support.project import Project

WHOLE = ("whole", "whole")


def test_files_become_few_and_the_state_stays(project: Project) -> None:
    job = project.job(connectors=WHOLE, source={"rows": 40}, run={"epoch_rows": 10})
    engine.run(job)
    before = engine.show_state(job).streams[0].record
    ids = project.ids()

    report = engine.compact(job)

    (stream,) = report.streams
    assert report.ok
    assert stream.result is not None
    assert (stream.result.rows, stream.result.files_before, stream.result.files_after) == (40, 4, 1)
    assert project.ids() == ids
    assert engine.show_state(job).streams[0].record == before
    assert engine.run(job).rows == 0
    assert report.to_dict()["streams"][0]["published"] is True  # type: ignore[index]
    run = engine.list_runs(project.folder)[1]
    assert (run.options["operation"], run.outcome) == ("compact", "done")


def test_compaction_gets_a_fence_above_that_of_the_last_run(project: Project) -> None:
    job = project.job(connectors=WHOLE, source={"rows": 10})
    engine.run(job)

    engine.compact(job)

    fence = int((project.target / "fence").read_text())
    assert fence > project.records()[-1].commit.fence


def test_a_stream_without_data_is_said_to_have_none(project: Project) -> None:
    report = engine.compact(project.job(connectors=WHOLE))

    assert report.ok
    assert not report.streams[0].is_published
    assert report.to_dict()["streams"][0]["published"] is False  # type: ignore[index]


def test_a_writer_that_cannot_says_so_before_anything_is_touched(project: Project) -> None:
    with pytest.raises(CapabilityMissingError, match=r"'ledger' .* cannot compact"):
        engine.compact(project.job())

    assert not project.target.exists()


def test_no_run_may_be_in_progress(project: Project) -> None:
    job = project.job(connectors=WHOLE)
    with (
        job_lock(project.folder / ".dativo", "numbers_to_ledger", "r"),
        pytest.raises(StateLockedError),
    ):
        engine.compact(job)


def test_one_stream_that_fails_does_not_keep_the_others(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = project.job(connectors=WHOLE, streams=[{"name": "a"}, {"name": "b"}], run={"retries": 0})
    engine.run(job)
    concat = pa.concat_tables

    def fail(tables: Any, **options: Any) -> Any:
        monkeypatch.setattr(pa, "concat_tables", concat)
        raise WriteFailedError("the disk is sulking")

    monkeypatch.setattr(pa, "concat_tables", fail)

    report = engine.compact(job)

    assert [stream.error is None for stream in report.streams] == [False, True]
    assert (report.ok, report.exit_code) == (False, 31)
    assert engine.list_runs(project.folder)[0].outcome == "partial"
