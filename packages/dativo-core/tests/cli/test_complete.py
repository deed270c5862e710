from __future__ import annotations

import os
from pathlib import Path

import pytest

from dativo.cli import _complete as complete
from dativo_test_support.wheels import PluginWheel, install

MANIFEST = (
    '{"manifest": 1, "name": "zeta", "contract": "1.0", "title": "Zeta",'
    ' "roles": {"writer": {"config": {}}}}'
)


@pytest.fixture
def _plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = install(
        tmp_path / "site",
        PluginWheel.of_connector("zeta", "raise SystemExit", manifest=MANIFEST),
        PluginWheel.of_connector("zebra", "raise SystemExit"),
        PluginWheel.of_connector("zoo", "raise SystemExit", group="dativo.extensions.v1"),
    )
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.usefixtures("_plugins")
def test_connectors_are_completed_by_their_role_without_an_import() -> None:
    assert complete.connectors("z") == [("zebra", "acme-zebra"), ("zeta", "Zeta")]
    assert complete.plugins("zo") == [("zoo", "acme-zoo")]
    assert complete.plugins("ze") == complete.connectors("ze")
    assert complete.sources("ze") == [("zebra", "acme-zebra")]
    assert complete.writers("zet") == [("zeta", "Zeta")]


def test_error_codes_are_completed_whatever_their_case() -> None:
    assert [code for code, _ in complete.error_codes("net")] == ["NETWORK"]


def test_job_files_and_folders_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs").mkdir()
    for name in ("job.yaml", "jobs/a.yml", "jobs/b.txt", ".hidden.yaml"):
        (tmp_path / name).touch()

    assert complete.job_files("") == ["job.yaml", "jobs/"]
    assert complete.job_files("job") == ["job.yaml", "jobs/"]
    assert complete.job_files("jobs/") == ["jobs/a.yml"]
    assert complete.job_files(".h") == [".hidden.yaml"]
    assert complete.job_files("none/") == []
    assert all(found.startswith("/") for found in complete.job_files(os.sep))
