"""The settings of the writer, and those of one stream."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import attrs

from dativo.contract import setting

__all__ = ["Compression", "ParquetConfig", "PartitionBy", "PartitionPart", "StreamOptions"]

MIB = 1024 * 1024


class Compression(StrEnum):
    """How the pages of a file are compressed."""

    ZSTD = "zstd"
    SNAPPY = "snappy"
    LZ4 = "lz4"
    NONE = "none"


class PartitionPart(StrEnum):
    """What of a column makes a partition: its value, or a part of its date."""

    VALUE = "value"
    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    HOUR = "hour"


@attrs.frozen(kw_only=True)
class ParquetConfig:
    """The ``writer.config`` section of a job."""

    path: Path = setting(
        "The folder of the lake; every stream gets a folder in it.", examples=("./lake",)
    )
    compression: Compression = setting(
        "How the data is compressed.", default=Compression.ZSTD, examples=tuple(Compression)
    )
    compression_level: int | None = setting(
        "The effort of zstd: 1, the default, is the quickest, 22 the smallest.",
        default=None,
        minimum=1,
        maximum=22,
    )
    file_size_bytes: int = setting(
        "A file that has reached this size, in bytes, is followed by another one.",
        default=512 * MIB,
        minimum=1024,
    )
    file_rows: int | None = setting(
        "A file that has reached this many rows is followed by another one.",
        default=None,
        minimum=1,
    )
    row_group_rows: int = setting(
        "The most rows of a row group; the memory budget may make it smaller.",
        default=1024 * 1024,
        minimum=1,
    )
    file_mode: str = setting(
        "Who may read the published files, in octal; folders get the right to enter as well.",
        default="0600",
        pattern="0?[0-7]{3}",
        examples=("0600", "0640", "0644"),
    )

    def __attrs_post_init__(self) -> None:
        if self.compression_level is not None and self.compression is not Compression.ZSTD:
            msg = f"compression_level is for zstd; {self.compression} has none"
            raise ValueError(msg)

    @property
    def file_bits(self) -> int:
        """The mode of published files; the owner can always read and write."""
        return int(self.file_mode, 8) | 0o600

    @property
    def folder_bits(self) -> int:
        """The mode of published folders: whoever may read a file may enter its folder."""
        readable = self.file_bits & 0o444
        return self.file_bits | (readable >> 2)


@attrs.frozen(kw_only=True)
class PartitionBy:
    """One level of Hive folders below an epoch."""

    column: str = setting("The column that decides in which folder a record lies.")
    part: PartitionPart = setting(
        "The column's value (the column then lives in the folder's name only), or a part of its "
        "date in UTC (the column stays, the folder is named as in created_at_month=2024-03).",
        default=PartitionPart.VALUE,
    )

    @property
    def key(self) -> str:
        """The name before the equals sign in the folder's name."""
        if self.part is PartitionPart.VALUE:
            return self.column
        return f"{self.column}_{self.part}"


@attrs.frozen(kw_only=True)
class StreamOptions:
    """The ``writer_options`` of a stream."""

    partition_by: tuple[PartitionBy, ...] = setting(
        "The levels of Hive folders, the outermost first; empty for none.", default=()
    )
