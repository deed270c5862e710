"""What a job file says about the folder and the form of its files."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import attrs

from dativo.contract import setting

__all__ = ["SUFFIXES", "Compression", "Decimals", "JsonlConfig", "NonFinite"]


class Compression(StrEnum):
    """How files are packed."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


class Decimals(StrEnum):
    """How decimals are written; both forms have all digits."""

    STRING = "string"
    NUMBER = "number"


class NonFinite(StrEnum):
    """What becomes of floats that JSON has no number for."""

    STRING = "string"
    """They are written as "NaN", "Infinity" and "-Infinity"."""
    REFUSE = "refuse"
    """They are an error."""


SUFFIXES: Mapping[Compression, str] = {
    Compression.NONE: ".jsonl",
    Compression.GZIP: ".jsonl.gz",
    Compression.ZSTD: ".jsonl.zst",
}


@attrs.frozen(kw_only=True)
class JsonlConfig:
    """A folder of JSON Lines, one folder in it for each stream."""

    path: Path = setting("The folder that holds a folder for each stream.", examples=("./lake",))
    compression: Compression = setting("How files are packed.", default=Compression.NONE)
    decimals: Decimals = setting(
        "Whether decimals are JSON strings or numbers; many readers round numbers.",
        default=Decimals.STRING,
    )
    non_finite: NonFinite = setting(
        "Whether NaN and the infinities are written as strings or refused.",
        default=NonFinite.STRING,
    )
    ascii: bool = setting(
        "Whether letters beyond ASCII are written as `\\u` escapes.", default=False
    )
    rotate_mib: int = setting(
        "A file ends when it has this size, before packing, in MiB; a record is never cut.",
        default=256,
        minimum=1,
    )
    grace_seconds: float = setting(
        "How long replaced files are kept for readers that have listed them, in seconds.",
        default=300.0,
        minimum=0.0,
    )

    @property
    def suffix(self) -> str:
        """How the names of files end."""
        return SUFFIXES[self.compression]
