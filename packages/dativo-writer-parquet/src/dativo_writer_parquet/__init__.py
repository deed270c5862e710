"""Write streams as Parquet files to a folder: every epoch becomes visible in one step."""

from dativo_writer_parquet._config import (
    Compression,
    ParquetConfig,
    PartitionBy,
    PartitionPart,
    StorageConfig,
    StreamOptions,
)
from dativo_writer_parquet._hooks import (
    check_connection,
    compact,
    describe,
    lock,
    plan_write,
    read_back,
    write,
)
from dativo_writer_parquet._scan import scan

__all__ = [
    "Compression",
    "ParquetConfig",
    "PartitionBy",
    "PartitionPart",
    "StorageConfig",
    "StreamOptions",
    "check_connection",
    "compact",
    "describe",
    "lock",
    "plan_write",
    "read_back",
    "scan",
    "write",
]
