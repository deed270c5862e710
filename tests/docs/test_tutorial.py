"""The tutorial is done from its first line to its last, as a reader would do it."""

from __future__ import annotations

import faulthandler
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from doc_follow import Reader, follow, installed_as_editable
from doc_pages import ROOT, page

PAGE = "your-first-connector.md"


@pytest.fixture
def reader(folder: Path) -> Reader:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return Reader(folder=folder, port=free.getsockname()[1])


@pytest.fixture
def bare(reader: Reader, tmp_path: Path) -> Reader:
    """Have a plain Python and an installer that takes our own packages from this repository."""
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv is not None, "run the tests with uv"
    wheels = tmp_path / "wheels"
    for package in ("dativo-core", "dativo-writer-parquet"):
        command = [uv, "build", "--quiet", "--wheel", "--package", package, "--out-dir", wheels]
        subprocess.run(command, cwd=ROOT, check=True)
    # Pinned to these files, so that no index can answer for them.
    ours = [f"{one.name.partition('-')[0]} @ {one.as_uri()}\n" for one in wheels.glob("*.whl")]
    (wheels / "ours.txt").write_text("".join(ours))
    python = Path(sys.base_prefix, "bin")
    places = [place for place in os.environ["PATH"].split(os.pathsep) if place != sys.prefix]
    reader.environ |= {
        "PATH": os.pathsep.join((str(python), *places)),
        "PIP_CONSTRAINT": str(wheels / "ours.txt"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    reader.environ.pop("VIRTUAL_ENV", None)
    return reader


@pytest.mark.slow
def test_the_tutorial_is_done_as_it_says(reader: Reader, tmp_path: Path) -> None:
    site = tmp_path / "site"
    project = reader.folder / "dativo-connector-parcels"
    reader.environ["PYTHONPATH"] = os.pathsep.join((str(site), str(project / "src")))

    def install(reader: Reader) -> None:
        installed_as_editable(reader.folder, site)

    follow(PAGE, reader, kinds=(), instead={"--editable": install})

    shown = re.findall(r"^\| `(\S+)` \| (\d+) \|$", page(PAGE), re.MULTILINE)
    lines = {name: len((project / name).read_text().splitlines()) for name, _ in shown}
    assert {name: int(count) for name, count in shown} == lines
    assert len(lines) == 4


@pytest.mark.slow
@pytest.mark.skipif(
    os.environ.get("DATIVO_TEST_FIGURES") != "full",
    reason="makes two environments; `nox -s long` does it",
)
def test_the_tutorial_is_done_in_fresh_environments(bare: Reader) -> None:
    # Two environments and the whole kit take longer than a test may otherwise.
    faulthandler.dump_traceback_later(1200, exit=True)

    follow(PAGE, bare, kinds=("wheels", "slow"), instead={})
