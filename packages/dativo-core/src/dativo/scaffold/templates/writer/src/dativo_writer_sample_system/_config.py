"""What a job file says about the target: the `writer.config` section."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import attrs
from dativo.contract import setting

__all__ = ["Compression", "Config"]


class Compression(StrEnum):
    """How the data in the files is compressed; files without it can be mapped into memory."""

    NONE = "none"
    LZ4 = "lz4"
    ZSTD = "zstd"


@attrs.frozen(kw_only=True)
class Config:
    """Where the data goes."""

    path: Path = setting(
        "The folder; every stream gets a folder in it, whose files are read as `STREAM/*/*.arrow`.",
        examples=("./lake",),
    )
    compression: Compression = setting("How the data is compressed.", default=Compression.ZSTD)
