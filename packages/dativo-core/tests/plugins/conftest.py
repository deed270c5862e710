from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dativo_test_support.wheels import PluginWheel, install

Site = Callable[..., Path]

SOURCE = """
import attrs
from dativo.contract import *

@attrs.frozen
class Config:
    host: str = setting("The server.")
    password: Secret | None = setting("The password.", default=None)

@hookimpl
def describe():
    return ConnectorInfo(title="Acme", source=SourceInfo(config=Config))
"""


@pytest.fixture
def source() -> str:
    """The beginning of a connector that is a source; a test adds what it needs."""
    return SOURCE


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Install wheels for this test only, in front of everything else."""
    before = set(sys.modules)

    def add(*wheels: PluginWheel, folder: str = "site") -> Path:
        place = install(tmp_path / folder, *wheels)
        if str(place) not in sys.path:
            monkeypatch.syspath_prepend(str(place))
        importlib.invalidate_caches()
        return place

    yield add
    for name in set(sys.modules) - before:
        if name.partition(".")[0].startswith("acme"):
            del sys.modules[name]
