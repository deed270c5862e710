from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dativo.contract import Atomicity, Role, Url, WriteMode, WriteRequest
from dativo.contract.v0 import BaseWriter, ConnectionTestResult
from dativo.errors import DativoError, StateLockedError
from dativo.plugins._class_style import hooks_of
from dativo.plugins._class_style._settings import ReaderSettings, WriterSettings
from dativo_test_support.context import FakeContext


class BaseReader:
    """A base like that of the style, from somewhere else."""

    def __init__(self, source_config: Any) -> None:
        self.source_config = source_config

    def check_connection(self) -> Any:
        return ConnectionTestResult(True, "fine, without having looked")

    def discover(self) -> Any:
        return SimpleNamespace(objects=[])

    def get_total_records_estimate(self) -> None:
        return None


class Bare(BaseReader):
    def extract(self, state_manager: Any = None) -> Any:
        return []


class Whole(Bare):
    def check_connection(self) -> Any:
        return ConnectionTestResult(bool(self.source_config.type), "said")

    def discover(self) -> Any:
        return SimpleNamespace(objects=[{"name": "a"}])

    def get_total_records_estimate(self) -> None:
        return None


class Heir(Whole):
    """Has what its own base has."""


class Writes:
    def __init__(self, asset_definition: Any, target_config: Any, output_base: str) -> None:
        self.about = (asset_definition.name, target_config.type, output_base)

    def write_batch(self, records: Any, file_counter: int) -> Any:
        return []


class Checks(Writes):
    def check_connection(self) -> Any:
        return ConnectionTestResult(True, str(self.about))


def names(style: type) -> set[str]:
    return set(vars(hooks_of("acme", style)))


def test_only_what_the_class_has_itself_is_implemented() -> None:
    assert names(Bare) == {"describe", "extract"}
    assert names(Whole) == names(Heir)
    assert names(Whole) == {"describe", "extract", "discover", "check_connection", "plan_read"}
    assert names(Writes) == {"describe", "write", "plan_write", "lock"}
    assert names(Checks) == {*names(Writes), "check_connection"}


def test_the_roles_follow_from_the_methods() -> None:
    reader, writer = hooks_of("acme", Bare), hooks_of("acme", Writes)

    assert reader.describe().roles == (Role.SOURCE,)  # type: ignore[attr-defined]
    info = writer.describe().writer  # type: ignore[attr-defined]
    assert (info.atomicity, info.write_modes) == (Atomicity.NONE, (WriteMode.APPEND,))


def test_the_class_is_asked_with_the_settings(tmp_path: Path) -> None:
    reader: Any = hooks_of("acme", Whole)
    writer: Any = hooks_of("acme", Checks)
    context = FakeContext()

    assert reader.check_connection(ReaderSettings(type="x"), context).is_ok
    assert not reader.check_connection(ReaderSettings(), context).is_ok
    assert [stream.name for stream in reader.discover(ReaderSettings())] == ["a"]
    settings = WriterSettings(type="x", output_base=tmp_path)
    said = writer.check_connection(settings, context).items[0].message
    assert said == str(("check", "x", str(tmp_path)))
    assert writer.check_connection(WriterSettings(), context).is_ok


def test_the_plan_says_where_and_on_what_it_rests(tmp_path: Path) -> None:
    writer: Any = hooks_of("acme", Writes)
    request = WriteRequest(stream="a/b")

    local = writer.plan_write(WriterSettings(output_base=tmp_path), request)
    remote = writer.plan_write(
        WriterSettings(output_base=Url("s3://x/y/"), records=tmp_path), request
    )
    nowhere = writer.plan_write(WriterSettings(records=tmp_path), request)

    assert (local.place, local.knows_last_commit) == (f"{tmp_path}/a%2Fb", True)
    assert (remote.place, nowhere.place) == ("s3://x/y/a%2Fb", "acme")
    assert len(local.assumptions) == 1
    assert "and not with the data" in remote.assumptions[1]


def test_a_session_makes_the_class_with_its_place(tmp_path: Path) -> None:
    writer: Any = hooks_of("acme", Checks)
    session = writer.write(
        WriterSettings(type="x", output_base=tmp_path),
        WriteRequest(stream="a"),
        FakeContext(workdir=tmp_path),
    )

    assert session._make([]).about == ("a", "x", f"{tmp_path}/a")


def test_one_run_at_a_time_publishes(tmp_path: Path) -> None:
    writer: Any = hooks_of("acme", Writes)
    config, context = WriterSettings(output_base=tmp_path / "out"), FakeContext()

    with writer.lock(config, context) as held:
        assert held.is_held()
        with pytest.raises(StateLockedError), writer.lock(config, context):
            pass
    with writer.lock(config, context):
        pass


def test_a_target_that_cannot_be_locked_is_located(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    writer: Any = hooks_of("acme", Writes)

    with (
        pytest.raises(DativoError, match="out"),
        writer.lock(WriterSettings(output_base=tmp_path / "out"), FakeContext()),
    ):
        pass


def test_our_own_base_has_no_defaults() -> None:
    assert not hasattr(BaseWriter, "check_connection")
