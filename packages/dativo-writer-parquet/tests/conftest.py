"""The lake that most tests write to."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for parquet_lake, which is no package

from parquet_lake import Lake

from dativo.contract import WriteMode


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path / "lake")


@pytest.fixture
def merged(lake: Lake) -> Lake:
    """An empty lake whose stream is merged by its id."""
    return lake.having(mode=WriteMode.MERGE, primary_key=("id",))
