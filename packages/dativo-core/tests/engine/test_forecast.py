"""What a run would do: said without moving, claiming, locking or making anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dativo import engine
from dativo.contract import Checkpoint, Guarantee, ReadMode, WriteMode
from dativo.errors import (
    ConfigurationError,
    DativoError,
    InsufficientPermissionsError,
    StateError,
)
from dativo_test_support.project import Project

WHOLE = ("whole", "whole")


def whole(project: Project, **job: Any) -> Path:
    return project.job(connectors=WHOLE, **job)


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder below *folder*, with size and time of the last change."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
    }


def test_a_first_run_reads_from_the_beginning(project: Project) -> None:
    job = whole(project, source={"rows": 95})

    report = engine.plan(job)

    (stream,) = report.streams
    assert report.ok
    assert (stream.read_mode, stream.write_mode) == (ReadMode.INCREMENTAL, WriteMode.APPEND)
    assert (stream.checkpoint, stream.epoch, stream.upper) == (None, 0, "95")
    assert (stream.rows, stream.size_bytes, stream.partitions, stream.files) == (95, 760, 10, 1)
    assert stream.knows_target
    assert stream.place == str(project.target / "numbers")
    assert stream.guarantee is Guarantee.EXACTLY_ONCE
    assert stream.assumptions[0] == "ids only grow"
    assert stream.assumptions[-1] == "the folder stays where it is"


def test_a_next_run_reads_on_from_what_is_published(project: Project) -> None:
    engine.run(whole(project, source={"rows": 40}))

    (stream,) = engine.plan(whole(project, source={"rows": 45})).streams

    assert (stream.checkpoint, stream.lower) == (Checkpoint({"id": 40}), "40")
    assert (stream.rows, stream.epoch) == (5, len(project.records()))
    assert not stream.rolls_forward


@pytest.mark.parametrize("connectors", [WHOLE, ("numbers", "ledger")])
@pytest.mark.parametrize("runs_before", [False, True])
def test_a_plan_leaves_the_file_system_untouched(
    project: Project, connectors: tuple[str, str], *, runs_before: bool
) -> None:
    job = project.job(connectors=connectors, source={"rows": 10})
    if runs_before:
        engine.run(job)
    before = listing(project.folder)

    engine.plan(job)

    assert listing(project.folder) == before


def test_state_behind_the_data_would_be_rolled_forward(project: Project) -> None:
    job = whole(project, source={"rows": 40})
    engine.run(job)
    (project.folder / ".dativo" / "state.db").unlink()

    (stream,) = engine.plan(job).streams

    assert stream.rolls_forward
    assert (stream.lower, stream.rows) == ("40", 0)


def test_a_run_that_would_be_refused_says_why(project: Project) -> None:
    job = whole(project, source={"rows": 40})
    engine.run(job)
    for file in (project.target / "numbers").glob("*.arrow"):
        file.unlink()

    report = engine.plan(job)

    assert isinstance(report.error, StateError)
    assert "holds no commit" in report.error.message
    assert (report.exit_code, report.error.stream) == (60, "numbers")
    assert report.to_dict()["ok"] is False


def test_without_hooks_figures_are_unknown_and_the_state_is_all_there_is(project: Project) -> None:
    job = project.job(source={"rows": 40})
    engine.run(job)

    (stream,) = engine.plan(job).streams

    assert not stream.knows_target
    assert (stream.rows, stream.size_bytes, stream.partitions, stream.files) == (None,) * 4
    assert (stream.lower, stream.place) == (None, "")
    assert stream.checkpoint == Checkpoint({"id": 40})
    assert "gets a cursor value" in stream.assumptions[0]


def test_what_discovery_estimates_counts_for_a_read_from_the_beginning(project: Project) -> None:
    job = project.job(source={"rows": 40}, streams=[{"name": "*", "mode": "incremental"}])

    first = engine.plan(job).streams[0].rows
    engine.run(job)

    assert (first, engine.plan(job).streams[0].rows) == (40, None)


def test_a_replace_is_not_resumable(project: Project) -> None:
    (stream,) = engine.plan(whole(project, streams=[{"name": "numbers"}])).streams
    (refreshed,) = engine.plan(whole(project), full_refresh=True).streams

    assert (stream.write_mode, stream.is_resumable) == (WriteMode.REPLACE, False)
    assert (refreshed.write_mode, refreshed.is_resumable) == (WriteMode.REPLACE, False)


def test_one_stream_that_fails_does_not_hide_the_others(project: Project) -> None:
    job = whole(
        project,
        source={"streams": ["a", "b"], "unreadable": ["b"]},
        streams=[{"name": "a"}, {"name": "b"}],
    )

    report = engine.plan(job)
    only = engine.plan(job, streams=["a"])

    assert [stream.error is None for stream in report.streams] == [True, False]
    assert isinstance(report.streams[1].error, InsufficientPermissionsError)
    assert report.exit_code == 31
    assert (only.ok, [stream.stream for stream in only.streams]) == (True, ["a"])


def test_a_backfill_reads_its_range_whatever_is_published(project: Project) -> None:
    merged = [{"name": "numbers", "mode": "incremental", "primary_key": ["id"]}]
    job = whole(project, source={"rows": 40}, streams=merged, write_mode="merge")
    engine.run(job)

    (both,) = engine.plan(job, lower="11", upper="21").streams
    (open_end,) = engine.plan(job, lower="11").streams

    assert both.is_backfill
    assert (both.lower, both.upper, both.rows) == ("11", "21", 10)
    assert (both.checkpoint, both.epoch) == (None, len(project.records()))
    assert (open_end.lower, open_end.upper, open_end.rows) == ("11", None, 30)
    assert both.guarantee is Guarantee.EXACTLY_ONCE
    assert both.is_resumable
    assert engine.plan(job).streams[0].rows == 0


def test_a_backfill_estimates_nothing_by_the_whole_stream(project: Project) -> None:
    job = project.job(source={"rows": 40}, streams=[{"name": "*", "mode": "incremental"}])

    (stream,) = engine.plan(job, lower="11", allow_duplicates=True).streams

    assert (stream.rows, stream.lower, stream.upper) == (None, "11", None)


def test_a_backfill_that_doubles_records_says_so(project: Project) -> None:
    job = whole(project, source={"rows": 30})
    engine.run(job)

    (stream,) = engine.plan(job, lower="11", upper="21", allow_duplicates=True).streams

    assert stream.guarantee is Guarantee.AT_LEAST_ONCE
    assert "published a second time" in stream.reason
    assert not stream.is_resumable


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"lower": "1"}, "published twice"),
        ({"lower": "1", "full_refresh": True}, "exclude each other"),
        ({"allow_duplicates": True}, "only be allowed for a backfill"),
    ],
)
def test_a_plan_refuses_what_a_run_refuses(
    project: Project, asked: dict[str, Any], why: str
) -> None:
    job = whole(project)

    with pytest.raises(DativoError, match=why) as planned:
        engine.plan(job, **asked)
    with pytest.raises(DativoError, match=why) as ran:
        engine.run(job, **asked)

    assert planned.value.to_dict() == ran.value.to_dict()


def test_a_guarantee_that_is_too_weak_is_a_refusal_with_the_plan_beside_it(
    project: Project,
) -> None:
    job = project.job(connectors=("plain", "ledger"), require="exactly_once")

    report = engine.plan(job)

    assert isinstance(report.error, ConfigurationError)
    assert report.exit_code == 10
    assert report.streams[0].guarantee is Guarantee.AT_LEAST_ONCE
    assert "append keeps both" in report.streams[0].reason


def test_a_plan_is_json(project: Project) -> None:
    job = whole(project, source={"rows": 20})
    engine.run(job)

    document = json.loads(json.dumps(engine.plan(job).to_dict()))

    (stream,) = document["streams"]
    assert document["ok"] is True
    assert stream["checkpoint"] == {"version": 1, "value": {"id": 20}}
    assert (stream["read_mode"], stream["guarantee"]) == ("incremental", "exactly_once")
    assert stream["error"] is None
