from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dativo.contract import NoOptions, Role, StreamRequest
from dativo.errors import (
    CapabilityMissingError,
    ContractViolationError,
    DativoDeprecationWarning,
    DativoError,
    PluginExecutionError,
    PluginLoadError,
    PluginNotFoundError,
)
from dativo.plugins import Connector, load_file
from dativo_test_support.context import FakeContext

MODULE = """
from __future__ import annotations
import attrs
from dativo.contract import *

@attrs.frozen
class Config:
    host: str = setting("The server.", default="x")

@hookimpl
def describe():
    return ConnectorInfo(title="Mine", source=SourceInfo(config=Config))

@hookimpl
def discover():
    yield Stream(name=__name__)
"""

CLASSES = """
from dativo.contract import *

class Mine:
    def __init__(self, title="Mine"):
        self.title = title

    @hookimpl
    def describe(self):
        return ConnectorInfo(title=self.title, source=SourceInfo(config=NoOptions))

class Needy(Mine):
    def __init__(self, title):
        self.title = title

class Space:
    inner = Mine("Inner")

class Plain:
    pass

ready = Mine("Ready")

class Old:
    def __init__(self, source_config): pass
    def extract(self, state_manager=None): yield []
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "job"
    folder.mkdir(mode=0o755)
    return folder / "my_reader.py"


def modules_of_files() -> set[str]:
    return {name for name in sys.modules if name.startswith("_dativo_file_")}


@pytest.fixture(autouse=True)
def modules_before() -> Iterator[set[str]]:
    before = modules_of_files()
    yield before
    for name in modules_of_files() - before:
        del sys.modules[name]


def load(file: Path, path: str = "", role: Role = Role.SOURCE) -> Connector:
    address = f"./{file.name}:{path}" if path else f"./{file.name}"
    return load_file(file, path, address=address, role=role)


def refused(file: Path, path: str = "", role: Role = Role.SOURCE) -> DativoError:
    with pytest.raises(DativoError) as raised:
        load(file, path, role)
    assert raised.value.phase == "load"
    return raised.value


def test_a_module_with_hooks_is_a_connector(file: Path) -> None:
    file.write_text(MODULE)

    found = load(file)

    assert (found.name, found.role, found.info.title) == ("./my_reader.py", Role.SOURCE, "Mine")
    assert (found.distribution, found.version, found.notices) == ("", "", ())
    assert found.hooks == {"describe", "discover"}


def test_its_module_is_private_and_its_folder_is_not_on_the_path(file: Path) -> None:
    file.write_text(MODULE)
    (file.parent / "acme_beside.py").write_text("")
    before = list(sys.path)

    (stream,) = load(file).discover(NoOptions(), FakeContext())

    assert stream.name.startswith("_dativo_file_")
    assert "my_reader" not in sys.modules
    assert sys.path == before
    assert sorted(path.name for path in file.parent.iterdir()) == ["acme_beside.py", file.name]
    file.write_text("import acme_beside")
    assert "No module named 'acme_beside'" in refused(file).message


def test_it_runs_once_and_again_when_it_has_changed(file: Path) -> None:
    file.write_text(MODULE + "import sys; sys.runs = getattr(sys, 'runs', 0) + 1")
    load(file)
    load(file)
    assert sys.runs == 1  # type: ignore[attr-defined]

    file.write_text(file.read_text() + "\n")
    load(file)

    assert sys.runs == 2  # type: ignore[attr-defined]
    del sys.runs  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "title"), [("Mine", "Mine"), ("ready", "Ready"), ("Space.inner", "Inner")]
)
def test_a_class_or_an_instance_is_a_connector(file: Path, path: str, title: str) -> None:
    file.write_text(CLASSES)

    assert load(file, path).info.title == title


def test_the_class_style_is_adapted_and_says_that_it_ends(file: Path) -> None:
    file.write_text(CLASSES)

    with pytest.warns(DativoDeprecationWarning, match=r"ends with dativo-core 1\.0"):
        found = load(file, "Old")

    assert found.hooks == {"describe", "extract"}
    assert [notice.removed_in for notice in found.notices] == ["dativo-core 1.0"]


def test_what_it_prints_goes_to_standard_error(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(MODULE + "print('loud')\n")

    load(file)

    assert capsys.readouterr() == ("", "loud\n")


def test_a_file_that_is_not_there_names_one_that_is_like_it(file: Path) -> None:
    file.write_text(MODULE)

    error = refused(file.with_name("my_raeder.py"))

    assert isinstance(error, PluginNotFoundError)
    assert "there is no file ./my_raeder.py; did you mean 'my_reader.py'?" in error.message
    assert "did you mean" not in refused(file.with_name("zzzzzzz.py")).message


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("Mien", "no object 'Mien'; did you mean 'Mine'?"),
        ("Space.iner", "no object 'Space.iner'; did you mean 'inner'?"),
        ("zzzz", "no object 'zzzz'"),
    ],
)
def test_an_object_that_is_not_there_names_one_that_is_like_it(
    file: Path, path: str, said: str
) -> None:
    file.write_text(CLASSES)

    error = refused(file, path)

    assert isinstance(error, PluginLoadError)
    assert said in error.message
    assert error.fix == "Mend ./my_reader.py."


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1\ndef broken(:\n", "line 2: invalid syntax"),
        ("\n\nx = 1 / 0", "line 3: ZeroDivisionError: division by zero"),
        ("def f():\n  raise SystemExit(3)\nf()", "line 2: SystemExit: 3"),
        ("import json\njson.loads('{')", "line 2: JSONDecodeError"),
        ("\0", "SyntaxError: source code string cannot contain null bytes"),
        ("# -*- coding: wonder -*-", "SyntaxError: unknown encoding: wonder"),
    ],
)
def test_a_file_that_fails_says_in_which_line(
    file: Path, modules_before: set[str], code: str, *, said: str
) -> None:
    file.write_text(code)

    error = refused(file)

    assert isinstance(error, PluginLoadError)
    assert f"the connector './my_reader.py' cannot be loaded: {said}" in error.message
    assert modules_of_files() == modules_before


def test_an_interrupt_is_an_interrupt(file: Path, modules_before: set[str]) -> None:
    file.write_text("raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        load(file)
    assert modules_of_files() == modules_before


def test_a_module_without_hooks_names_the_objects_that_have_some(file: Path) -> None:
    file.write_text(CLASSES)

    error = refused(file)

    assert isinstance(error, ContractViolationError)
    assert "Name the object: ./my_reader.py:Mine or ./my_reader.py:Needy or" in error.fix
    assert "./my_reader.py:Old" in error.fix
    assert "Plain" not in error.fix


def test_a_file_without_any_hooks_says_so(file: Path) -> None:
    file.write_text("from dativo.contract import *\nx = 5\n")

    assert "hooks carry @hookimpl" in refused(file).message
    assert "hooks carry @hookimpl" in refused(file, "x").message


def test_a_class_that_wants_arguments_cannot_be_made(file: Path) -> None:
    file.write_text(CLASSES)

    assert "cannot be made without arguments: TypeError" in refused(file, "Needy").message


def test_a_constructor_may_be_interrupted(file: Path) -> None:
    file.write_text(CLASSES + "class Stop(Mine):\n  def __init__(self): raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        load(file, "Stop")


def test_an_object_whose_attributes_raise_is_an_error_of_the_file(file: Path) -> None:
    file.write_text(
        "class Odd:\n  def __getattr__(self, name): raise ValueError(name)\nodd = Odd()"
    )

    assert isinstance(refused(file, "odd.inner"), PluginLoadError)


def test_a_connector_for_the_other_role_is_refused(file: Path) -> None:
    file.write_text(MODULE)

    assert isinstance(refused(file, role=Role.WRITER), CapabilityMissingError)


def test_what_fails_later_tells_which_file_to_mend(file: Path) -> None:
    file.write_text(
        MODULE + "@hookimpl\ndef check_connection(): raise ValueError('no')\n"
        "@hookimpl\ndef extract(): return None\n"
    )
    connector = load(file)

    with pytest.raises(PluginExecutionError) as raised:
        connector.check_connection(NoOptions(), FakeContext())
    assert raised.value.fix == "Run with --debug to see where, and mend ./my_reader.py."
    with pytest.raises(ContractViolationError) as violated:
        list(connector.extract(NoOptions(), StreamRequest(stream="a"), None, FakeContext()))
    assert violated.value.fix == "Mend ./my_reader.py."


def test_a_file_that_everybody_may_change_is_not_loaded(file: Path) -> None:
    file.write_text(MODULE)
    file.chmod(0o666)

    error = refused(file)

    assert "everybody on this machine can change it" in error.message
    assert error.fix == "chmod o-w ./my_reader.py"
    file.chmod(0o664)
    assert load(file).info.title == "Mine"


def test_nor_is_one_in_a_folder_that_everybody_may_change(file: Path) -> None:
    file.write_text(MODULE)
    file.parent.chmod(0o777)

    assert refused(file).fix == f"chmod o-w {file.parent}"
    file.parent.chmod(0o1777)
    assert load(file).info.title == "Mine"


def test_messages_name_the_whole_path(tmp_path: Path) -> None:
    address = "./my.py.d/gone.py:x"

    with pytest.raises(PluginNotFoundError, match=r"there is no file \./my\.py\.d/gone\.py"):
        load_file(tmp_path / "my.py.d" / "gone.py", "x", address=address, role=Role.SOURCE)


def test_a_folder_is_no_file(file: Path) -> None:
    file.mkdir()

    assert "cannot be read: Is a directory" in refused(file).message
