"""Merge mode: what it needs, and how it meets data that was written otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from dativo import engine
from dativo.errors import (
    ConfigurationError,
    ContractViolationError,
    SchemaValidationError,
    StateError,
)
from dativo_test_support.project import Project

pytestmark = pytest.mark.usefixtures("quick_retries")


def stream(**more: Any) -> list[dict[str, Any]]:
    return [{"name": "numbers", "mode": "incremental", "primary_key": ["id"], **more}]


def test_later_versions_supersede_earlier_ones(project: Project) -> None:
    full = [{"name": "numbers", "mode": "full", "primary_key": ["id"]}]
    engine.run(project.job(source={"rows": 5}, streams=full, write_mode="merge"))
    engine.run(project.job(source={"rows": 7, "label": "v"}, streams=full, write_mode="merge"))

    assert project.merged() == {number: f"v{number}" for number in range(1, 8)}
    assert len(project.records()) == 2


def test_incremental_stays_append_if_nobody_asks_for_merge(project: Project) -> None:
    engine.run(project.job(streams=stream()))

    assert project.records()[0].commit.mode.value == "append"


def test_merge_takes_the_primary_key_from_the_source(project: Project) -> None:
    streams = [{"name": "numbers", "mode": "incremental"}]

    assert engine.run(project.job(streams=streams, write_mode="merge")).ok
    assert len(project.merged()) == 100


def test_merge_without_a_primary_key_is_refused(project: Project) -> None:
    streams = [{"name": "unknown", "mode": "incremental"}]

    with pytest.raises(ConfigurationError, match="has no primary key") as caught:
        engine.run(project.job(streams=streams, write_mode="merge"))

    assert "`primary_key: [id]`" in caught.value.fix


def test_primary_key_must_be_read(project: Project) -> None:
    with pytest.raises(SchemaValidationError, match="by id, which is not among its columns"):
        engine.run(project.job(streams=stream(columns=["label"]), write_mode="merge"))


def test_deletions_are_taken_in_merge_mode(project: Project) -> None:
    engine.run(project.job(source={"rows": 10}, streams=stream(), write_mode="merge"))
    deletions = {"rows": 12, "op": "delete"}
    engine.run(project.job(source=deletions, streams=stream(), write_mode="merge"))

    assert sorted(project.merged()) == list(range(1, 11))
    assert [record.rows for record in project.records()] == [10, 2]


def test_deletions_may_hold_the_key_alone(project: Project) -> None:
    engine.run(project.job(source={"rows": 10}, streams=stream(), write_mode="merge"))
    source = {"rows": 16, "batch_rows": 3, "twist": "deletes_by_key"}
    result = engine.run(project.job(source=source, streams=stream(), write_mode="merge"))

    assert result.error is None
    assert sorted(project.merged()) == list(range(1, 14))
    assert [record.rows for record in project.records()] == [10, 6]


def test_source_is_told_whether_the_target_takes_deletions(project: Project) -> None:
    source = {"rows": 4, "deletes_if_taken": True}
    engine.run(project.job(source={"rows": 2}, streams=stream(), write_mode="merge"))
    merged = engine.run(project.job(source=source, streams=stream(), write_mode="merge"))

    assert (merged.error, sorted(project.merged())) == (None, [1, 2])


def test_source_is_told_that_a_refresh_takes_no_deletions(project: Project) -> None:
    job = project.job(
        source={"rows": 4, "deletes_if_taken": True}, streams=stream(), write_mode="merge"
    )

    assert engine.run(job, full_refresh=True).ok
    assert sorted(project.merged()) == [1, 2, 3, 4]


def test_source_is_told_that_appending_takes_no_deletions(project: Project) -> None:
    source = {"rows": 4, "deletes_if_taken": True}

    assert engine.run(project.job(source=source, streams=stream(), write_mode="append")).ok
    assert project.ids() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("write_mode", "connectors"), [("append", ("numbers", "ledger")), (None, ("numbers", "plain"))]
)
def test_deletions_without_merge_break_the_contract(
    project: Project, write_mode: str | None, connectors: tuple[str, str]
) -> None:
    result = engine.run(
        project.job(source={"op": "delete"}, write_mode=write_mode, connectors=connectors)
    )

    assert isinstance(result.error, ContractViolationError)
    assert result.error.connector == "numbers"
    assert project.ids() == []


@pytest.mark.parametrize(("before", "after"), [("append", "merge"), ("merge", "append")])
def test_published_data_is_not_merged_or_appended_to_if_it_was_written_otherwise(
    project: Project, before: str, after: str
) -> None:
    engine.run(project.job(source={"rows": 5}, streams=stream(), write_mode=before))

    refused = engine.run(project.job(source={"rows": 8}, streams=stream(), write_mode=after))
    refreshed = engine.run(
        project.job(source={"rows": 8}, streams=stream(), write_mode=after), full_refresh=True
    )
    goes_on = engine.run(project.job(source={"rows": 9}, streams=stream(), write_mode=after))

    assert isinstance(refused.error, StateError)
    assert "write_mode: " in refused.error.message
    assert "--full-refresh" in refused.error.fix
    assert refreshed.ok
    assert (goes_on.ok, goes_on.rows) == (True, 1)
    assert sorted(project.merged()) == list(range(1, 10))


def test_refresh_of_a_merged_stream_keeps_versions(project: Project) -> None:
    job = project.job(source={"rows": 5}, streams=stream(), write_mode="merge")
    engine.run(job)

    engine.run(job, full_refresh=True)

    assert project.sequences(epoch=2) == dict.fromkeys(range(1, 6), 1)
