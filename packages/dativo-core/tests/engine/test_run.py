"""A whole run: what is published, what state says, how failures end."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path
from typing import NoReturn

import pytest

from dativo import engine
from dativo.contract import Checkpoint
from dativo.errors import (
    CapabilityMissingError,
    CommitUnknownError,
    ConfigurationError,
    ContractViolationError,
    DataValidationError,
    DativoError,
    DeadlineExceededError,
    InsufficientPermissionsError,
    NetworkError,
    PartialFailureError,
    PluginExecutionError,
    ResourceNotFoundError,
    RunInterruptedError,
    StalledError,
    StateError,
    StateLockedError,
    WriteFailedError,
)
from dativo.state import StateStore, job_lock, read_stored
from dativo_test_support.project import Project

pytestmark = pytest.mark.usefixtures("quick_retries")


def test_first_incremental_run_publishes_everything(project: Project) -> None:
    result = engine.run(project.job(source={"rows": 25}))

    assert result.ok
    assert result.exit_code == 0
    assert result.rows == 25
    assert project.ids() == list(range(1, 26))
    assert project.records()[-1].commit.checkpoint == Checkpoint({"id": 25})


def test_next_run_reads_on_from_the_checkpoint(project: Project) -> None:
    engine.run(project.job(source={"rows": 25}))

    result = engine.run(project.job(source={"rows": 31}))

    assert result.rows == 6
    assert project.ids() == list(range(1, 32))


def test_empty_increment_is_a_success_and_publishes_nothing(project: Project) -> None:
    engine.run(project.job(source={"rows": 25}))

    result = engine.run(project.job(source={"rows": 25}))

    assert result.ok
    assert result.streams[0].epochs == 0
    assert len(project.records()) == 1


def test_empty_stream_publishes_an_empty_table(project: Project) -> None:
    result = engine.run(project.job(source={"rows": 0}))

    assert result.ok
    assert [record.rows for record in project.records()] == [0]


def test_epochs_are_cut_at_checkpoints(project: Project) -> None:
    job = project.job(source={"rows": 50, "batch_rows": 10}, run={"epoch_rows": 20})

    result = engine.run(job)

    assert [record.rows for record in project.records()] == [20, 20, 10]
    assert [record.commit.epoch for record in project.records()] == [1, 2, 3]
    assert result.streams[0].epochs == 3


def test_replace_is_one_epoch(project: Project) -> None:
    job = project.job(
        source={"rows": 50},
        streams=[{"name": "numbers", "mode": "full"}],
        write_mode="replace",
        run={"epoch_rows": 10},
    )
    engine.run(job)
    engine.run(job)

    records = project.records()
    assert [(record.commit.epoch, record.rows) for record in records] == [(2, 50)]
    assert records[0].commit.checkpoint is None


def test_full_and_append_reads_everything_each_time(project: Project) -> None:
    job = project.job(
        source={"rows": 5}, streams=[{"name": "numbers", "mode": "full"}], write_mode="append"
    )
    engine.run(job)
    engine.run(job)

    assert project.ids() == [1, 2, 3, 4, 5] * 2


def test_interrupted_full_read_goes_on_from_its_checkpoint(
    project: Project, tmp_path: Path
) -> None:
    source = {
        "rows": 50,
        "fail_at": 31,
        "fail_times": 1,
        "fail_with": "bug",
        "folder": str(tmp_path / "failures"),
    }
    streams = [{"name": "numbers", "mode": "full"}]
    job = project.job(source=source, streams=streams, write_mode="append", run={"epoch_rows": 10})

    first = engine.run(job)
    published = project.ids()
    second = engine.run(job)

    assert not first.ok
    assert published == list(range(1, 31))
    assert second.ok
    assert project.ids() == list(range(1, 51))


def test_parallel_readers_publish_each_record_once(project: Project) -> None:
    job = project.job(source={"rows": 200, "batch_rows": 50, "readers": 7}, run={"parallelism": 4})

    result = engine.run(job)

    assert result.rows == 200
    assert sorted(project.ids()) == list(range(1, 201))


def test_frames_in_memory_are_batches_too(project: Project) -> None:
    engine.run(project.job(source={"rows": 25, "lazy": False}))

    assert project.ids() == list(range(1, 26))


@pytest.mark.parametrize(("lazy", "note"), [(True, "as asked for"), (False, "all at once")])
def test_result_says_how_the_source_has_read(project: Project, note: str, *, lazy: bool) -> None:
    result = engine.run(project.job(source={"rows": 30, "readers": 3, "lazy": lazy}))

    assert result.streams[0].notes == (note,)
    assert result.to_dict()["streams"][0]["notes"] == [note]  # type: ignore[index]


def test_many_streams_share_the_slots(project: Project) -> None:
    names = [f"s{number}" for number in range(20)]
    job = project.job(
        source={"rows": 30, "streams": names},
        streams=[{"name": "s*", "mode": "incremental"}],
    )

    result = engine.run(job)

    assert result.ok
    assert [stream.stream for stream in result.streams] == names
    assert all(sorted(project.ids(name)) == list(range(1, 31)) for name in names)


def test_retryable_failure_is_tried_again(project: Project, tmp_path: Path) -> None:
    source = {"rows": 30, "fail_at": 15, "fail_times": 2, "folder": str(tmp_path / "failures")}
    events: list[engine.Event] = []

    result = engine.run(project.job(source=source), observer=events.append)

    assert result.ok
    assert result.streams[0].attempts == 3
    assert project.ids() == list(range(1, 31))
    assert sum(isinstance(event, engine.RetryScheduled) for event in events) == 2


def test_failure_that_stays_ends_the_stream_and_keeps_what_was_committed(project: Project) -> None:
    job = project.job(
        source={"rows": 50, "fail_at": 31, "fail_with": "DataFormatError"},
        run={"epoch_rows": 10},
    )

    result = engine.run(job)

    assert result.exit_code == 30
    assert error_of(result).phase == "extract"
    assert error_of(result).connector == "numbers"
    assert project.ids() == list(range(1, 31))


def test_retries_are_given_up_after_so_many(project: Project) -> None:
    job = project.job(source={"rows": 5, "fail_at": 3, "fail_times": 99}, run={"retries": 2})

    result = engine.run(job)

    assert isinstance(result.error, NetworkError)
    assert result.exit_code == 22
    assert result.streams[0].attempts == 3


def test_bug_of_a_source_is_an_execution_error_and_not_retried(project: Project) -> None:
    result = engine.run(project.job(source={"rows": 5, "fail_at": 3, "fail_with": "bug"}))

    assert isinstance(result.error, PluginExecutionError)
    assert result.exit_code == 13
    assert result.streams[0].attempts == 1


def test_one_failed_stream_does_not_harm_the_others(project: Project) -> None:
    job = project.job(
        source={"streams": ["a", "b", "c"], "unreadable": ["b"]}, streams=[{"name": "*"}]
    )

    result = engine.run(job)

    assert result.exit_code == 31
    assert isinstance(result.error, PartialFailureError)
    assert [stream.outcome for stream in result.streams] == ["done", "failed", "done"]
    assert isinstance(result.streams[1].error, InsufficientPermissionsError)
    assert len(project.ids("a")) == len(project.ids("c")) == 100


def test_source_that_yields_nothing_breaks_the_contract(project: Project) -> None:
    result = engine.run(project.job(source={"yields_nothing": True}))

    assert isinstance(result.error, ContractViolationError)


@pytest.mark.parametrize(
    ("config", "error", "code"),
    [
        ({"fail_stage": "DiskFullError"}, None, 50),
        ({"fail_stage": "bug"}, PluginExecutionError, 13),
        ({"fail_commit": "WriteFailedError"}, WriteFailedError, 40),
        ({"fail_commit": "bug"}, CommitUnknownError, 41),
        ({"miscount": True}, WriteFailedError, 40),
        ({"wrong_receipt": True}, ContractViolationError, 13),
    ],
)
def test_failing_writer_publishes_nothing_and_says_why(
    project: Project, config: dict[str, object], error: type[DativoError] | None, code: int
) -> None:
    result = engine.run(project.job(writer=config, run={"retries": 1}))

    assert result.exit_code == code
    assert error is None or isinstance(result.error, error)
    assert error_of(result).connector in {"ledger", None}
    assert result.rows == 0
    if not config.get("wrong_receipt"):
        assert project.ids() == []


def test_commit_whose_answer_was_lost_is_found_and_not_repeated(project: Project) -> None:
    result = engine.run(project.job(source={"rows": 30}, writer={"lose_answer": True}))

    assert result.ok
    assert result.streams[0].recovered
    assert (result.rows, result.streams[0].epochs) == (30, 1)
    assert project.ids() == list(range(1, 31))


@pytest.mark.parametrize("write_mode", ["append", "replace"])
def test_full_read_whose_last_answer_was_lost_is_not_read_again(
    project: Project, write_mode: str
) -> None:
    job = project.job(
        source={"rows": 30},
        writer={"lose_answer": True},
        streams=[{"name": "numbers", "mode": "full"}],
        write_mode=write_mode,
    )

    result = engine.run(job)

    assert result.ok
    assert (result.rows, result.streams[0].epochs) == (30, 1)
    assert project.ids() == list(range(1, 31))
    (stored,) = read_stored(project.folder / ".dativo", "numbers_to_ledger").entries.values()
    assert stored.record == project.records()[-1]


def test_full_read_goes_on_after_an_answer_in_its_middle_was_lost(project: Project) -> None:
    job = project.job(
        source={"rows": 30},
        writer={"lose_answer": True},
        streams=[{"name": "numbers", "mode": "full"}],
        write_mode="append",
        run={"epoch_rows": 10},
    )

    result = engine.run(job)

    assert (result.rows, result.streams[0].epochs) == (30, 4)
    assert project.ids() == list(range(1, 31))


def test_refresh_of_a_lost_target_counts_although_its_state_was_not_stored(
    project: Project,
) -> None:
    job = project.job(source={"rows": 30}, run={"epoch_rows": 10})
    engine.run(job)
    state = (project.folder / ".dativo" / "state.db").read_bytes()
    shutil.rmtree(project.target)
    engine.run(job, full_refresh=True)
    (project.folder / ".dativo" / "state.db").write_bytes(state)

    result = engine.run(project.job(source={"rows": 35}))

    assert result.ok
    assert (result.rows, result.streams[0].recovered) == (5, True)
    assert project.ids() == list(range(1, 36))


def test_lost_state_is_rolled_forward_from_the_published_record(project: Project) -> None:
    engine.run(project.job(source={"rows": 25}))
    (project.folder / ".dativo" / "state.db").unlink()

    result = engine.run(project.job(source={"rows": 30}))

    assert result.streams[0].recovered
    assert project.ids() == list(range(1, 31))


def test_state_without_data_is_an_error(project: Project) -> None:
    engine.run(project.job(source={"rows": 25}))
    for file in (project.target / "numbers").glob("*.arrow"):
        file.unlink()

    result = engine.run(project.job(source={"rows": 30}))

    assert isinstance(result.error, StateError)
    assert result.exit_code == 60
    assert "--full-refresh" in error_of(result).fix
    assert project.ids() == []


def test_state_ahead_of_the_data_is_an_error(project: Project) -> None:
    job = project.job(source={"rows": 50}, run={"epoch_rows": 10})
    engine.run(job)
    max((project.target / "numbers").glob("*.arrow")).unlink()

    result = engine.run(job)

    assert result.exit_code == 60


def test_changed_cursor_is_an_error_that_says_what_changed(project: Project) -> None:
    engine.run(project.job())

    result = engine.run(
        project.job(streams=[{"name": "numbers", "mode": "incremental", "cursor": "label"}])
    )

    assert result.exit_code == 60
    assert "cursor: (none) -> label" in error_of(result).message


def test_changed_identity_of_the_source_is_an_error(project: Project) -> None:
    engine.run(project.job(source={"region": "eu"}))

    result = engine.run(project.job(source={"region": "us"}))

    assert result.exit_code == 60
    assert "source.region is another one" in error_of(result).message


def test_data_of_another_job_is_refused(project: Project) -> None:
    engine.run(project.job(name="one"))

    result = engine.run(project.job(name="two"))

    assert result.exit_code == 60
    assert "'one'" in error_of(result).message
    assert len(project.ids()) == 100


def test_full_refresh_exchanges_everything_in_one_epoch(project: Project) -> None:
    engine.run(project.job(source={"rows": 25}, run={"epoch_rows": 10}))

    result = engine.run(project.job(source={"rows": 30, "region": "us"}), full_refresh=True)
    after = engine.run(project.job(source={"rows": 35, "region": "us"}))

    assert result.rows == 30
    assert after.rows == 5
    assert project.ids() == list(range(1, 36))


def test_only_the_named_streams_run(project: Project) -> None:
    job = project.job(source={"streams": ["a", "b"]}, streams=[{"name": "a"}, {"name": "b"}])

    result = engine.run(job, streams=["b"])

    assert [stream.stream for stream in result.streams] == ["b"]


def test_unknown_stream_is_named(project: Project) -> None:
    with pytest.raises(ResourceNotFoundError, match="no stream 'c'; it has: numbers"):
        engine.run(project.job(), streams=["c"])


def test_pattern_without_a_match_is_no_success(project: Project) -> None:
    with pytest.raises(ResourceNotFoundError, match="x_"):
        engine.run(project.job(streams=[{"name": "x_*"}]))


def test_incremental_with_replace_is_refused_before_anything_is_read(project: Project) -> None:
    with pytest.raises(ConfigurationError, match="throw away"):
        engine.run(project.job(write_mode="replace"))


def test_write_mode_that_the_writer_lacks_is_refused(project: Project) -> None:
    job = project.job(streams=[{"name": "numbers"}], connectors=("numbers", "plain"))

    with pytest.raises(CapabilityMissingError, match="the write mode replace"):
        engine.run(job)


def test_query_that_the_source_lacks_is_refused(project: Project) -> None:
    with pytest.raises(CapabilityMissingError, match="queries"):
        engine.run(project.job(streams=[{"name": "q", "query": "select 1"}]))


def test_condition_that_the_source_lacks_is_refused(project: Project) -> None:
    with pytest.raises(CapabilityMissingError, match="does not have: where"):
        engine.run(project.job(streams=[{"name": "numbers", "where": "id > 5"}]))


def test_second_run_of_a_job_is_refused_and_names_the_holder(project: Project) -> None:
    job = project.job()

    with (
        job_lock(project.folder / ".dativo", "numbers_to_ledger", "run-1"),
        pytest.raises(StateLockedError, match="in progress: process") as caught,
    ):
        engine.run(job)

    assert caught.value.exit_code == 60
    assert caught.value.details["run_id"] == "run-1"


def test_state_files_are_private(project: Project) -> None:
    engine.run(project.job())

    folder = project.folder / ".dativo"
    assert folder.stat().st_mode & 0o777 == 0o700
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_what_a_driver_says_of_being_cancelled_is_no_failure_of_its_own(project: Project) -> None:
    job = project.job(source={"rows": 10, "batch_rows": 1, "twist": "closes_when_cancelled"})
    cancellation = engine.Cancellation()

    def stop(event: engine.Event) -> None:
        if isinstance(event, engine.Message) and "waiting" in event.text:
            cancellation.cancel()

    result = engine.run(job, cancellation=cancellation, observer=stop)

    assert result.exit_code == 130
    error = result.streams[0].error
    assert isinstance(error, RunInterruptedError)
    assert "the connection was closed" in str(error.__cause__)


def test_cancelled_run_keeps_what_was_committed(project: Project) -> None:
    job = project.job(
        source={"rows": 1000, "batch_rows": 1, "delay_seconds": 0.005}, run={"epoch_rows": 5}
    )
    cancellation = engine.Cancellation()
    timer = threading.Timer(1.0, cancellation.cancel)
    timer.start()

    result = engine.run(job, cancellation=cancellation)
    timer.join()

    assert result.exit_code == 130
    assert result.interrupted
    assert 0 < result.rows < 1000
    assert project.ids() == list(range(1, result.rows + 1))


def test_deadline_ends_the_run(project: Project) -> None:
    job = project.job(source={"rows": 1000, "batch_rows": 1, "delay_seconds": 0.01})

    result = engine.run(with_run_settings(job, timeout="1s"))

    assert isinstance(result.error, DeadlineExceededError)
    assert result.exit_code == 50


def test_stalled_source_ends_the_run_although_it_does_not_listen(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dativo.engine._run._GRACE_SECONDS", 0.5)
    job = project.job(source={"rows": 10, "fail_at": 5, "hang": True})
    started = time.monotonic()

    result = engine.run(with_run_settings(job, stall_timeout="1s"))

    assert isinstance(result.error, StalledError)
    assert time.monotonic() - started < 20
    assert engine.abandoned_threads()


def test_two_fields_of_one_name_break_the_contract(project: Project) -> None:
    result = engine.run(project.job(source={"twist": "duplicate_field"}))

    assert isinstance(result.error, ContractViolationError)
    assert "two fields of the same name" in error_of(result).message


def test_readers_of_different_schemas_are_refused(project: Project) -> None:
    result = engine.run(project.job(source={"rows": 30, "twist": "other_schema"}))

    assert isinstance(result.error, DataValidationError)
    assert result.exit_code == 30
    assert project.ids() == []


def test_checkpoint_that_is_no_json_breaks_the_contract(project: Project) -> None:
    result = engine.run(project.job(source={"rows": 30, "twist": "bad_checkpoint"}))

    assert isinstance(result.error, ContractViolationError)


def test_failed_reader_stops_its_neighbours(project: Project) -> None:
    job = project.job(
        source={"rows": 400, "batch_rows": 400, "readers": 4, "fail_at": 1, "fail_with": "bug"},
        run={"parallelism": 4},
    )

    result = engine.run(job)

    assert isinstance(result.error, PluginExecutionError)
    assert project.ids() == []


def test_observer_that_fails_does_not_end_the_run(project: Project) -> None:
    def observer(event: engine.Event) -> NoReturn:
        raise ValueError(event)

    assert engine.run(project.job(), observer=observer).ok


def test_state_store_is_what_the_records_say(project: Project) -> None:
    engine.run(project.job(source={"rows": 25}))

    store = StateStore(project.folder / ".dativo")
    entry = store.load("numbers_to_ledger", "numbers")
    store.close()

    assert entry is not None
    assert entry.record == project.records()[-1]


def error_of(result: engine.RunResult) -> DativoError:
    """Return the error of the run's one stream."""
    error = result.streams[0].error
    assert error is not None
    return error


def with_run_settings(job: Path, **settings: object) -> Path:
    """Add settings to the run section of a job file that is JSON."""
    document = json.loads(job.read_text())
    document["run"].update(settings)
    job.write_text(json.dumps(document))
    return job
