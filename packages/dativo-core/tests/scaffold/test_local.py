from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dativo.contract import Role
from dativo.errors import DativoDeprecationWarning, PluginLoadError, UsageError
from dativo.plugins import VersionVerdict, build_manifest, find_connector, load_connector
from dativo.scaffold import Kind, names_of, new_project
from dativo.scaffold._inspect import inspect_file
from dativo_test_support.wheels import PluginWheel, install

HEAD = """
import attrs
from dativo.contract import *

@attrs.frozen
class MyConfig:
    host: str = setting("The server.")
    port: int = setting("The port.", default=1)

def info():
    return ConnectorInfo(title="Mine", source=SourceInfo(config=MyConfig))
"""

MODULE = (
    HEAD
    + """
@hookimpl
def describe():
    return info()
@hookimpl
def check_connection():
    return ConnectionTestResult([CheckItem.ok("x")])
@hookimpl
def discover():
    yield Stream(name="things")
@hookimpl
def extract():
    import pyarrow as pa
    yield pa.table({"n": [1]})
"""
)

CLASS = (
    HEAD
    + """
class Outer:
    class Reader:
        @hookimpl
        def describe(self):
            return info()
        @hookimpl
        def check_connection(self):
            return ConnectionTestResult([CheckItem.ok("x")])
        @hookimpl
        def discover(self):
            yield Stream(name="things")
        @hookimpl
        def extract(self):
            yield from ()
reader = Outer.Reader()
"""
)

CLASS_STYLE = """
from dativo.contract.v0 import BaseReader

class OldReader(BaseReader):
    __version__ = "2.0"

    def extract(self, state_manager=None):
        yield [{"n": 1}]
"""

NAMES = names_of("mine", Kind.SOURCE)

AsInstalled = Callable[[dict[str, str]], None]


def made(folder: Path, code: str, address: str = "my_reader.py") -> dict[str, str]:
    """Make a distribution of *code*; return its files."""
    (folder / address.partition(":")[0]).write_text(code)
    project = new_project(NAMES, folder=folder / "project", source=str(folder / address))
    return {path: (folder / "project" / path).read_text() for path in project.files}


def entry_of(files: dict[str, str]) -> str:
    entries = tomllib.loads(files["pyproject.toml"])["project"]["entry-points"]
    return str(entries["dativo.connectors.v1"]["mine"])


def as_wheel(files: dict[str, str]) -> PluginWheel:
    """What a build makes of the project."""
    sources = {
        path.removeprefix("src/"): text for path, text in files.items() if path.startswith("src/")
    }
    project = tomllib.loads(files["pyproject.toml"])["project"]
    return PluginWheel(
        name=project["name"],
        files=sources,
        entry_points=project["entry-points"],
        manifest=files["dativo.json"],
    )


def test_the_code_is_moved_as_it_is(tmp_path: Path) -> None:
    files = made(tmp_path, MODULE)

    assert files["src/dativo_connector_mine/my_reader.py"] == MODULE
    assert tomllib.loads(files["pyproject.toml"])["project"]["dependencies"][1] == (
        "dativo-core>=0.1,<1"
    )


@pytest.fixture
def as_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AsInstalled]:
    """Install the wheel that a build would make of a project's files."""

    def add(files: dict[str, str]) -> None:
        monkeypatch.syspath_prepend(install(tmp_path / "site", as_wheel(files)))

    yield add
    for name in [name for name in sys.modules if name.startswith(NAMES.module)]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("code", "address", "entry"),
    [
        (MODULE, "my_reader.py", "dativo_connector_mine.my_reader"),
        (MODULE, "my-reader.v2.py", "dativo_connector_mine.my_reader_v2"),
        (MODULE, "class.py", "dativo_connector_mine.connector_class"),
        (CLASS, "my_reader.py:reader", "dativo_connector_mine.my_reader:reader"),
        (CLASS, "my_reader.py:Outer.Reader", "dativo_connector_mine:plugin"),
    ],
)
def test_it_is_a_connector_when_it_is_installed(
    tmp_path: Path, as_installed: AsInstalled, *, code: str, address: str, entry: str
) -> None:
    files = made(tmp_path, code, address)
    as_installed(files)

    found = find_connector("mine")
    connector = load_connector("mine", Role.SOURCE)

    assert entry_of(files) == entry
    assert found.verdict is VersionVerdict.COMPATIBLE
    assert found.roles == (Role.SOURCE,)
    assert connector.info.title == "Mine"
    assert connector.hooks == {"describe", "check_connection", "discover", "extract"}


