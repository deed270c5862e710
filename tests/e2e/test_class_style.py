"""A package of the class style, installed, run and killed from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from dativo_command import Command, WorkFolder

from dativo_test_support.wheels import PluginWheel, install

READER = """
import os
from pathlib import Path

Path(os.environ["MARKS"], "acme-old").touch()


class IncrementalReader:
    '''Reads the lines of a file that come after the last one, and keeps its number at once.'''

    __version__ = "1.0.0"

    def __init__(self, source_config):
        self.config = source_config

    def extract(self, state_manager=None):
        path = Path(self.config.incremental["state_path"])
        last = state_manager.read_state(path).get("last", 0)
        lines = Path(self.config.connection["path"]).read_text().split()
        new = [int(line) for line in lines if int(line) > last]
        if new:
            # Before the records are yielded, as the style's own readers do.
            state_manager.write_state(path, {"last": max(new)})
        print("the token is", self.config.credentials["token"])
        for at in range(0, len(new), 2):
            yield [{"id": one} for one in new[at : at + 2]]
"""

WRITER = """
import json
import os
from pathlib import Path


class LineWriter:
    def __init__(self, asset_definition, target_config, output_base):
        self.folder = Path(output_base)

    def write_batch(self, records, file_counter):
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"part-{file_counter:05d}.jsonl"
        path.write_text("".join(json.dumps(record) + "\\n" for record in records))
        if os.environ.get("DIE_AFTER") == path.name:
            os._exit(137)
        return [{"path": str(path), "size_bytes": path.stat().st_size}]
"""

TOKEN = "tok-5up3r-s3cret"


def wheels() -> Iterator[PluginWheel]:
    for name, code, value in (
        ("acme-old", READER, "acme_old:IncrementalReader"),
        ("acme-lines", WRITER, "acme_lines:LineWriter"),
    ):
        module = value.partition(":")[0]
        yield PluginWheel(
            name=name,
            files={f"{module}/__init__.py": code},
            entry_points={"dativo.connectors.v0": {name: value}},
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("site"), *wheels())


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


@pytest.fixture
def command(work: WorkFolder, site: Path, marks: Path) -> Command:
    return Command(work.path, site=(site,), variables={"MARKS": str(marks), "TOKEN": TOKEN})


def write_job(work: WorkFolder, writer: dict[str, Any]) -> None:
    source = {
        "connector": "acme-old",
        "config": {"connection": {"path": "numbers"}, "credentials": {"token": "${env:TOKEN}"}},
    }
    job = {
        "name": "numbers",
        "source": source,
        "streams": [{"name": "numbers", "mode": "incremental"}],
        "writer": {**writer, "mode": "append"},
        "run": {"retries": 0},
    }
    (work.path / "job.yaml").write_text(json.dumps(job))


LINES = {"connector": "acme-lines", "config": {"output_base": "./out"}}
LAKE = {"connector": "parquet", "config": {"path": "./lake"}}


def numbers(work: WorkFolder, count: int) -> None:
    (work.path / "numbers").write_text("\n".join(map(str, range(1, count + 1))))


def written(work: WorkFolder) -> list[int]:
    files = sorted((work.path / "out" / "numbers").glob("*.jsonl"))
    return [json.loads(line)["id"] for file in files for line in file.read_text().splitlines()]


def in_lake(command: Command) -> list[int]:
    answer = command("cat", "--json", code=0)
    return sorted(int(row["id"]) for row in map(dict, _rows(answer.document)))


def _rows(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    names = [field["name"] for field in document["fields"]]
    for row in document["rows"]:
        yield dict(zip(names, row, strict=True))


def test_it_is_listed_as_deprecated_without_an_import(command: Command, marks: Path) -> None:
    answer = command("plugins", "list", "--json", code=0)

    found = {one["name"]: one for one in answer.document["plugins"]}
    for name in ("acme-old", "acme-lines"):
        assert (found[name]["verdict"], found[name]["usable"]) == ("deprecated", True)
        assert "ends with dativo-core 1.0" in found[name]["problem"]
        assert found[name]["fix"] == f"pip install -U {name}"
    assert list(marks.iterdir()) == []


def test_a_run_says_once_of_each_that_it_ends(command: Command, work: WorkFolder) -> None:
    numbers(work, 5)
    write_job(work, LINES)

    answer = command("run", code=0)

    for name in ("acme-old", "acme-lines"):
        assert answer.err.count(f"The class style (contract 0) of '{name}' is deprecated") == 1
    assert TOKEN not in answer.out + answer.err
    assert "the token is ****" in answer.err
    assert written(work) == [1, 2, 3, 4, 5]

    numbers(work, 7)
    command("run", code=0)
    command("run", code=0)

    assert written(work) == [1, 2, 3, 4, 5, 6, 7]


def test_a_plan_says_what_is_promised_and_on_what_it_rests(
    command: Command, work: WorkFolder
) -> None:
    numbers(work, 1)
    write_job(work, {**LINES, "config": {"output_base": "s3://bucket/lines"}})

    (stream,) = command("plan", "--json", code=0).document["streams"]

    assert stream["guarantee"] == "at_least_once"
    assert any("and not with the data" in one for one in stream["assumptions"])


@pytest.mark.parametrize(
    "point", ["engine.drain.staged", "engine.commit.before", "engine.commit.receipt"]
)
def test_a_kill_loses_nothing_although_the_class_kept_its_state_before(
    command: Command, work: WorkFolder, point: str
) -> None:
    numbers(work, 5)
    write_job(work, LAKE)
    killed = attrs.evolve(command, variables={**command.variables, "DATIVO_FAILPOINT": point})

    assert killed("run").code == 137
    command("run", code=0)

    assert in_lake(command) == [1, 2, 3, 4, 5]


def test_a_kill_in_mid_commit_is_told_and_loses_nothing(command: Command, work: WorkFolder) -> None:
    numbers(work, 4)
    write_job(work, LINES)
    killed = attrs.evolve(command, variables={**command.variables, "DIE_AFTER": "part-00000.jsonl"})

    assert killed("run").code == 137
    assert written(work) == [1, 2]
    answer = command("run", code=0)

    assert "epoch 1 has begun and not ended" in answer.err
    assert set(written(work)) == {1, 2, 3, 4}
    numbers(work, 6)
    command("run", code=0)
    assert sorted(written(work))[-2:] == [5, 6]


def test_a_target_that_was_deleted_is_not_read_on_from(command: Command, work: WorkFolder) -> None:
    numbers(work, 2)
    write_job(work, LINES)
    command("run", code=0)
    (work.path / "out").rename(work.path / "elsewhere")

    answer = command("run", "--json")

    assert answer.code == 60, str(answer)
    assert "holds no commit of this job" in answer.document["error"]["message"]
