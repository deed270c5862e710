"""Records that pass transformers, and transformers that fail."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dativo import engine
from dativo.errors import (
    ContractViolationError,
    DativoError,
    InvalidConfigError,
    NetworkError,
    PluginExecutionError,
    PluginNotFoundError,
    StalledError,
    StateError,
)
from dativo_test_support.project import Project

pytestmark = pytest.mark.usefixtures("quick_retries")

MERGED = [
    {"name": "numbers", "mode": "incremental", "primary_key": ["id"], "deletes": "key_scan"},
]


def changers(*configs: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"extension": "changer", "config": config} for config in configs]


def job(project: Project, *configs: dict[str, Any], **more: Any) -> Path:
    return project.job(
        source=more.pop("source", {"rows": 30}), extensions=changers(*configs), **more
    )


def labels(project: Project, stream: str = "numbers") -> list[str]:
    return list(project.merged(stream).values())


def table(project: Project) -> pa.Table:
    (file,) = (project.target / "numbers").glob("*.arrow")
    return pa.ipc.open_file(file).read_all()


def test_records_pass_transformers_in_the_order_of_the_job(project: Project) -> None:
    result = engine.run(job(project, {"suffix": "-a"}, {"suffix": "-b"}))

    assert (result.ok, result.rows) == (True, 30)
    assert labels(project) == [f"n{number}-a-b" for number in range(1, 31)]


@pytest.mark.parametrize("lazy", [True, False])
@pytest.mark.parametrize("readers", [1, 3])
def test_all_readers_are_changed_alike(project: Project, lazy: bool, readers: int) -> None:
    source = {"rows": 30, "readers": readers, "lazy": lazy}

    result = engine.run(job(project, {"suffix": "!"}, source=source))

    assert (result.ok, result.rows) == (True, 30)
    assert set(labels(project)) == {f"n{number}!" for number in range(1, 31)}


def test_the_hook_is_called_once_for_a_try_whatever_the_readers(
    project: Project, tmp_path: Path
) -> None:
    source = {"rows": 30, "readers": 3, "fail_at": 15, "folder": str(tmp_path / "failures")}
    log = tmp_path / "log"

    result = engine.run(job(project, {"log": str(log)}, source=source))

    assert (result.ok, result.streams[0].attempts) == (True, 2)
    assert log.read_text().splitlines() == ["numbers False 1", "numbers False 2"]


def test_fields_are_dropped_and_added_and_the_writer_gets_that_schema(project: Project) -> None:
    source = {"rows": 3}

    result = engine.run(job(project, {"drop": ["amount"], "add": True}, source=source))

    assert result.ok
    assert table(project).schema.names == ["id", "label", "more"]


def test_a_transformer_without_business_with_a_stream_leaves_its_batches_alone(
    project: Project,
) -> None:
    source = {"rows": 3, "streams": ["a", "b"]}

    result = engine.run(job(project, {"streams": ["b"]}, source=source, streams=[{"name": "*"}]))

    assert result.ok
    assert labels(project, "a") == ["n1", "n2", "n3"]
    assert labels(project, "b") == ["n1!", "n2!", "n3!"]


def test_preview_shows_what_would_be_written(project: Project) -> None:
    shown = engine.preview(job(project, {"hash_id": True, "drop": ["amount"]}), rows=12)

    (found,) = shown.tables
    assert [field.name for field in found.fields] == ["id", "label"]
    assert found.rows == tuple((f"id-{number}", f"n{number}!") for number in range(1, 13))


def test_a_preview_of_what_cannot_be_changed_shows_nothing(project: Project) -> None:
    shown = engine.preview(job(project, {"fail_at": 2}), rows=30)

    (found,) = shown.tables
    assert (found.fields, found.rows) == ((), ())
    assert isinstance(found.error, PluginExecutionError)
    assert (found.error.connector, found.error.phase) == ("changer", "transform")


def test_deletions_reach_a_key_that_is_changed(project: Project) -> None:
    hashed = {"hash_id": True}
    engine.run(job(project, hashed, source={"rows": 30}, streams=MERGED, write_mode="merge"))

    gone = {"rows": 35, "gone": [1, 17, 30, 31]}
    result = engine.run(job(project, hashed, source=gone, streams=MERGED, write_mode="merge"))

    assert result.ok, result.error
    left = set(range(1, 36)) - {1, 17, 30, 31}
    assert set(map(str, project.merged())) == {f"id-{number}" for number in left}


def test_deletions_that_a_source_finds_itself_reach_a_changed_key(
    project: Project, tmp_path: Path
) -> None:
    entry = [{"name": "numbers", "mode": "incremental", "primary_key": ["id"]}]
    log = tmp_path / "log"
    hashed = {"hash_id": True, "log": str(log)}
    engine.run(job(project, hashed, source={"rows": 10}, streams=entry, write_mode="merge"))

    source = {"rows": 40, "twist": "deletes_by_key", "keys": 10, "lazy": False}
    result = engine.run(job(project, hashed, source=source, streams=entry, write_mode="merge"))

    assert result.ok, result.error
    assert project.merged() == {}
    assert log.read_text().splitlines()[-1] == "numbers True 1"


def test_a_transformer_may_not_drop_a_field_of_the_key(project: Project) -> None:
    result = engine.run(job(project, {"drop": ["id"]}, streams=MERGED, write_mode="merge"))

    assert isinstance(result.error, ContractViolationError)
    assert "transform dropped id, which is in the primary key" in result.error.message
    assert project.records() == []


def test_a_scan_of_keys_holds_nothing_but_keys_after_the_transformers(project: Project) -> None:
    result = engine.run(job(project, {"add": True}, streams=MERGED, write_mode="merge"))

    assert isinstance(result.error, ContractViolationError)
    assert "made the fields id, more of a scan of the keys (id)" in result.error.message
    assert project.records() == []


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("ValueError", PluginExecutionError),
        ("SystemExit", PluginExecutionError),
        ("KeyboardInterrupt", PluginExecutionError),
        ("GeneratorExit", PluginExecutionError),
        ("StopIteration", PluginExecutionError),
        ("NetworkError", NetworkError),
    ],
)
@pytest.mark.parametrize("early", [True, False])
def test_whatever_a_transformer_raises_nothing_is_published(
    project: Project, kind: str, early: bool, error: type[DativoError]
) -> None:
    config = {"fail_at": 2, "fail_with": kind, "fail_early": early}
    source = {"rows": 30, "checkpoint_every": 0}

    result = engine.run(job(project, config, source=source, run={"retries": 0}))

    assert result.error is not None
    assert type(result.error) is error
    assert (result.error.connector, result.error.stream) == ("changer", "numbers")
    assert result.error.phase == "transform"
    assert project.records() == []


def test_what_was_committed_before_stays_and_the_next_run_goes_on(project: Project) -> None:
    source = {"rows": 40, "batch_rows": 10}
    run = {"epoch_rows": 10, "retries": 0}
    failing = job(project, {"fail_at": 3}, source=source, run=run)

    first = engine.run(failing)
    published = len(project.ids())
    # The changed setting is another job: it is refused before anything is read.
    second = engine.run(job(project, {}, source=source, run=run))

    assert (first.ok, published) == (False, 20)
    assert isinstance(second.error, StateError)


@pytest.mark.parametrize(
    ("twist", "says"),
    [
        ("one_less", "transform made 9 records of 10 (acme-scripted 1.0.0)"),
        ("one_more", "transform made 11 records of 10"),
        ("other_type", "transform gave a batch of another schema than it declared: id, label"),
        ("nothing", "transform gave None where ArrowArray is due"),
        ("bad_schema", "transform gave a value of type 'str' where ArrowSchema is due"),
        ("twice", "transform declared two fields of the same name"),
        ("no_transform", "transform gave a value of type 'int' where a Transform is due"),
    ],
)
def test_a_transformer_that_breaks_the_contract_publishes_nothing(
    project: Project, twist: str, says: str
) -> None:
    result = engine.run(job(project, {"twist": twist}))

    assert isinstance(result.error, ContractViolationError)
    assert says in result.error.message
    assert "the extension 'changer' broke the contract" in result.error.message
    assert result.error.connector == "changer"
    assert project.records() == []


@pytest.mark.parametrize("early", [True, False])
def test_a_transformer_that_hangs_is_a_stall(
    project: Project, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    monkeypatch.setattr("dativo.engine._run._GRACE_SECONDS", 0.3)
    hanging = {"fail_at": 1, "fail_with": "hang", "fail_early": early}

    result = engine.run(job(project, hanging, run={"stall_timeout": "1s"}))

    assert isinstance(result.error, StalledError)
    assert project.records() == []


def test_a_secret_that_a_transformer_raises_is_hidden(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "hunter2-hunter2")
    config = {"fail_at": 1, "leak": True, "key": "${env:KEY}"}

    result = engine.run(job(project, config))

    assert result.error is not None
    assert "hunter2" not in str(result.to_dict())
    assert "****" in result.error.message


def test_a_scan_of_keys_that_cannot_be_changed_deletes_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = engine.run(job(project, {}, streams=MERGED, write_mode="merge"))
    monkeypatch.setattr("dativo_test_support.changer._FAILS_AT_KEYS", True)

    gone = {"rows": 30, "gone": [1]}
    result = engine.run(job(project, {}, source=gone, streams=MERGED, write_mode="merge"))

    assert changed.ok
    assert isinstance(result.error, PluginExecutionError)
    assert (result.error.connector, result.error.phase) == ("changer", "transform")
    assert len(project.merged()) == 30


def test_a_job_without_extensions_has_the_fingerprint_it_always_had(project: Project) -> None:
    engine.run(project.job(source={"rows": 3}))

    (record,) = project.records()
    assert not [key for key in record.commit.fingerprint if "transformer" in key]


def prints(project: Project, *configs: dict[str, Any], **more: Any) -> dict[str, str]:
    engine.run(job(project, *configs, **more), full_refresh=True)
    found = project.records()[-1].commit.fingerprint
    return {key: value for key, value in found.items() if "transformer" in key}


def test_transformers_and_each_setting_are_part_of_the_fingerprint(project: Project) -> None:
    first = prints(project, {"suffix": "a"}, {"drop": ["amount"]})
    again = prints(project, {"suffix": "a"}, {"drop": ["amount"]})
    other = prints(project, {"suffix": "b"}, {"drop": ["amount"]})

    assert first == again
    assert first["transformers"] == "changer,changer"
    assert first["transformers.2.changer.version"] == "1"
    assert {key for key in first if first[key] != other[key]} == {"transformers.1.changer.suffix"}
    assert first["transformers.1.changer.suffix"].startswith("#")


def test_a_secret_is_hashed_slowly_and_never_stored(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"key": "${env:KEY}"}
    monkeypatch.setenv("KEY", "hunter2-hunter2")
    first = prints(project, key)
    monkeypatch.setenv("KEY", "another-secret")
    second = prints(project, key)

    changed = {name for name in first if first[name] != second[name]}
    assert changed == {"transformers.1.changer.key"}
    assert "hunter2" not in str(first)
    quick = hashlib.sha256(b'"hunter2-hunter2"').hexdigest()[:16]
    assert quick not in first["transformers.1.changer.key"]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ([{"suffix": "a"}], [{"suffix": "b"}], "transformers.1.changer.suffix is another one"),
        ([], [{}], "transformers: (none) -> changer"),
        ([{}], [], "transformers: changer -> (none)"),
        ([{}], [{}, {}], "transformers: changer -> changer,changer"),
    ],
)
def test_a_change_of_transformers_asks_for_a_refresh_and_says_what_changed(
    project: Project, before: list[dict[str, Any]], after: list[dict[str, Any]], says: str
) -> None:
    engine.run(job(project, *before))

    refused = engine.run(job(project, *after, source={"rows": 40}))
    planned = engine.plan(job(project, *after, source={"rows": 40}))
    refreshed = engine.run(job(project, *after, source={"rows": 40}), full_refresh=True)

    assert isinstance(refused.error, StateError)
    assert says in refused.error.message
    assert "--full-refresh" in refused.error.fix
    assert isinstance(planned.streams[0].error, StateError)
    assert refreshed.ok


def test_a_new_version_of_a_transformer_is_a_change(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.run(job(project, {}))
    monkeypatch.setattr("dativo_test_support.changer._VERSION", 2)

    result = engine.run(job(project, {}))

    assert isinstance(result.error, StateError)
    assert "transformers.1.changer.version: 1 -> 2" in result.error.message


def test_check_has_an_item_for_each_extension(project: Project) -> None:
    report = engine.check(job(project, {}, {}))

    found = [(check.role, check.connector) for check in report.checks]
    assert report.ok
    assert found == [
        ("source", "numbers"),
        ("extension", "changer"),
        ("extension", "changer"),
        ("writer", "ledger"),
    ]
    items = report.to_dict()["checks"]
    assert isinstance(items, list)
    assert items[1]["items"][0]["message"] == "transformer: Changes labels"


def test_wrong_settings_of_all_plugins_are_told_at_once(project: Project) -> None:
    wrong = job(project, {"suffix": 5}, {"sufix": "a"}, source={"rows": "x"})

    with pytest.raises(InvalidConfigError) as caught:
        engine.check(wrong)

    assert [problem.path for problem in caught.value.problems] == [
        "source.config.rows",
        "extensions[0].config.suffix",
        "extensions[1].config.sufix",
    ]


def test_a_job_file_that_is_wrong_is_looked_at_by_its_extensions_too(project: Project) -> None:
    wrong = job(project, {"suffix": 5}, surplus=True)

    with pytest.raises(InvalidConfigError) as caught:
        engine.run(wrong)

    assert {problem.path for problem in caught.value.problems} == {
        "extensions[0].config.suffix",
        "surplus",
    }


def test_an_extension_that_is_not_installed_ends_the_run_before_it_begins(
    project: Project,
) -> None:
    extensions = [{"extension": "chanher"}]

    with pytest.raises(PluginNotFoundError, match=r"did you mean 'changer'\?"):
        engine.run(project.job(extensions=extensions))

    assert project.records() == []


def test_discover_does_not_need_the_extensions(project: Project) -> None:
    found = engine.discover(project.job(extensions=[{"extension": "missing"}]))

    assert [stream.name for stream in found.streams] == ["numbers"]
