"""The hooks: thin, so that importing the writer stays cheap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dativo.contract import (
    ArrowStream,
    Atomicity,
    ConnectionTestResult,
    ConnectorInfo,
    Context,
    ErrorInfo,
    Permissions,
    Url,
    WriteMode,
    WriteRequest,
    WriterInfo,
    hookimpl,
)
from dativo_writer_parquet._config import ParquetConfig, StreamOptions

if TYPE_CHECKING:
    from dativo.contract import WriteSession
    from dativo_writer_parquet._target import Target

__all__ = ["check_connection", "describe", "read_back", "write"]


@hookimpl
def describe() -> ConnectorInfo:
    """Say what the writer can do."""
    return ConnectorInfo(
        title="Parquet files",
        writer=WriterInfo(
            config=ParquetConfig,
            options=StreamOptions,
            write_modes=(WriteMode.APPEND, WriteMode.REPLACE),
            atomicity=Atomicity.EPOCH,
        ),
        permissions=Permissions(paths=("${config.path}",)),
        errors=_ERRORS,
    )


@hookimpl
def check_connection(config: ParquetConfig, context: Context) -> ConnectionTestResult:
    """Try what publishing needs of the file system."""
    from dativo_writer_parquet._check import check_folder

    return check_folder(config, context)


@hookimpl
def write(config: ParquetConfig, request: WriteRequest, context: Context) -> WriteSession:
    """Open the writing of one stream."""
    from dativo_writer_parquet._write import ParquetSession

    target = _bucket if isinstance(config.path, Url) else _folder
    return ParquetSession(config, request, context, target(config, request, context))


@hookimpl
def read_back(config: ParquetConfig, request: WriteRequest, context: Context) -> ArrowStream:
    """Return what is published of one stream, with the exact types it was written with."""
    if isinstance(config.path, Url):
        from dativo_writer_parquet._store._read import published_in_store

        return published_in_store(config, request, context)
    from dativo_writer_parquet._read import published

    return published(config, request, context)


def _folder(config: ParquetConfig, request: WriteRequest, context: Context) -> Target:
    from dativo_writer_parquet._local import Folder
    from dativo_writer_parquet._open import open_place

    return Folder(config, context, open_place(config, request, context))


def _bucket(config: ParquetConfig, request: WriteRequest, context: Context) -> Target:
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
        code="DATA_VALIDATION",
        cause="A column has changed its type, is gone or is newly required; or a type, a name or "
        "a partition value cannot be stored exactly.",
    ),
    ErrorInfo(
        code="SCHEMA_VALIDATION",
        cause="partition_by names a column that the stream lacks or that cannot be a partition.",
    ),
    ErrorInfo(
        code="INVALID_CONFIG",
        cause="partition_by differs from that of the published data.",
    ),
    ErrorInfo(
        code="CAPABILITY_MISSING",
        cause="Replace mode on a file system that cannot exchange two folders in one step.",
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
