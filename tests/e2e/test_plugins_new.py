"""What `dativo plugins new` writes is built, installed, listed and run, untouched."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import attrs
import polars as pl
import pyarrow as pa
import pytest
from dativo_command import Command, WorkFolder

from dativo_test_support.unmeasured import unmeasured


@attrs.frozen
class Project:
    """A project that was written, and the place where its wheel is installed."""

    folder: Path
    dativo: Command

    def rows(self, name: str) -> int:
        """Run the example job and return how many records of a stream came."""
        answer = self.dativo("run", "--config", "example/job.yaml", "--json", code=0)
        return int(answer.stream(name)["rows"])


def build(project: Path, site: Path) -> None:
    """Build the wheel with the tools of this environment, and unpack it where modules are found."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*command, str(site)], cwd=project, check=True, capture_output=True)
    (wheel,) = site.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)


def made(work: WorkFolder, dativo: Command, name: str, kind: str) -> Project:
    dativo("plugins", "new", name, "--kind", kind, "--path", "project", code=0)
    folder, site = work.path / "project", work.path / "site"
    build(folder, site)
    return Project(folder, attrs.evolve(dativo, folder=folder, site=(site,)))


def module_of(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_made_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def source(work: WorkFolder, dativo: Command) -> Iterator[Project]:
    """The source, with its API started at the address that the example job names."""
    project = made(work, dativo, "acme-crm", "source")
    fake = module_of(project.folder / "tests" / "fake_api.py")
    with fake.FakeApi(orders=250).serving() as api:
        job = project.folder / "example" / "job.yaml"
        text = job.read_text()
        assert "http://127.0.0.1:8765" in text
        job.write_text(text.replace("http://127.0.0.1:8765", api.base_url))
        yield attrs.evolve(
            project, dativo=attrs.evolve(project.dativo, variables={"ACME_CRM_TOKEN": fake.TOKEN})
        )


def test_the_source_is_listed_checked_and_run(source: Project) -> None:
    listed = source.dativo("plugins", "list", "--json", code=0).document["plugins"]
    (mine,) = (entry for entry in listed if entry["name"] == "acme-crm")
    source.dativo("check", "--config", "example/job.yaml", code=0)

    rows = source.rows("orders")

    orders = pl.read_parquet(source.folder / "example/lake/orders/*/*.parquet")
    assert (mine["verdict"], mine["roles"], mine["manifest_problem"]) == (
        "compatible",
        ["source"],
        "",
    )
    assert rows == 250
    assert orders["id"].n_unique() == 250
    assert orders.schema["total"] == pl.Decimal(18, 2)


def test_the_sources_second_run_reads_what_is_new(source: Project) -> None:
    source.rows("orders")

    again = source.rows("orders")

    # Those that share the last moment, as its `Replay.AT_LEAST_ONCE` says.
    assert again == 1


def test_a_wrong_token_is_told(source: Project) -> None:
    dativo = attrs.evolve(source.dativo, variables={"ACME_CRM_TOKEN": "of-somebody-else"})

    answer = dativo("run", "--config", "example/job.yaml", "--json")

    assert answer.code == 20
    assert "of-somebody-else" not in answer.out + answer.err


def test_the_writer_takes_what_a_local_file_reads(work: WorkFolder, dativo: Command) -> None:
    project = made(work, dativo, "acme", "writer")

    first, second = project.rows("numbers"), project.rows("numbers")

    files = sorted((project.folder / "example" / "lake" / "numbers").glob("*/*.arrow"))
    numbers = [n for file in files for n in pa.ipc.open_file(file).read_all()["n"].to_pylist()]
    shown = project.dativo("cat", "--config", "example/job.yaml", "--stream", "numbers", code=0)
    assert (first, second) == (10, 10)
    assert numbers == list(range(1, 21))
    assert len(shown.out.splitlines()) >= 20


def test_the_writers_full_refresh_exchanges_everything(work: WorkFolder, dativo: Command) -> None:
    project = made(work, dativo, "acme", "writer")
    project.rows("numbers")
    project.rows("numbers")

    project.dativo("run", "--config", "example/job.yaml", "--full-refresh", code=0)

    lake = project.folder / "example" / "lake"
    table = pl.read_ipc(lake / "numbers" / "*" / "*.arrow")
    assert table["n"].to_list() == list(range(1, 11))
    assert len(list((lake / ".acme" / "numbers").glob("data-*"))) == 1


@pytest.mark.parametrize("kind", ["source", "writer"])
@pytest.mark.parametrize("name", ["x", "a-rather-long-name-of-a-system-of-2-word"])
def test_the_code_is_tidy_whatever_the_name(
    work: WorkFolder, dativo: Command, *, name: str, kind: str
) -> None:
    dativo("plugins", "new", name, "--kind", kind, "--path", "p", code=0)

    for words in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [Path(sys.executable).with_name("ruff"), *words, "--no-cache", "."],
            cwd=work.path / "p",
            env=unmeasured(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
