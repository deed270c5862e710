from __future__ import annotations

from pathlib import Path

import pytest

from dativo.config import FileAddress, file_address, load_job
from dativo.errors import InvalidConfigError

JOB = """name: things
source:
  connector: {address}
streams:
  - name: a
writer:
  connector: parquet
"""


@pytest.mark.parametrize(
    ("connector", "text", "name"),
    [
        ("./my_reader.py:MyReader", "./my_reader.py:MyReader", "MyReader"),
        ("my_reader.py", "./my_reader.py", ""),
        ("././a/../my_reader.py", "./my_reader.py", ""),
        ("sub/my_reader.py:space.inner", "./sub/my_reader.py:space.inner", "space.inner"),
        ("../my_reader.py:x", "../my_reader.py:x", "x"),
        ("/opt//my_reader.py:x", "/opt/my_reader.py:x", "x"),
    ],
)
def test_a_file_has_one_text_however_it_is_written(connector: str, text: str, name: str) -> None:
    found = file_address(connector, Path("/srv/jobs"))

    file = text.partition(":")[0]
    assert found == FileAddress(text, Path("/srv/jobs", file).resolve(), name)


@pytest.mark.parametrize(
    "connector",
    ["postgres", "a.b", "./my_reader", "x.py:", "x.py:a-b", "x.py:1", "x.py:a:b", "x.pyc", ".py\n"],
)
def test_anything_else_is_no_file(connector: str) -> None:
    assert file_address(connector, Path("/work")) is None


def test_a_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")

    found = file_address("~/x.py", Path("/work"))

    assert found == FileAddress("/home/me/x.py", Path("/home/me/x.py"), "")
    odd = file_address("~nobody-like-that/x.py", Path("/work"))
    assert odd is not None
    assert odd.text == "./~nobody-like-that/x.py"


def test_a_job_may_name_a_file(tmp_path: Path) -> None:
    (tmp_path / "my_reader.py").write_text("")
    file = tmp_path / "job.yaml"
    file.write_text(JOB.format(address="./my_reader.py:MyReader"))

    job = load_job(file)

    assert job.source.connector == "./my_reader.py:MyReader"
    assert job.source.file is not None
    assert job.source.file.path == tmp_path / "my_reader.py"
    assert job.writer.file is None


def test_a_file_that_is_not_there_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "my_reader.py").write_text("")
    file = tmp_path / "job.yaml"
    file.write_text(JOB.format(address="./my_raeder.py:MyReader"))

    with pytest.raises(InvalidConfigError) as raised:
        load_job(file)

    (problem,) = raised.value.problems
    assert (problem.line, problem.column, problem.path) == (3, 14, "source.connector")
    assert problem.message == "there is no file ./my_raeder.py"
    assert problem.hint == "did you mean 'my_reader.py'?"


def test_a_folder_may_have_a_suffix_too(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(JOB.format(address="./my.py.d/gone.py:x"))

    with pytest.raises(InvalidConfigError, match=r"there is no file \./my\.py\.d/gone\.py"):
        load_job(file)


@pytest.mark.parametrize("address", ["./my_reader", "./x.py:a-b", "'a b'", "../x"])
def test_another_address_says_what_is_expected(tmp_path: Path, address: str) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(JOB.format(address=address))

    with pytest.raises(
        InvalidConfigError, match=r"a Python file such as \./my_reader\.py:MyReader"
    ):
        load_job(file)
