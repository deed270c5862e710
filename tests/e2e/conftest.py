"""Fixtures of the tests that drive the real command from outside."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the helpers, which are no package

from dativo_command import Command, WorkFolder


@pytest.fixture
def work(tmp_path: Path) -> WorkFolder:
    """An empty job folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    return WorkFolder(folder)


@pytest.fixture
def dativo(work: WorkFolder) -> Command:
    """The command, started in the job folder."""
    return Command(work.path)
