"""The hooks: thin, so that importing the writer stays cheap."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from dativo.contract import (
    ArrowStream,
    Atomicity,
    CompactResult,
    ConnectionTestResult,
    ConnectorInfo,
    Context,
    ErrorInfo,
    HeldLock,
    Permissions,
    ReadPlan,
    Url,
    WriteMode,
    WritePlan,
    WriteRequest,
    WriterInfo,
    hookimpl,
)
from dativo_writer_parquet._config import ParquetConfig, StreamOptions

if TYPE_CHECKING:
    from dativo.contract import WriteSession
    from dativo_writer_parquet._compact import RewritableTarget
    from dativo_writer_parquet._local import Folder
    from dativo_writer_parquet._store._target import Prefix
    from dativo_writer_parquet._target import Target

__all__ = [
    "check_connection",
    "compact",
    "describe",
    "lock",
    "plan_write",
    "read_back",
    "write",
]


@hookimpl
def describe() -> ConnectorInfo:
    """Say what the writer can do."""
    return ConnectorInfo(
        title="Parquet files",
        writer=WriterInfo(
            config=ParquetConfig,
            options=StreamOptions,
            write_modes=(WriteMode.APPEND, WriteMode.REPLACE, WriteMode.MERGE),
            atomicity=Atomicity.EPOCH,
            deletes=True,
        ),
        permissions=Permissions(hosts=("${config.storage.endpoint}",), paths=("${config.path}",)),
        errors=_ERRORS,
    )


@hookimpl
def check_connection(config: ParquetConfig, context: Context) -> ConnectionTestResult:
    """Try what publishing needs of the file system, or of the object store."""
    if isinstance(config.path, Url):
        from dativo_writer_parquet._store._check import check_prefix

        return check_prefix(config, context)
    from dativo_writer_parquet._check import check_folder

    return check_folder(config, context)


@hookimpl
def write(config: ParquetConfig, request: WriteRequest, context: Context) -> WriteSession:
    """Open the writing of one stream."""
    from dativo_writer_parquet._write import ParquetSession

    target: Target
    if isinstance(config.path, Url):
        target = _bucket(config, request, context)
    else:
        exchanges = request.mode is WriteMode.REPLACE
        target = _folder(config, request, context, exchanges=exchanges)
    return ParquetSession(config, request, context, target)


@hookimpl
def read_back(config: ParquetConfig, request: WriteRequest, context: Context) -> ArrowStream:
    """Return what is published of one stream, with the exact types it was written with."""
    if isinstance(config.path, Url):
        from dativo_writer_parquet._store._read import published_in_store

        return published_in_store(config, request, context)
    from dativo_writer_parquet._read import published

    return published(config, request, context)


@hookimpl
def plan_write(
    config: ParquetConfig, request: WriteRequest, read: ReadPlan, context: Context
) -> WritePlan:
    """Say where records would go and what is published there, without touching it."""
    if isinstance(config.path, Url):
        from dativo_writer_parquet._store._plan import plan_prefix

        return plan_prefix(config, request, read, context)
    from dativo_writer_parquet._plan import plan_folder

    return plan_folder(config, request, read, context)


@hookimpl
def compact(config: ParquetConfig, request: WriteRequest, context: Context) -> CompactResult:
    """Rewrite what is published of one stream into few files, in one step."""
    from dativo_writer_parquet._compact import compact_target

    target: RewritableTarget
    if isinstance(config.path, Url):
        target = _bucket(config, request, context)
    else:
        target = _folder(config, request, context, exchanges=True)
    return compact_target(config, context, target)


@hookimpl
def lock(config: ParquetConfig, context: Context) -> AbstractContextManager[HeldLock | None]:
    """Keep other runs of the job away from the target, also those of other checkouts."""
    if isinstance(config.path, Url):
        from dativo_writer_parquet._store._lease import locked_prefix

        return locked_prefix(config, context)
    from dativo_writer_parquet._lock import locked_folder

    return locked_folder(config, context)


def _folder(
    config: ParquetConfig, request: WriteRequest, context: Context, *, exchanges: bool
) -> Folder:
    from dativo_writer_parquet._local import Folder
    from dativo_writer_parquet._open import open_place

    return Folder(config, context, open_place(config, request, context, exchanges=exchanges))


def _bucket(config: ParquetConfig, request: WriteRequest, context: Context) -> Prefix:
    from dativo_writer_parquet._store._open import open_log
    from dativo_writer_parquet._store._target import Prefix

    return Prefix(open_log(config, request, context), context)


_ERRORS = (
    ErrorInfo(
        code="DISK_FULL",
        cause="The file system of the target, a quota or a file size limit is used up.",
        fix="Free space there, then run again; nothing of the epoch was published.",
    ),
    ErrorInfo(
        code="INSUFFICIENT_PERMISSIONS",
        cause="The target is read-only, or belongs to somebody else.",
        fix="Make the folder writable for the user that runs the job.",
    ),
    ErrorInfo(
        code="INVALID_CREDENTIALS",
        cause="The object store does not know the key, or there is none.",
    ),
    ErrorInfo(code="TOKEN_EXPIRED", cause="The token of a temporary key has ended."),
    ErrorInfo(code="NETWORK", cause="The object store cannot be reached, or lost the connection."),
    ErrorInfo(code="CONNECT_TIMEOUT", cause="The object store does not answer in its time."),
    ErrorInfo(code="RATE_LIMIT", cause="The object store asks to slow down."),
    ErrorInfo(code="SERVICE_UNAVAILABLE", cause="The object store has a failure of its own."),
    ErrorInfo(
        code="RESOURCE_NOT_FOUND",
        cause="The bucket does not exist, or nothing is published of the stream.",
    ),
    ErrorInfo(
        code="WRITE_FAILED",
        cause="The file system refused, or the files do not hold what was written to them.",
    ),
    ErrorInfo(
        code="COMMIT_UNKNOWN",
        cause="The epoch is visible, but the disk did not confirm that it would stay so.",
    ),
    ErrorInfo(
        code="CONCURRENCY",
        cause="A newer run has claimed the stream, or the epoch is published already.",
    ),
    ErrorInfo(
        code="STATE_LOCKED",
        cause="Another run of the job writes to the same target, perhaps from another checkout.",
    ),
    ErrorInfo(
        code="DATA_VALIDATION",
        cause="A column has changed its type, is gone or is newly required; or a type, a name or "
        "a partition value cannot be stored exactly.",
    ),
    ErrorInfo(
        code="SCHEMA_VALIDATION",
        cause="partition_by or primary_key names a column that the stream lacks, or one that "
        "cannot be a partition or a key.",
    ),
    ErrorInfo(
        code="INVALID_CONFIG",
        cause="partition_by, the primary key or the mode differs from that of the published "
        "data, or merge mode has no primary key.",
    ),
    ErrorInfo(
        code="CAPABILITY_MISSING",
        cause="Replace or compaction on a file system that cannot exchange two folders in one "
        "step.",
    ),
    ErrorInfo(
        code="STATE_UNREADABLE",
        cause="The newest epoch has no readable commit record.",
        fix="Restore the stream's folder from a backup, or move it away and run --full-refresh.",
    ),
    ErrorInfo(
        code="STATE",
        cause="The stream's folder holds things that Dativo did not write, or epochs are missing.",
    ),
)
