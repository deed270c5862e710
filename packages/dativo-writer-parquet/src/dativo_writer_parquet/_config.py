"""The settings of the writer, and those of one stream."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from dativo.contract import Secret, Url, setting

__all__ = [
    "Compression",
    "ParquetConfig",
    "PartitionBy",
    "PartitionPart",
    "StorageConfig",
    "StreamOptions",
]

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


_SCHEMES = ("s3", "gs", "az")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@attrs.frozen(kw_only=True)
class StorageConfig:
    """How the object store of a ``path`` such as ``s3://bucket/prefix`` is reached.

    What is not set comes from the environment's standard variables, such as ``AWS_REGION``.
    """

    region: str | None = setting("S3: the region of the bucket.", default=None)
    endpoint: str | None = setting(
        "S3: the address of a store that is not Amazon's.",
        default=None,
        pattern="https?://.+",
        examples=("https://minio.example:9000",),
    )
    access_key_id: str | None = setting("S3: the name of the key.", default=None)
    secret_access_key: Secret | None = setting("S3: the key.", default=None)
    session_token: Secret | None = setting("S3: the token of a temporary key.", default=None)
    allow_http: bool = setting(
        "Whether an endpoint without TLS may be used that is not on this machine.", default=False
    )
    timeout_seconds: float = setting(
        "How long one request may take, in seconds; a part of a large file is one request.",
        default=60.0,
        minimum=0.1,
        maximum=3600,
    )
    options: Mapping[str, Secret] = setting(
        "Further settings by the names that obstore gives them; for gs:// and az:// all of them.",
        factory=dict,
    )

    def __attrs_post_init__(self) -> None:
        url = urlsplit(self.endpoint or "")
        if url.username or url.password or url.query:
            raise ValueError("storage.endpoint is an address only, without a user or a query")
        if url.scheme == "http" and not (self.allow_http or url.hostname in _LOOPBACK):
            raise ValueError("storage.endpoint has no TLS; use https://, or set allow_http")
        if bool(self.access_key_id) is not bool(self.secret_access_key):
            raise ValueError("storage.access_key_id and storage.secret_access_key go together")

    @property
    def of_s3(self) -> Mapping[str, str | Secret | None]:
        """The settings that only S3 has, by their names."""
        return {
            "region": self.region,
            "endpoint": self.endpoint,
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            "session_token": self.session_token,
        }


@attrs.frozen(kw_only=True)
class ParquetConfig:
    """The ``writer.config`` section of a job."""

    path: Url | Path = setting(
        "The folder of the lake, or s3://bucket/prefix, gs://bucket/prefix or az://container/"
        "prefix; every stream gets a folder in it.",
        examples=("./lake", "s3://bucket/lake"),
    )
    storage: StorageConfig = setting("How an object store is reached.", factory=StorageConfig)
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
    grace_seconds: float = setting(
        "How long files stay that a replace or a compaction has exchanged for others, in seconds, "
        "for readers that have listed them; outside of the stream's folder.",
        default=600.0,
        minimum=0,
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
        if isinstance(self.path, Url):
            _require_bucket(self.path, self.storage)
        elif self.storage != StorageConfig():
            raise ValueError("storage is for object stores; the path is a folder")

    @property
    def root(self) -> Path:
        """The folder of the lake; ``path`` must not be a URL."""
        assert isinstance(self.path, Path)
        return self.path.absolute()

    @property
    def file_bits(self) -> int:
        """The mode of published files; the owner can always read and write."""
        return int(self.file_mode, 8) | 0o600

    @property
    def folder_bits(self) -> int:
        """The mode of published folders: whoever may read a file may enter its folder."""
        readable = self.file_bits & 0o444
        return self.file_bits | (readable >> 2)


def _require_bucket(url: Url, storage: StorageConfig) -> None:
    parts = urlsplit(url)
    if url.scheme not in _SCHEMES:
        msg = f"path has the scheme {url.scheme!r}; there are {', '.join(_SCHEMES)} and folders"
        raise ValueError(msg)
    if not parts.netloc or "@" in parts.netloc or ":" in parts.netloc:
        raise ValueError("path must be like s3://bucket/prefix, without a user or a port")
    if parts.query or parts.fragment:
        raise ValueError("path must be like s3://bucket/prefix, without ? and #")
    others = [name for name, value in storage.of_s3.items() if value]
    if url.scheme != "s3" and others:
        msg = f"storage.{others[0]} is for s3://; {url.scheme}:// takes storage.options"
        raise ValueError(msg)


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
