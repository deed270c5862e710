"""Places in which the examples of the documentation run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for doc_pages and doc_frames, in no package

from doc_pages import titled

import dativo
from dativo_test_support.wheels import PluginWheel, install

PAGE = "reference/contract.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the example runs in."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the connectors of the contract's page."""
    names = ("counter", "log", "files")
    wheel = PluginWheel(
        name="acme-docs",
        files={
            f"acme_{name}.py": titled("reference/contract.md", f"acme_{name}.py") for name in names
        },
        entry_points={"dativo.connectors.v1": {name: f"acme_{name}" for name in names}},
    )
    monkeypatch.syspath_prepend(str(install(tmp_path / "site", wheel)))


@pytest.fixture
def extensions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the extensions of their page."""
    names = ("coarse", "ends")
    wheel = PluginWheel(
        name="acme-extensions",
        files={f"acme_{name}.py": titled("extensions.md", f"acme_{name}.py") for name in names},
        entry_points={"dativo.extensions.v1": {name: f"acme_{name}" for name in names}},
    )
    monkeypatch.syspath_prepend(str(install(tmp_path / "extensions", wheel)))


@pytest.fixture
def tickets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the connector of the page about errors, which asks a server on this machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    names = ("acme_errors", "acme_tickets")
    wheel = PluginWheel(
        name="acme-tickets",
        files={f"{name}.py": titled("errors-and-retries.md", f"{name}.py") for name in names},
        entry_points={"dativo.connectors.v1": {"tickets": "acme_tickets"}},
    )
    monkeypatch.syspath_prepend(str(install(tmp_path / "site", wheel)))


@pytest.fixture
def lake(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lake of the page about reading."""
    wheel = PluginWheel(
        name="acme-frames", entry_points={"dativo.connectors.v1": {"frames": "doc_frames"}}
    )
    monkeypatch.syspath_prepend(str(install(tmp_path / "site", wheel)))
    for days in (1, 2):
        result = dativo.run(_job(folder, days))

        assert result.exit_code == 0
    return folder / "lake"


def _job(folder: Path, days: int) -> Path:
    levels = [{"column": "country"}, {"column": "ordered_at", "part": "month"}]
    job = {
        "name": "frames",
        "source": {"connector": "frames", "config": {"days": days}},
        "streams": [
            {"name": "orders", "mode": "incremental"},
            {
                "name": "orders_by_country",
                "mode": "incremental",
                "writer_options": {"partition_by": levels},
            },
            {"name": "prices"},
            {
                "name": "customers",
                "mode": "incremental",
                "primary_key": ["id"],
                "write_mode": "merge",
            },
        ],
        "writer": {"connector": "parquet", "config": {"path": "lake"}},
    }
    file = folder / "job.yaml"
    file.write_text(json.dumps(job))
    return file
