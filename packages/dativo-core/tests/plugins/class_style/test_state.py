from __future__ import annotations

import os
from pathlib import Path

import pytest

from dativo.errors import ContractViolationError
from dativo.plugins._class_style._state import StateManager


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "work" / "state.json"


def test_it_begins_with_what_was_kept(path: Path) -> None:
    manager = StateManager(path, {"state": {"last": 5}, "other_paths": {"x.json": {"a": 1}}})

    assert manager.read_state(path) == {"last": 5}
    assert manager.read_state(Path("x.json")) == {"a": 1}
    assert manager.read_state("unknown") == {}
    assert not manager.was_written
    assert manager.value() == {"state": {"last": 5}, "other_paths": {"x.json": {"a": 1}}}


def test_an_old_file_of_another_try_is_forgotten(path: Path) -> None:
    StateManager(path, {"state": {"last": 5}})

    assert StateManager(path, {}).value() == {}


def test_what_is_written_is_kept(path: Path) -> None:
    manager = StateManager(path, {})

    manager.write_state(path, {"last": 6})
    manager.write_state("other.json", {"b": [1]})

    assert manager.was_written
    assert manager.value() == {"state": {"last": 6}, "other_paths": {"other.json": {"b": [1]}}}


def test_what_a_class_changes_in_its_copy_changes_nothing(path: Path) -> None:
    manager = StateManager(path, {"other_paths": {"x": {"a": [1]}}})
    manager.read_state("x")["a"].append(2)

    assert manager.read_state("x") == {"a": [1]}


def test_a_class_may_write_the_file_by_itself(path: Path) -> None:
    manager = StateManager(path, {"state": {"last": 5}})
    path.write_text('{"last": 7}')
    os.utime(path, ns=(1, 1))

    assert manager.was_written
    assert manager.value() == {"state": {"last": 7}}


def test_a_file_that_is_no_json_is_an_error_and_never_nothing(path: Path) -> None:
    manager = StateManager(path, {})
    path.write_text("{")

    with pytest.raises(ContractViolationError, match="no JSON"):
        manager.value()
    with pytest.raises(ContractViolationError, match="no JSON"):
        manager.read_state(path)


@pytest.mark.parametrize("value", [{"a": object()}, {"a": float("nan")}])
def test_a_state_is_json(path: Path, value: dict[str, object]) -> None:
    with pytest.raises(ContractViolationError, match="JSON values"):
        StateManager(path, {}).write_state(path, value)


def test_files_and_spreadsheets_are_skipped_if_they_have_not_changed(path: Path) -> None:
    manager = StateManager(path, {})
    manager.update_file_state("f", "2024-01-02", path)
    manager.update_spreadsheet_state("s", "2024-01-02", path)

    assert manager.should_skip_file("f", "2024-01-02", path)
    assert not manager.should_skip_file("f", "2024-01-03", path)
    assert not manager.should_skip_file("f", "2024-01-02", path, 3)
    assert not manager.should_skip_file("g", "2024-01-02", path)
    assert manager.should_skip_spreadsheet("s", "2024-01-01", path)
    assert not manager.should_skip_spreadsheet("t", "2024-01-01", path)
    assert manager.value()["state"] == {
        "file_f": {"last_modified": "2024-01-02", "file_id": "f"},
        "spreadsheet_s": {"last_modified": "2024-01-02", "spreadsheet_id": "s"},
    }
