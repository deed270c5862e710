"""Observers: what they are told, and how little their failures matter."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from dativo import engine
from dativo.engine import Event, Message
from dativo.errors import DativoError, InvalidConfigError, StateLockedError
from dativo_test_support.project import Project

pytestmark = pytest.mark.usefixtures("quick_retries")


@pytest.fixture(autouse=True)
def _short_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dativo.engine._observing._GRACE_SECONDS", 0.5)


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """Where the watcher writes."""
    return tmp_path / "told.jsonl"


def watched(
    project: Project, told: Path, *, config: dict[str, Any] | None = None, **more: Any
) -> Path:
    watcher = {"extension": "watcher", "config": {"path": str(told), **(config or {})}}
    return project.job(source=more.pop("source", {"rows": 20}), extensions=[watcher], **more)


def events(told: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.read_text().splitlines()] if told.exists() else []


def kinds(told: Path) -> list[str]:
    return [event["kind"] for event in events(told)]


def of(told: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in events(told) if event["kind"] == kind]


def warnings(said: list[Event]) -> list[str]:
    return [event.text for event in said if isinstance(event, Message) and event.level == "warning"]


def test_an_observer_is_told_of_a_run_from_its_beginning_to_its_end(
    project: Project, told: Path
) -> None:
    result = engine.run(watched(project, told, source={"rows": 20, "region": "north"}))

    assert kinds(told) == [
        "RunStarted",
        "StreamStarted",
        "SchemaRead",
        "BatchRead",
        "BatchRead",
        "EpochCommitted",
        "StreamFinished",
        "RunFinished",
        "closed",
    ]
    assert {event["run_id"] for event in events(told)[:-1]} == {result.run_id}
    assert {event["job"] for event in events(told)[:-1]} == {"numbers_to_ledger"}
    (started,) = of(told, "RunStarted")
    assert started["source"] == {"connector": "numbers", "identity": {"region": "north"}}
    assert started["writer"]["connector"] == "ledger"
    (stream,) = of(told, "StreamStarted")
    assert (stream["read_mode"], stream["write_mode"]) == ("incremental", "append")
    (commit,) = of(told, "EpochCommitted")
    assert (commit["rows"], commit["checkpoint"]) == (20, {"value": {"id": 20}, "version": 1})
    (finished,) = of(told, "RunFinished")
    assert (finished["outcome"], finished["rows"], finished["error"]) == ("done", 20, None)


def test_an_observer_sees_an_error_in_mid_stream_and_the_retry(
    project: Project, told: Path, tmp_path: Path
) -> None:
    source = {"rows": 30, "fail_at": 25, "folder": str(tmp_path / "failures")}

    result = engine.run(watched(project, told, source=source))

    assert result.ok
    (retry,) = of(told, "RetryScheduled")
    assert retry["error"] == {
        "type": "NetworkError",
        "text": "the source failed",
        "frames": False,
        "connector": "numbers",
        "stream": "numbers",
        "phase": "extract",
    }
    assert kinds(told).index("RetryScheduled") > kinds(told).index("BatchRead")
    assert [event["attempt"] for event in of(told, "StreamStarted")] == [1, 2]


def test_an_observer_sees_why_a_stream_failed(project: Project, told: Path) -> None:
    source = {"rows": 30, "fail_at": 25, "fail_with": "bug"}

    result = engine.run(watched(project, told, source=source))

    assert not result.ok
    (stream,) = of(told, "StreamFinished")
    assert (stream["outcome"], stream["error"]["type"]) == ("failed", "PluginExecutionError")
    (finished,) = of(told, "RunFinished")
    assert (finished["outcome"], finished["error"]["connector"]) == ("failed", "numbers")


def test_an_observer_sees_what_a_transformer_failed_at(project: Project, told: Path) -> None:
    path = watched(project, told)
    document = json.loads(path.read_text())
    document["extensions"].append({"extension": "changer", "config": {"fail_at": 2}})
    path.write_text(json.dumps(document))

    engine.run(path)

    (stream,) = of(told, "StreamFinished")
    assert (stream["error"]["connector"], stream["error"]["phase"]) == ("changer", "transform")


def test_an_observer_is_told_of_both_schemas(project: Project, told: Path) -> None:
    path = watched(project, told)
    document = json.loads(path.read_text())
    document["extensions"].append({"extension": "changer", "config": {"drop": ["amount"]}})
    path.write_text(json.dumps(document))

    engine.run(path)

    (schema,) = of(told, "SchemaRead")
    assert "amount" in schema["source_schema"]
    assert "amount" not in schema["schema"]


def test_a_run_that_fails_before_its_streams_has_an_end(project: Project, told: Path) -> None:
    source = {"twist": "discover_fails", "fail_at": 1, "fail_with": "InvalidCredentialsError"}

    with pytest.raises(DativoError):
        engine.run(watched(project, told, source=source, streams=[{"name": "*"}]))

    assert kinds(told) == ["RunFinished", "closed"]
    (finished,) = of(told, "RunFinished")
    assert (finished["outcome"], finished["error"]["type"]) == ("failed", "InvalidCredentialsError")


def test_a_run_whose_connector_cannot_be_loaded_has_an_end(project: Project, told: Path) -> None:
    with pytest.raises(DativoError):
        engine.run(watched(project, told, connectors=("numbers", "missing")))

    assert kinds(told) == ["RunFinished", "closed"]


def test_a_run_whose_settings_are_wrong_is_refused_with_all_of_them(
    project: Project, told: Path
) -> None:
    wrong = watched(project, told, config={"paths": 1}, source={"rows": "x"})

    with pytest.raises(InvalidConfigError) as caught:
        engine.run(wrong)

    assert len(caught.value.problems) == 2
    assert events(told) == []


def test_a_run_that_another_one_keeps_out_is_none(project: Project, told: Path) -> None:
    from dativo.state import job_lock

    path = watched(project, told)
    with (
        job_lock(project.folder / ".dativo", "numbers_to_ledger", "other"),
        pytest.raises(StateLockedError),
    ):
        engine.run(path)

    assert events(told) == []


def test_an_interrupted_run_has_an_end(project: Project, told: Path) -> None:
    cancellation = engine.Cancellation()
    source = {"rows": 30, "batch_rows": 1, "delay_seconds": 0.1}

    def stop(event: Event) -> None:
        if isinstance(event, engine.BatchRead):
            cancellation.cancel()

    result = engine.run(
        watched(project, told, source=source), cancellation=cancellation, observer=stop
    )

    assert result.exit_code == 130
    assert of(told, "StreamFinished")[0]["outcome"] == "interrupted"
    assert of(told, "RunFinished")[0]["outcome"] == "interrupted"


def test_a_stalled_run_has_an_end_for_each_of_its_streams(
    project: Project, told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dativo.engine._run._GRACE_SECONDS", 0.3)
    source = {"rows": 30, "fail_at": 12, "hang": True, "streams": ["a", "b"]}
    run = {"stall_timeout": "1s", "parallelism": 1}

    engine.run(watched(project, told, source=source, run=run, streams=[{"name": "*"}]))

    ends = {event["stream"]: event["outcome"] for event in of(told, "StreamFinished")}
    # Both were opened; which of them is the first to read is left open.
    assert set(ends) == {"a", "b"}
    assert set(ends.values()) == {"interrupted", "not_started"}
    assert of(told, "RunFinished")[0]["error"]["type"] == "StalledError"


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"fail_begin": True}, "does not observe this run: ValueError: the watcher failed"),
        ({"fail_begin": True, "fail_with": "SystemExit"}, "does not observe this run: SystemExit"),
        ({"twist": "no_session"}, "observe gave None where an ObserverSession is due"),
        ({"fail_on": ["BatchRead"]}, "failed: ValueError: the watcher failed [PLUGIN_EXECUTION]"),
        ({"fail_on": ["BatchRead"]}, "has missed something: 2 events made it fail"),
        ({"fail_on": ["BatchRead"], "fail_with": "KeyboardInterrupt"}, "failed: KeyboardInterrupt"),
        ({"fail_close": True}, "failed at its end: ValueError"),
        ({"hang_on": "StreamStarted"}, "at the end of the run it was not done with 7"),
        ({"hang_on": "observe"}, "at the end of the run it was not done with 9"),
    ],
)
def test_whatever_an_observer_does_the_run_is_the_same(
    project: Project, told: Path, config: dict[str, Any], says: str
) -> None:
    said: list[Event] = []

    result = engine.run(watched(project, told, config=config), observer=said.append)

    assert (result.ok, result.rows, result.exit_code) == (True, 20, 0)
    assert project.ids() == list(range(1, 21))
    assert [text for text in warnings(said) if says in text] != [], warnings(said)


def test_an_observer_that_failed_once_is_told_the_rest(project: Project, told: Path) -> None:
    engine.run(watched(project, told, config={"fail_on": ["BatchRead"]}))

    assert kinds(told)[-3:] == ["StreamFinished", "RunFinished", "closed"]


def test_a_slow_observer_misses_batches_but_not_the_end(
    project: Project, told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dativo.engine._observing._ROOM", 3)
    monkeypatch.setattr("dativo.engine._observing._GRACE_SECONDS", 10.0)
    said: list[Event] = []
    source = {"rows": 60, "batch_rows": 1}

    result = engine.run(
        watched(project, told, config={"slow_seconds": 0.02}, source=source), observer=said.append
    )

    assert (result.ok, result.rows) == (True, 60)
    (text,) = warnings(said)
    assert "events came too fast for it" in text
    assert of(told, "RunFinished")[0]["outcome"] == "done"


def test_observers_do_not_keep_each_other_talking(project: Project, told: Path) -> None:
    path = watched(project, told, config={"talks": True})
    document = json.loads(path.read_text())
    document["extensions"] *= 2
    path.write_text(json.dumps(document))

    result = engine.run(path)

    assert result.ok
    assert kinds(told).count("RunFinished") == 2
    assert "Message" not in kinds(told)


def test_an_observer_is_told_what_connectors_say(project: Project, told: Path) -> None:
    source = {"rows": 30, "fail_at": 5, "leak": True, "password": "a-long-password"}

    engine.run(watched(project, told, source=source, run={"retries": 0}))

    (message,) = of(told, "Message")
    assert message["connector"] == "numbers"
    assert "a-long-password" not in told.read_text()


def test_observers_begin_only_with_runs(project: Project, told: Path) -> None:
    path = watched(project, told)

    engine.check(path)
    engine.plan(path)
    engine.preview(path)

    assert events(told) == []


def test_no_thread_is_left(project: Project, told: Path) -> None:
    before = set(threading.enumerate())

    engine.run(watched(project, told))

    assert set(threading.enumerate()) <= before
