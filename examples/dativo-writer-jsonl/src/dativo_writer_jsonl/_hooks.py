"""The hooks of the writer: each one line to where the work is done, loaded when it is called."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from dativo.contract import (
    ArrowStream,
    Atomicity,
    ConnectionTestResult,
    ConnectorInfo,
    Context,
    ErrorInfo,
    HeldLock,
    Permissions,
    ReadPlan,
    WriteMode,
    WritePlan,
    WriteRequest,
    WriterInfo,
    hookimpl,
)
from dativo_writer_jsonl._config import JsonlConfig

if TYPE_CHECKING:
    from dativo.contract import WriteSession

__all__ = ["check_connection", "describe", "lock", "plan_write", "read_back", "write"]


@hookimpl
def describe() -> ConnectorInfo:
    """Say what the writer is and can do."""
    return ConnectorInfo(
        title="JSON Lines files",
        writer=WriterInfo(
            config=JsonlConfig,
            write_modes=(WriteMode.APPEND, WriteMode.REPLACE),
            atomicity=Atomicity.EPOCH,
        ),
        permissions=Permissions(paths=("${config.path}",)),
        errors=_ERRORS,
    )


@hookimpl
def check_connection(config: JsonlConfig, context: Context) -> ConnectionTestResult:
    """Try what publishing needs of the folder's file system."""
    from dativo_writer_jsonl._check import check_folder

    return check_folder(config, context)


@hookimpl
def write(config: JsonlConfig, request: WriteRequest, context: Context) -> WriteSession:
    """Open the writing of one stream."""
    from dativo_writer_jsonl._write import open_session

    return open_session(config, request, context)


@hookimpl
def read_back(config: JsonlConfig, request: WriteRequest, context: Context) -> ArrowStream:
    """Return what is published of one stream, with the types it was written with."""
    from dativo_writer_jsonl._read import published

    return published(config, request, context)


@hookimpl
def plan_write(
    config: JsonlConfig, request: WriteRequest, read: ReadPlan, context: Context
) -> WritePlan:
    """Say where records would go and what is there, without touching it."""
    from dativo_writer_jsonl._plan import plan_folder

    return plan_folder(config, request, read, context)


@hookimpl
def lock(config: JsonlConfig, context: Context) -> AbstractContextManager[HeldLock | None]:
    """Keep other runs of the job away from the folder, also those of other checkouts."""
    from dativo_writer_jsonl._lock import locked_folder

    return locked_folder(config, context)


_ERRORS = (
    ErrorInfo(code="DISK_FULL", cause="The disk, a quota or a file size limit is used up."),
    ErrorInfo(
        code="INSUFFICIENT_PERMISSIONS",
        cause="The folder is read-only, or somebody else's.",
        fix="Make the folder writable for the user that runs the job.",
    ),
    ErrorInfo(code="RESOURCE_NOT_FOUND", cause="`path` leads through a file."),
    ErrorInfo(code="WRITE_FAILED", cause="The file system refused, or a part of an epoch failed."),
    ErrorInfo(
        code="COMMIT_UNKNOWN", cause="The epoch is visible, but the disk did not confirm it."
    ),
    ErrorInfo(
        code="CONCURRENCY",
        cause="A newer run has claimed the stream, or the epoch is published already.",
    ),
    ErrorInfo(code="STATE_LOCKED", cause="Another run of the job writes to the same folder."),
    ErrorInfo(
        code="DATA_VALIDATION",
        cause="A type or value has no exact form in JSON, or a column has changed its type, is "
        "gone or is newly required.",
    ),
    ErrorInfo(
        code="CAPABILITY_MISSING",
        cause="Merge mode, or replace on a file system that cannot exchange two folders in one "
        "step.",
    ),
    ErrorInfo(code="DATA_FORMAT", cause="A file that is read back was changed or is damaged."),
    ErrorInfo(
        code="STATE_UNREADABLE",
        cause="The newest epoch has no readable commit record.",
        fix="Restore the stream's folder from a backup, or move it away and run --full-refresh.",
    ),
    ErrorInfo(
        code="STATE",
        cause="The stream's folder belongs to another job, or holds something foreign.",
    ),
)
