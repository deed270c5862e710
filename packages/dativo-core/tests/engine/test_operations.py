"""Check, discover and preview: what they answer and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dativo import engine
from dativo.contract import ConnectionTestResult, Context, Verdict
from dativo.errors import (
    CapabilityMissingError,
    InsufficientPermissionsError,
    InvalidConfigError,
    NetworkError,
    PluginNotFoundError,
    ResourceNotFoundError,
)
from dativo.plugins import Connector
from dativo.plugins._boundary import Place
from dativo_test_support.project import Project

LEAKING = {"password": "hunter2-hunter2", "leak": True, "fail_at": 1, "fail_with": "NetworkError"}


def test_check_has_an_item_per_stream_of_the_job(project: Project) -> None:
    job = project.job(source={"streams": ["a", "b"]}, streams=[{"name": "*"}])

    report = engine.check(job)

    assert report.ok
    assert report.exit_code == 0
    assert [item.scope for item in report.checks[0].result.items] == [
        "host",
        "stream a",
        "stream b",
    ]
    assert report.to_dict()["ok"] is True


def test_check_fails_for_a_stream_that_may_not_be_read(project: Project) -> None:
    job = project.job(
        source={"streams": ["a", "b"], "unreadable": ["b"]}, streams=[{"name": "a"}, {"name": "b"}]
    )

    report = engine.check(job)

    assert not report.ok
    assert report.exit_code == 21
    assert report.checks[0].result.verdict is Verdict.PARTIAL
    assert isinstance(report.error, InsufficientPermissionsError)


def test_check_of_a_pattern_without_a_match_fails(project: Project) -> None:
    report = engine.check(project.job(streams=[{"name": "x*"}, {"name": "numbers"}]))

    scopes = {item.scope: item.verdict for item in report.checks[0].result.items}
    assert scopes["stream patterns"] is Verdict.FAILED
    assert scopes["stream numbers"] is Verdict.OK
    assert report.exit_code == 10


def test_both_sides_are_told_the_streams_and_what_is_not_implemented_is_no_pass(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, list[str]] = {}

    def check_for_later(connector: Connector, _: object, context: Context) -> ConnectionTestResult:
        told[connector.role.value] = [one.stream for one in context.streams]
        return Place(connector.name, "check").call(_later)

    monkeypatch.setattr(Connector, "check_connection", check_for_later)

    report = engine.check(project.job(streams=[{"name": "numbers"}]))

    assert told == {"source": ["numbers"], "writer": ["numbers"]}
    assert [check.result.verdict for check in report.checks] == [Verdict.NOT_IMPLEMENTED] * 2
    assert not report.ok


def _later() -> ConnectionTestResult:
    raise NotImplementedError("later")


def test_check_only_of_named_streams(project: Project) -> None:
    job = project.job(source={"streams": ["a", "b"]}, streams=[{"name": "a"}, {"name": "b"}])

    report = engine.check(job, streams=["b"])

    assert [item.scope for item in report.checks[0].result.items] == ["host", "stream b"]


def test_discover_gives_streams_as_they_are_found(project: Project) -> None:
    seen: list[str] = []

    result = engine.discover(
        project.job(source={"streams": ["a", "b", "c"]}),
        on_stream=lambda stream: seen.append(stream.name),
    )

    assert result.complete
    assert [stream.name for stream in result.streams] == seen == ["a", "b", "c"]
    fields = result.to_dict()["streams"][0]["fields"]  # type: ignore[index]
    assert fields[0] == {"name": "id", "type": "int64", "nullable": False}


def test_discover_filters_and_says_when_it_stopped(project: Project) -> None:
    job = project.job(source={"streams": ["a1", "a2", "b"]})

    filtered = engine.discover(job, patterns=["a?"])
    cut = engine.discover(job, limit=1)
    exact = engine.discover(job, limit=3)
    late = engine.discover(job, timeout_seconds=1e-9)

    assert [stream.name for stream in filtered.streams] == ["a1", "a2"]
    assert (len(cut.streams), cut.complete) == (1, False)
    assert (len(exact.streams), exact.complete) == (3, True)
    assert not late.complete


def test_discover_without_a_job(project: Project) -> None:
    result = engine.discover_connector(
        "numbers", {"streams": ["a"], "rows": 7}, folder=project.folder
    )

    assert result.connector == "numbers"
    assert result.streams[0].estimated_rows == 7


def test_discover_without_a_job_finds_problems(project: Project) -> None:
    with pytest.raises(InvalidConfigError, match="rows: expected an integer"):
        engine.discover_connector("numbers", {"rows": "many"}, folder=project.folder)


def test_preview_shows_the_first_records_and_writes_nothing(project: Project) -> None:
    result = engine.preview(project.job(source={"rows": 100, "batch_rows": 4}), rows=6)

    table = result.tables[0]
    assert result.ok
    assert [field.name for field in table.fields] == ["id", "label", "amount"]
    assert len(table.rows) == 6
    assert table.rows[5] == ("6", "n6", "6.0000000000")
    assert not project.target.exists()
    assert not (project.folder / ".dativo").exists()


def test_preview_of_an_empty_stream_has_its_fields(project: Project) -> None:
    result = engine.preview(project.job(source={"rows": 0}))

    assert result.tables[0].rows == ()
    assert len(result.tables[0].fields) == 3


def test_preview_goes_on_after_a_stream_that_fails(project: Project) -> None:
    job = project.job(source={"streams": ["a", "b"], "unreadable": ["a"]}, streams=[{"name": "*"}])

    result = engine.preview(job)

    assert result.exit_code == 31
    assert [table.error is None for table in result.tables] == [False, True]
    assert result.to_dict()["streams"][0]["error"]["code"] == "INSUFFICIENT_PERMISSIONS"  # type: ignore[index]


def test_preview_of_a_source_that_yields_nothing_fails(project: Project) -> None:
    result = engine.preview(project.job(source={"yields_nothing": True}))

    assert result.exit_code == 13


def test_all_problems_of_both_sides_are_reported_at_once(project: Project) -> None:
    job = project.job(source={"rows": "x", "rowz": 1}, writer={"path": 5})

    with pytest.raises(InvalidConfigError) as caught:
        engine.run(job)

    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["source.config.rows", "source.config.rowz", "writer.config.path"]
    assert all(problem.line for problem in caught.value.problems)


def test_connector_that_is_not_installed(project: Project) -> None:
    job = project.job()
    job.write_text(job.read_text().replace('"numbers"', '"numberz"', 1))

    with pytest.raises(PluginNotFoundError, match="numberz"):
        engine.run(job)


def test_writer_cannot_be_a_source(project: Project) -> None:
    job = project.job()
    job.write_text(job.read_text().replace('"numbers"', '"ledger"', 1))

    with pytest.raises(CapabilityMissingError, match="no source"):
        engine.run(job)


def test_missing_job_file_is_no_traceback(project: Project) -> None:
    with pytest.raises(Exception, match="nowhere") as caught:
        engine.run(project.folder / "nowhere.yaml")

    assert getattr(caught.value, "exit_code", None) == 10


@pytest.mark.parametrize("operation", ["run", "preview"])
def test_secret_in_an_error_is_redacted(project: Project, operation: str) -> None:
    events: list[engine.Event] = []
    job = project.job(source=LEAKING, run={"retries": 0})

    result = getattr(engine, operation)(job, observer=events.append)

    told = repr(events) + repr(result) + str(result.to_dict()) + str(result.error)
    assert "db://user:****@host" in told
    assert "hunter2" not in told


def test_unknown_stream_for_check_is_named(project: Project) -> None:
    with pytest.raises(ResourceNotFoundError):
        engine.preview(project.job(), streams=["nope"])


def test_bug_of_a_source_in_a_preview_stays_with_its_stream(project: Project) -> None:
    result = engine.preview(project.job(source={"fail_at": 1, "fail_with": "bug"}))

    assert result.exit_code == 13
    assert result.error is not None
    assert result.error.stream == "numbers"


def test_check_that_raises_is_a_failed_item(project: Project) -> None:
    report = engine.check(project.job(source={"twist": "check_raises"}))

    assert report.exit_code == 13
    assert report.checks[0].result.verdict is Verdict.FAILED


def test_check_that_is_not_implemented_is_no_pass(project: Project) -> None:
    report = engine.check(project.job(source={"twist": "check_missing"}))

    assert not report.ok
    assert report.checks[0].result.verdict is Verdict.NOT_IMPLEMENTED
    assert report.exit_code == 13


def test_check_refuses_a_job_that_cannot_be(project: Project) -> None:
    job = project.job(streams=[{"name": "numbers"}], connectors=("numbers", "plain"))

    with pytest.raises(CapabilityMissingError, match="the write mode replace"):
        engine.check(job)


def test_problems_of_the_job_and_of_its_connectors_are_reported_at_once(project: Project) -> None:
    job = project.job(source={"rows": "x"}, writer={"path": 5}, run={"parallelism": 0})

    with pytest.raises(InvalidConfigError) as caught:
        engine.run(job)

    paths = [problem.path for problem in caught.value.problems]
    assert sorted(paths) == ["run.parallelism", "source.config.rows", "writer.config.path"]


def test_problems_of_a_job_are_reported_although_a_connector_is_missing(project: Project) -> None:
    job = project.job(run={"parallelism": 0})
    job.write_text(job.read_text().replace('"ledger"', '"ledgers"', 1))

    with pytest.raises(InvalidConfigError, match=r"run\.parallelism"):
        engine.run(job)


@pytest.mark.parametrize("operation", [engine.run, engine.discover, engine.preview])
def test_secret_in_an_error_that_is_raised_is_redacted(
    project: Project, operation: Callable[[Path], object]
) -> None:
    source = {"password": "hunter2-hunter2", "leak": True, "twist": "discover_fails"}
    job = project.job(source=source, streams=[{"name": "*"}], run={"retries": 0})

    with pytest.raises(NetworkError) as caught:
        operation(job)

    assert "db://user:****@host" in str(caught.value)
    assert "hunter2" not in repr(caught.value.to_dict()) + str(caught.value)


def test_search_for_the_streams_of_a_pattern_is_tried_again(
    project: Project, tmp_path: Path, quick_retries: None
) -> None:
    source = {"twist": "discover_fails", "fail_times": 2, "folder": str(tmp_path / "failures")}

    result = engine.run(project.job(source=source, streams=[{"name": "*"}]))

    assert result.ok
