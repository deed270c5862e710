"""The lake that most tests write to."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for parquet_lake, which is no package

from parquet_lake import Lake
from store_lake import StoreLake

from dativo.contract import WriteMode
from dativo_test_support.s3 import FaultProxy, S3Server


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path / "lake")


@pytest.fixture
def store(s3_server: S3Server, s3_proxy: FaultProxy, tmp_path: Path) -> StoreLake:
    """An empty lake in a bucket of its own."""
    bucket = s3_server.create_bucket()
    return StoreLake(
        path=tmp_path, url=f"s3://{bucket}/lake", proxy=s3_proxy, server=s3_server, bucket=bucket
    )


@pytest.fixture
def merged(lake: Lake) -> Lake:
    """An empty lake whose stream is merged by its id."""
    return lake.having(mode=WriteMode.MERGE, primary_key=("id",))
