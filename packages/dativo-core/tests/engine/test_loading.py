from __future__ import annotations

from pathlib import Path

import pytest

from dativo.config import ConnectorUse, FileAddress, settings_node
from dativo.contract import Role
from dativo.engine._loading import load_named, load_used
from dativo.errors import PluginNotFoundError

CODE = """
from dativo.contract import *

class Mine:
    @hookimpl
    def describe(self):
        return ConnectorInfo(title="Mine", source=SourceInfo(config=NoOptions))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(CODE)
    return path


def test_a_file_is_found_from_the_folder(file: Path) -> None:
    found = load_named("mine.py:Mine", Role.SOURCE, folder=file.parent)

    assert (found.name, found.info.title) == ("./mine.py:Mine", "Mine")


def test_a_job_knows_its_file(file: Path) -> None:
    config = settings_node({}, folder=file.parent)
    use = ConnectorUse("./mine.py:Mine", config, FileAddress("./mine.py:Mine", file, "Mine"))

    assert load_used(use, Role.SOURCE).name == "./mine.py:Mine"


def test_any_other_address_is_an_installed_connector(tmp_path: Path) -> None:
    with pytest.raises(PluginNotFoundError, match="acme-missing"):
        load_named("acme-missing", Role.SOURCE, folder=tmp_path)
    with pytest.raises(PluginNotFoundError, match="acme-missing"):
        load_used(ConnectorUse("acme-missing", settings_node({}, folder=tmp_path)), Role.SOURCE)