def test_the_manifest_is_made_of_the_code(tmp_path: Path) -> None:
    manifest = json.loads(made(tmp_path, MODULE)["dativo.json"])

    assert manifest["name"] == "mine"
    assert list(manifest["roles"]["source"]["config"]["properties"]) == ["host", "port"]


def test_its_tests_prove_nothing_before_they_are_filled_in(tmp_path: Path) -> None:
    test = made(tmp_path, MODULE)["tests/test_conformance.py"]

    assert "# The settings are: host, port (optional)." in test
    assert test.index("raise NotImplementedError") < test.index("yield SourceCases")


def test_a_module_without_an_owner_is_to_be_looked_at(tmp_path: Path) -> None:
    (tmp_path / "r.py").write_text(MODULE + "\ndef later():\n    import acme_nobody_has\n")

    project = new_project(NAMES, folder=tmp_path / "p", source=str(tmp_path / "r.py"))

    assert any("acme_nobody_has" in text for text in project.todo)
    assert "module acme_nobody_has?" in (tmp_path / "p" / "pyproject.toml").read_text()


def test_a_source_is_no_writer(tmp_path: Path) -> None:
    (tmp_path / "r.py").write_text(MODULE)
    names = names_of("mine", Kind.WRITER)

    with pytest.raises(PluginLoadError, match="is no writer"):
        new_project(names, folder=tmp_path / "p", source=str(tmp_path / "r.py"))

    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("gone.py", "there is no file .*gone.py; there are r.py"),
        ("r.txt", "names no Python file"),
        ("r.py:a b", "names no Python file"),
    ],
)
def test_an_address_without_a_file_is_refused(tmp_path: Path, address: str, says: str) -> None:
    (tmp_path / "r.py").write_text(MODULE)

    with pytest.raises(UsageError, match=says):
        new_project(NAMES, folder=tmp_path / "p", source=str(tmp_path / address))


def test_a_file_of_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.py").write_bytes(b"# \xfc")

    with pytest.raises(UsageError, match="is not UTF-8"):
        new_project(NAMES, folder=tmp_path / "p", source=str(tmp_path / "r.py"))


def test_a_file_that_cannot_be_loaded_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "r.py").write_text("x = 1\nraise ValueError('broken')\n")

    with pytest.raises(PluginLoadError, match=r"line 2: ValueError: broken"):
        new_project(NAMES, folder=tmp_path / "p", source=str(tmp_path / "r.py"))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import time; time.sleep(60)", "did not end in its time"),
        ("import os; os.kill(os.getpid(), 9)", "a signal ended the process: SIGKILL"),
        ("import os; os._exit(3)", "exit code 3"),
    ],
)
def test_a_file_that_hangs_or_crashes_does_not_take_us_with_it(
    tmp_path: Path, code: str, says: str
) -> None:
    file = tmp_path / "r.py"
    file.write_text(code)

    with pytest.raises(PluginLoadError, match=says):
        inspect_file(file, "", NAMES, seconds=2.0)


def test_the_class_style_stays_what_it_is(tmp_path: Path, as_installed: AsInstalled) -> None:
    files = made(tmp_path, CLASS_STYLE, "old.py:OldReader")
    as_installed(files)

    found = find_connector("mine")
    with pytest.warns(DativoDeprecationWarning):
        connector = load_connector("mine", Role.SOURCE)

    entries = tomllib.loads(files["pyproject.toml"])["project"]["entry-points"]
    assert entries == {"dativo.connectors.v0": {"mine": "dativo_connector_mine.old:OldReader"}}
    assert found.verdict is VersionVerdict.DEPRECATED
    assert "extract" in connector.hooks
    assert files["dativo.json"] == build_manifest("mine").to_json()


def test_the_manifest_is_the_one_that_the_installed_connector_makes(
    tmp_path: Path, as_installed: AsInstalled
) -> None:
    files = made(tmp_path, CLASS, "my_reader.py:Outer.Reader")
    as_installed(files)

    assert files["dativo.json"] == build_manifest("mine").to_json()
