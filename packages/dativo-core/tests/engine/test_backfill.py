"""Backfill: a range is read again, and the incremental state stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dativo import engine
from dativo.contract import Checkpoint
from dativo.errors import CapabilityMissingError, ConfigurationError, UsageError
from dativo.state import StateStore
from dativo_test_support.project import Project

pytestmark = pytest.mark.usefixtures("quick_retries")

MERGED = [{"name": "numbers", "mode": "incremental", "primary_key": ["id"]}]


def merged(project: Project, source: dict[str, Any], **more: Any) -> Path:
    return project.job(source=source, streams=MERGED, write_mode="merge", **more)


def stored(project: Project) -> Checkpoint | None:
    store = StateStore(project.folder / ".dativo")
    entry = store.load("numbers_to_ledger", "numbers")
    store.close()
    assert entry is not None
    return entry.checkpoint


def test_range_is_read_again_and_the_state_stays(project: Project) -> None:
    engine.run(merged(project, {"rows": 30}))
    before = stored(project)
    changed = {"rows": 40, "label": "v"}

    result = engine.run(merged(project, changed, run={"epoch_rows": 3}), lower="11", upper="21")
    after = stored(project)
    goes_on = engine.run(merged(project, changed))

    assert result.rows == 10
    assert before is not None
    assert after is not None
    assert after.to_json() == before.to_json() == '{"value":{"id":30},"version":1}'
    assert goes_on.rows == 10
    labels = {n: f"v{n}" if 11 <= n <= 20 or n > 30 else f"n{n}" for n in range(1, 41)}
    assert project.merged() == labels


def test_one_bound_is_enough(project: Project) -> None:
    engine.run(merged(project, {"rows": 30}))

    assert engine.run(merged(project, {"rows": 40}), lower="26").rows == 15
    assert engine.run(merged(project, {"rows": 40}), upper="6").rows == 5
    assert stored(project) == Checkpoint({"id": 30})


def test_backfill_before_anything_else_leaves_the_next_run_at_the_beginning(
    project: Project,
) -> None:
    engine.run(merged(project, {"rows": 30}), lower="11", upper="21")

    result = engine.run(merged(project, {"rows": 30}))

    assert stored(project) == Checkpoint({"id": 30})
    assert result.rows == 30
    assert sorted(project.merged()) == list(range(1, 31))


def test_backfill_that_broke_can_be_repeated(project: Project) -> None:
    engine.run(merged(project, {"rows": 30}))
    failing = {"rows": 30, "label": "v", "fail_at": 15, "fail_with": "bug", "batch_rows": 2}

    broken = engine.run(merged(project, failing, run={"epoch_rows": 2}), lower="11", upper="21")
    state = stored(project)
    again = engine.run(merged(project, {**failing, "fail_at": None}), lower="11", upper="21")

    assert (broken.ok, broken.rows) == (False, 4)
    assert state == Checkpoint({"id": 30})
    assert again.rows == 10
    assert project.merged() == {n: f"v{n}" if 11 <= n <= 20 else f"n{n}" for n in range(1, 31)}


def test_backfill_finds_no_deletions(project: Project) -> None:
    streams = [{**MERGED[0], "deletes": "key_scan"}]
    engine.run(project.job(source={"rows": 30}, streams=streams, write_mode="merge"))
    gone = project.job(source={"rows": 30, "gone": [1]}, streams=streams, write_mode="merge")

    engine.run(gone, lower="11", upper="21")

    assert len(project.merged()) == 30


def test_empty_range_publishes_nothing(project: Project) -> None:
    engine.run(merged(project, {"rows": 30}))

    result = engine.run(merged(project, {"rows": 30}), lower="100")

    assert (result.ok, result.streams[0].epochs) == (True, 0)


def test_a_range_that_the_source_does_not_declare_is_refused_before_it_is_asked(
    project: Project,
) -> None:
    failing = {"rows": 30, "fail_at": 1, "fail_with": "bug"}
    job = merged(project, failing, connectors=("plain", "ledger"))

    with pytest.raises(CapabilityMissingError, match=r"ranges \(--from, --to\)") as caught:
        engine.run(job, lower="11")
    with pytest.raises(CapabilityMissingError, match="ranges"):
        engine.plan(job, upper="21")

    assert (caught.value.connector, caught.value.stream) == ("plain", "numbers")
    assert "dativo plugins show" in caught.value.fix


def test_append_doubles_only_if_it_is_allowed_to(project: Project) -> None:
    job = project.job(source={"rows": 30})
    engine.run(job)

    with pytest.raises(ConfigurationError, match="published twice") as caught:
        engine.run(job, lower="11", upper="21")
    allowed = engine.run(job, lower="11", upper="21", allow_duplicates=True)

    assert "--allow-duplicates" in caught.value.fix
    assert allowed.rows == 10
    assert sorted(project.ids()) == sorted([*range(1, 31), *range(11, 21)])
    assert stored(project) == Checkpoint({"id": 30})


def test_job_that_requires_exactly_once_allows_no_duplicates(project: Project) -> None:
    job = project.job(source={"rows": 30}, require="exactly_once")
    engine.run(job)

    with pytest.raises(ConfigurationError, match="published a second time"):
        engine.run(job, lower="11", upper="21", allow_duplicates=True)

    assert sorted(project.ids()) == list(range(1, 31))


def test_range_that_is_appended_is_one_epoch_and_a_retry_doubles_nothing(
    project: Project, tmp_path: Path
) -> None:
    engine.run(project.job(source={"rows": 30}))
    source = {"rows": 30, "fail_at": 18, "batch_rows": 2, "folder": str(tmp_path / "failures")}
    job = project.job(source=source, run={"epoch_rows": 2})

    result = engine.run(job, lower="11", upper="21", allow_duplicates=True)

    assert (result.ok, result.streams[0].attempts, result.streams[0].epochs) == (True, 2, 1)
    assert sorted(project.ids()) == sorted([*range(1, 31), *range(11, 21)])


def test_stream_that_is_read_in_full_has_no_range(project: Project) -> None:
    source = {"streams": ["a", "b"]}
    streams = [{"name": "a"}, {"name": "b", "mode": "incremental", "write_mode": "merge"}]
    job = project.job(source=source, streams=streams)

    with pytest.raises(ConfigurationError, match="'a' is read in full") as caught:
        engine.run(job, lower="1")
    chosen = engine.run(job, lower="1", streams=["b"])

    assert "--stream" in caught.value.fix
    assert chosen.ok


def test_contradictions_are_wrong_usage(project: Project) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        engine.run(project.job(), lower="1", full_refresh=True)
    with pytest.raises(UsageError, match="only be allowed for a backfill"):
        engine.run(project.job(), allow_duplicates=True)
