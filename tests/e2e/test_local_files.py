"""A Python file in place of a connector, with every command that takes a job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dativo_command import Command, WorkFolder

READER = """
from __future__ import annotations

from pathlib import Path

import arro3.core as arro3
import attrs

from dativo.contract import *

Path("loaded").touch()


@attrs.frozen
class Config:
    token: Secret = setting("The token.")
    fails: bool = setting("Whether to fail.", default=False)


@hookimpl
def describe():
    return ConnectorInfo(title="Mine", source=SourceInfo(config=Config))


@hookimpl
def check_connection(config):
    return ConnectionTestResult((CheckItem.ok("login"),))


@hookimpl
def discover(config):
    yield Stream(name="people")


@hookimpl
def extract(config, request):
    if config.fails:
        raise ValueError(f"the token {config.token.reveal()} is wrong")
    yield arro3.Table({"id": arro3.Array([1, 2], arro3.DataType.int64())})
"""

WRITER = """
class Lines:
    def __init__(self, asset_definition, target_config, output_base):
        self.base = output_base

    def write_batch(self, records, file_counter):
        from pathlib import Path

        Path(self.base).mkdir(parents=True)
        Path(self.base, "data").write_text(str(records))
        return [{"path": "data"}]
"""

TOKEN = "tok-5up3r-s3cret"


@pytest.fixture
def command(work: WorkFolder) -> Command:
    (work.path / "my_reader.py").write_text(READER)
    (work.path / "my_writer.py").write_text(WRITER)
    return Command(work.path, variables={"TOKEN": TOKEN})


def write_job(
    folder: Path, source: str = "./my_reader.py", *, writer: Any = None, **config: Any
) -> None:
    settings = {"token": "${env:TOKEN}", **config}
    job = {
        "name": "people",
        "source": {"connector": source, "config": settings},
        "streams": [{"name": "people"}],
        "writer": writer or {"connector": "parquet", "config": {"path": "lake"}},
        "run": {"retries": 0},
    }
    (folder / "job.yaml").write_text(json.dumps(job))


def test_every_command_takes_it(command: Command, work: WorkFolder) -> None:
    write_job(work.path)

    check = command("check", "--json", code=0).document
    found = command("discover", "--json", code=0).document
    preview = command("preview", "--json", code=0).document
    planned = command("plan", "--json", code=0).document
    command("run", code=0)
    state = command("state", "show", "--json", code=0).document

    assert check["checks"][0]["connector"] == "./my_reader.py"
    assert (found["connector"], found["streams"][0]["name"]) == ("./my_reader.py", "people")
    assert preview["streams"][0]["rows"] == [["1"], ["2"]]
    assert planned["streams"][0]["guarantee"] == "exactly_once"
    assert "./my_reader.py" in json.dumps(state)
    (run,) = command("runs", "list", "--json", code=0).document["runs"]
    assert run["options"]["source"] == "./my_reader.py"
    assert "./my_reader.py" in command("runs", "show", run["run_id"], code=0).out


def test_a_job_in_another_folder_finds_its_own_file(command: Command, work: WorkFolder) -> None:
    folder = work.path / "jobs"
    folder.mkdir()
    (work.path / "my_reader.py").rename(folder / "my_reader.py")
    write_job(folder)

    command("run", "--config", "jobs/job.yaml", code=0)

    assert (folder / "lake" / "people").is_dir()


def test_discover_takes_it_without_a_job(command: Command) -> None:
    found = command(
        "discover", "--connector", "./my_reader.py", "--set", "token=${env:TOKEN}", "--json", code=0
    ).document

    assert found["connector"] == "./my_reader.py"


def test_a_class_writes_as_well(command: Command, work: WorkFolder) -> None:
    writer = {
        "connector": "my_writer.py:Lines",
        "config": {"output_base": "out"},
        "mode": "append",
    }
    write_job(work.path, writer=writer)

    answer = command("run", code=0)

    assert (work.path / "out" / "people" / "data").read_text() == "[{'id': 1}, {'id': 2}]"
    assert answer.err.count("'./my_writer.py:Lines' is deprecated") == 1


def test_listing_and_schemas_do_not_load_it(command: Command, work: WorkFolder) -> None:
    write_job(work.path)

    command("plugins", "list", code=0)
    schema = command("schema", "job", code=0).out
    command("runs", "list", code=0)

    assert not (work.path / "loaded").exists()
    assert "\\\\.py" in schema


def test_a_secret_is_hidden_in_what_it_raises(command: Command, work: WorkFolder) -> None:
    write_job(work.path, fails=True)

    answer = command("run", "--json")

    error = answer.document["streams"][0]["error"]
    assert error["message"] == "ValueError: the token **** is wrong"
    assert error["connector"] == "./my_reader.py"
    assert error["fix"] == "Run with --debug to see where, and mend ./my_reader.py."
    assert TOKEN not in answer.out + answer.err


def test_a_missing_file_is_told_with_its_place(command: Command, work: WorkFolder) -> None:
    write_job(work.path, "./my_raeder.py")

    answer = command("run", "--json", code=10)

    assert "source.connector: there is no file ./my_raeder.py" in answer.error["message"]
    assert "did you mean 'my_reader.py'?" in answer.error["message"]


def test_another_file_is_another_source(command: Command, work: WorkFolder) -> None:
    reader = READER.replace("yield arro3", "yield arro3").replace("Mine", "Other")
    (work.path / "other.py").write_text(reader)
    writer = {"connector": "parquet", "config": {"path": "lake"}, "mode": "append"}
    write_job(work.path, writer=writer)
    command("run", code=0)

    write_job(work.path, "././my_reader.py", writer=writer)
    command("run", code=0)
    write_job(work.path, "other.py", writer=writer)
    answer = command("run", "--json")

    assert answer.code == 60, str(answer)
    assert "source: ./my_reader.py -> ./other.py" in answer.out
