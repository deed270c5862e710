"""Deletions that are found by a scan of keys."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from dativo import engine
from dativo.errors import (
    CapabilityMissingError,
    ConfigurationError,
    ContractViolationError,
    DataValidationError,
    PluginExecutionError,
    StalledError,
    WriteFailedError,
)
from dativo_test_support.project import Project

pytestmark = pytest.mark.usefixtures("quick_retries")


def job(project: Project, source: dict[str, Any], **more: Any) -> Path:
    entry = {
        "name": "numbers",
        "mode": "incremental",
        "primary_key": ["id"],
        "deletes": "key_scan",
        **more.pop("entry", {}),
    }
    return project.job(source=source, streams=[entry], write_mode="merge", **more)


@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_what_is_gone_from_the_source_is_deleted(project: Project, mode: str) -> None:
    entry = {"mode": mode}
    engine.run(job(project, {"rows": 30}, entry=entry))

    result = engine.run(job(project, {"rows": 35, "gone": [1, 17, 30, 31]}, entry=entry))

    assert result.ok
    assert set(project.merged()) == set(range(1, 36)) - {1, 17, 30, 31}
    assert result.streams[0].epochs == 1


def test_deletions_alone_are_published(project: Project) -> None:
    engine.run(job(project, {"rows": 30}))

    result = engine.run(job(project, {"rows": 30, "gone": [5, 6]}))

    assert (result.rows, result.streams[0].epochs) == (2, 1)
    assert set(project.merged()) == set(range(1, 31)) - {5, 6}


def test_nothing_is_published_if_nothing_is_gone(project: Project) -> None:
    engine.run(job(project, {"rows": 30}))

    result = engine.run(job(project, {"rows": 30}))

    assert (result.ok, result.streams[0].epochs) == (True, 0)


def test_everything_may_be_gone(project: Project) -> None:
    engine.run(job(project, {"rows": 30}))

    result = engine.run(job(project, {"rows": 30, "gone": list(range(1, 31))}))

    assert result.ok
    assert project.merged() == {}


def test_keys_of_several_readers_and_of_patterns_are_put_together(project: Project) -> None:
    names = ["a", "b"]
    entry = {"name": "*"}
    source = {"rows": 40, "streams": names, "readers": 3, "batch_rows": 13}
    engine.run(job(project, source, entry=entry))

    result = engine.run(job(project, {**source, "gone": [3, 20, 39]}, entry=entry))

    assert result.ok
    for name in names:
        assert set(project.merged(name)) == set(range(1, 41)) - {3, 20, 39}


def test_key_that_gets_lost_on_its_way_deletes_nothing(project: Project) -> None:
    engine.run(job(project, {"rows": 30}))

    result = engine.run(job(project, {"rows": 30, "drop_at": 15}, run={"retries": 1}))

    assert isinstance(result.error, DataValidationError)
    assert "the source counts 10 rows, 0 arrived" in result.error.message
    assert len(project.merged()) == 30


def test_keys_must_be_counted_too(project: Project) -> None:
    engine.run(job(project, {"rows": 30}))

    result = engine.run(job(project, {"rows": 30, "counts": "none"}))

    assert isinstance(result.error, ContractViolationError)
    assert len(project.merged()) == 30


def test_failure_of_the_scan_is_the_sources_and_publishes_nothing(project: Project) -> None:
    engine.run(job(project, {"rows": 30}))

    result = engine.run(job(project, {"rows": 30, "fail_at": 12, "fail_with": "bug"}))

    assert isinstance(result.error, PluginExecutionError)
    assert (result.error.connector, result.error.phase) == ("numbers", "extract")
    assert len(project.records()) == 1


def test_failure_of_the_scan_that_may_pass_is_tried_again(project: Project, tmp_path: Path) -> None:
    engine.run(job(project, {"rows": 30}))
    failing = {"rows": 30, "fail_at": 12, "gone": [9], "folder": str(tmp_path / "failures")}

    result = engine.run(job(project, failing))

    assert (result.ok, result.streams[0].attempts) == (True, 2)
    assert set(project.merged()) == set(range(1, 31)) - {9}


def test_writer_that_does_not_look_at_all_keys_deletes_nothing(project: Project) -> None:
    engine.run(job(project, {"rows": 30}))

    result = engine.run(job(project, {"rows": 30}, writer={"ignores_keys": True}))

    assert isinstance(result.error, WriteFailedError)
    assert "did not drain the keys" in result.error.message
    assert len(project.merged()) == 30


def test_writer_that_goes_on_after_the_keys_broke_off_deletes_nothing(project: Project) -> None:
    engine.run(job(project, {"rows": 30}))
    failing = {"rows": 30, "fail_at": 12, "fail_with": "bug"}

    result = engine.run(job(project, failing, writer={"swallows": True}))

    assert isinstance(result.error, PluginExecutionError)
    assert (result.error.connector, result.error.phase) == ("numbers", "extract")
    assert len(project.merged()) == 30


def test_failure_of_the_writer_is_its_own(project: Project) -> None:
    engine.run(job(project, {"rows": 30}))

    result = engine.run(job(project, {"rows": 30}, writer={"fail_delete": "DiskFullError"}))

    assert result.exit_code == 50
    assert result.error is not None
    assert (result.error.connector, result.error.phase) == ("ledger", "delete_missing")


@pytest.mark.parametrize(
    ("twist", "says"),
    [
        ("no_keys", "yielded no batch"),
        ("all_columns", "gave the fields id, label, amount"),
        ("key_types", "keys of different schemas"),
        ("delete_keys", "gave a batch of deletions"),
    ],
)
def test_scan_that_gives_something_else_breaks_the_contract(
    project: Project, twist: str, says: str
) -> None:
    engine.run(job(project, {"rows": 30}))

    result = engine.run(job(project, {"rows": 30, "twist": twist}))

    assert isinstance(result.error, ContractViolationError)
    assert says in result.error.message
    assert len(project.merged()) == 30


def test_cancelled_scan_deletes_nothing(project: Project) -> None:
    engine.run(job(project, {"rows": 30}))
    cancellation = engine.Cancellation()
    slow = {"rows": 30, "batch_rows": 1, "delay_seconds": 0.1, "gone": [1]}
    timer = threading.Timer(0.7, cancellation.cancel)
    timer.start()

    result = engine.run(job(project, slow), cancellation=cancellation)
    timer.join()

    assert result.exit_code == 130
    assert len(project.merged()) == 30


def test_scan_that_hangs_is_a_stall(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dativo.engine._run._GRACE_SECONDS", 0.5)
    engine.run(job(project, {"rows": 30}))
    hanging = {"rows": 30, "fail_at": 12, "hang": True}

    result = engine.run(job(project, hanging, run={"stall_timeout": "1s"}))

    assert isinstance(result.error, StalledError)
    assert len(project.merged()) == 30


def test_full_refresh_needs_no_scan(project: Project) -> None:
    engine.run(job(project, {"rows": 30}))

    result = engine.run(
        job(project, {"rows": 30, "gone": [5], "twist": "no_keys"}), full_refresh=True
    )

    assert result.ok
    assert set(project.merged()) == set(range(1, 31)) - {5}


def test_deletions_need_merge_mode(project: Project) -> None:
    with pytest.raises(ConfigurationError, match="needs merge mode"):
        engine.run(project.job(streams=[{"name": "numbers", "deletes": "key_scan"}]))


def test_source_must_be_able_to_scan_keys(project: Project) -> None:
    with pytest.raises(CapabilityMissingError, match="source 'plain' cannot scan keys") as caught:
        engine.run(job(project, {}, connectors=("plain", "ledger")))

    assert "--full-refresh" in caught.value.fix


def test_writer_must_be_able_to_delete(project: Project) -> None:
    with pytest.raises(CapabilityMissingError, match="writer 'plain' cannot delete records"):
        engine.run(job(project, {}, connectors=("numbers", "plain")))
