"""What a run leaves in the history, and that no history fails a run."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest

from dativo import engine
from dativo.errors import PluginLoadError, ResourceNotFoundError, RunInterruptedError
from dativo.state import read_run, read_runs
from dativo_test_support.project import Project
from dativo_test_support.wheels import PluginWheel, install


def test_a_run_is_written_down_with_its_commits(project: Project) -> None:
    job = project.job(source={"rows": 25}, run={"epoch_rows": 10})

    result = engine.run(job, streams=["numbers"])

    found = read_run(project.folder / ".dativo", result.run_id)
    (stream,) = found.streams
    assert (found.run.outcome, found.run.exit_code, found.run.rows) == ("done", 0, 25)
    assert found.run.options["streams"] == ["numbers"]
    assert (stream.outcome, stream.rows, stream.epochs) == ("done", 25, result.streams[0].epochs)
    published = project.records()
    assert [epoch.commit_id for epoch in found.epochs] == [
        record.commit.commit_id for record in published
    ]
    assert found.epochs[-1].checkpoint == published[-1].commit.checkpoint.to_json()  # type: ignore[union-attr]


@pytest.mark.usefixtures("quick_retries")
def test_a_failure_is_written_down_without_secrets(project: Project) -> None:
    job = project.job(
        source={"password": "hunter2-hunter2", "leak": True, "fail_at": 1, "fail_times": 99},
        run={"retries": 1},
    )

    result = engine.run(job)

    found = read_run(project.folder / ".dativo", result.run_id)
    (stream,) = found.streams
    assert (found.run.outcome, found.run.exit_code) == ("failed", 22)
    assert (stream.outcome, stream.attempts, stream.error_code) == ("failed", 2, "NETWORK")
    assert "db://user:****@host" in stream.error_message
    for file in (project.folder / ".dativo").rglob("*"):
        assert file.is_dir() or b"hunter2" not in file.read_bytes(), file


def test_streams_that_fail_among_others_make_a_run_partial(project: Project) -> None:
    job = project.job(source={"streams": ["a", "b"], "unreadable": ["b"]}, streams=[{"name": "*"}])

    result = engine.run(job)

    assert read_run(project.folder / ".dativo", result.run_id).run.outcome == "partial"


def test_a_run_that_could_not_begin_is_written_down(project: Project) -> None:
    with pytest.raises(ResourceNotFoundError):
        engine.run(project.job(streams=[{"name": "x*"}]))

    (run,) = read_runs(project.folder / ".dativo")
    assert (run.outcome, run.exit_code, run.error_code) == ("failed", 10, "RESOURCE_NOT_FOUND")


def test_what_is_not_known_to_be_a_secret_yet_is_not_stored(project: Project) -> None:
    code = "raise RuntimeError('cannot connect with hunter2-hunter2')"
    install(project.folder.parent / "site", PluginWheel.of_connector("broken", code))

    with pytest.raises(PluginLoadError, match="hunter2"):
        engine.run(project.job(connectors=("broken", "ledger")))

    (run,) = read_runs(project.folder / ".dativo")
    assert (run.error_code, run.exit_code) == ("PLUGIN_LOAD", 13)
    assert run.error_message.startswith("its message is not stored")
    assert b"hunter2" not in (project.folder / ".dativo" / "history.db").read_bytes()


def test_an_interrupted_run_says_so(project: Project) -> None:
    cancellation = engine.Cancellation()
    cancellation.cancel()

    with pytest.raises(RunInterruptedError):
        engine.run(project.job(), cancellation=cancellation)

    (run,) = read_runs(project.folder / ".dativo")
    assert (run.outcome, run.exit_code) == ("interrupted", 130)


def test_a_run_that_was_killed_shows_as_crashed_with_what_it_had_published(
    project: Project,
) -> None:
    job = project.job(source={"rows": 30}, run={"epoch_rows": 10})
    script = (
        "import os, sys\nfrom dativo import engine\n"
        "def observe(event):\n"
        "    if isinstance(event, engine.EpochCommitted) and event.epoch == 3: os._exit(9)\n"
        "engine.run(sys.argv[1], observer=observe)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(job)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
        timeout=60,
    )

    assert done.returncode == 9
    (run,) = read_runs(project.folder / ".dativo")
    found = read_run(project.folder / ".dativo", run.run_id)
    assert (run.outcome, run.ended, run.exit_code) == ("crashed", None, None)
    assert [epoch.epoch for epoch in found.epochs] == [1, 2]
    assert found.streams[0].outcome == "crashed"
    assert found.run.file == str(job)


def test_a_history_that_cannot_be_opened_is_one_warning(project: Project) -> None:
    (project.folder / ".dativo").mkdir()
    (project.folder / ".dativo" / "history.db").write_bytes(b"damaged" * 500)
    seen: list[engine.Event] = []

    result = engine.run(project.job(source={"rows": 20}), observer=seen.append)

    warnings = [event.text for event in seen if isinstance(event, engine.Message)]
    assert result.ok
    assert len(warnings) == 1
    assert "this run is not written down" in warnings[0]
    assert "Move" in warnings[0]


def test_a_history_that_fails_in_between_is_one_warning(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[engine.Event] = []

    def fail(database: sqlite3.Connection, *_: object) -> None:
        database.execute("select missing")

    monkeypatch.setattr("dativo.state._history._insert", fail)

    result = engine.run(project.job(source={"rows": 20}), observer=seen.append)

    warnings = [event.text for event in seen if isinstance(event, engine.Message)]
    assert result.ok
    assert len(warnings) == 1
    assert "no such column: missing" in warnings[0], warnings


def test_the_oldest_runs_are_forgotten(project: Project) -> None:
    job = project.job(source={"rows": 5}, run={"keep_runs": 2})

    ids = [engine.run(job).run_id for _ in range(3)]

    assert [run.run_id for run in read_runs(project.folder / ".dativo")] == ids[:0:-1]
