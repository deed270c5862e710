from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pluggy
import pytest
from parquet_lake import Lake, ids

import dativo_writer_parquet
from dativo.contract import (
    Atomicity,
    Role,
    WriteMode,
    WriteRequest,
    config_schema,
    hookspecs,
)
from dativo.errors import InvalidConfigError, ResourceNotFoundError
from dativo_test_support.context import FakeContext
from dativo_writer_parquet import Compression, ParquetConfig, StreamOptions, describe, write


def test_the_hooks_fit_the_contract() -> None:
    manager = pluggy.PluginManager("dativo")
    manager.add_hookspecs(hookspecs)
    manager.register(dativo_writer_parquet)
    manager.check_pending()
    info = manager.hook.describe()

    assert info.roles == (Role.WRITER,)
    assert info.writer.atomicity is Atomicity.EPOCH
    assert info.writer.write_modes == (WriteMode.APPEND, WriteMode.REPLACE, WriteMode.MERGE)
    assert info.writer.deletes


def test_the_description_is_complete() -> None:
    info = describe()

    assert info is not None
    assert info.permissions.paths == ("${config.path}",)
    assert {error.code for error in info.errors} >= {"DISK_FULL", "CONCURRENCY", "COMMIT_UNKNOWN"}
    assert all(error.cause for error in info.errors)


def test_the_settings_have_a_json_schema() -> None:
    schema = config_schema(ParquetConfig)
    options = config_schema(StreamOptions)

    jsonschema.validate({"path": "./lake", "compression": "snappy", "file_rows": 10}, schema)
    levels = [{"column": "country"}, {"column": "created_at", "part": "month"}]
    jsonschema.validate({"partition_by": levels}, options)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"path": "./lake", "compression": "gzip"}, schema)


def test_a_level_is_for_zstd_only() -> None:
    with pytest.raises(ValueError, match="compression_level is for zstd; snappy has none"):
        ParquetConfig(path=Path("x"), compression=Compression.SNAPPY, compression_level=3)
    assert ParquetConfig(path=Path("x"), compression_level=9).compression_level == 9


@pytest.mark.parametrize(
    ("text", "file", "folder"),
    [("0600", 0o600, 0o700), ("0640", 0o640, 0o750), ("644", 0o644, 0o755), ("0000", 0o600, 0o700)],
)
def test_folders_can_be_entered_by_whoever_may_read(text: str, file: int, folder: int) -> None:
    config = ParquetConfig(path=Path("x"), file_mode=text)

    assert (config.file_bits, config.folder_bits) == (file, folder)


def test_importing_the_writer_loads_no_arrow() -> None:
    program = (
        "import sys, dativo_writer_parquet as w; w.describe(); "
        "print([m for m in ('pyarrow', 'polars', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_merge_without_a_key_is_refused(lake: Lake) -> None:
    request = WriteRequest(stream="s", mode=WriteMode.MERGE)
    with pytest.raises(InvalidConfigError, match="merge mode needs the primary key of s"):
        write(lake.config, request, FakeContext())


def test_a_stream_that_was_never_published_cannot_be_read_back(lake: Lake) -> None:
    with pytest.raises(ResourceNotFoundError, match=r"nothing is published of public\.orders"):
        lake.read()
    lake.path.mkdir()
    with pytest.raises(ResourceNotFoundError):
        lake.read()


def test_read_back_is_lazy_and_keeps_its_state(lake: Lake) -> None:
    lake.publish(1, ids(1))
    stream: Any = dativo_writer_parquet.read_back(lake.config, lake.request, FakeContext())
    lake.publish(2, ids(2))

    assert [row for batch in stream for row in batch["id"].to_pylist()] == [1]
