"""The hooks: what the writer can do, and one line to where each thing is done.

The imports are inside the functions, so that naming the writer stays fast and works even where a
library is broken; the error then belongs to the call that needs it.
"""

from __future__ import annotations

from dativo.contract import (
    ArrowStream,
    Atomicity,
    ConnectionTestResult,
    ConnectorInfo,
    Context,
    ErrorInfo,
    Permissions,
    WriteMode,
    WriteRequest,
    WriterInfo,
    WriteSession,
    hookimpl,
)

from ._config import Config

__all__ = ["check_connection", "describe", "read_back", "write"]


@hookimpl
def describe() -> ConnectorInfo:
    """Say what the writer is and can do; `dativo plugins manifest` writes it to dativo.json."""
    return ConnectorInfo(
        title="Sample System",
        writer=WriterInfo(
            config=Config,
            write_modes=(WriteMode.APPEND, WriteMode.REPLACE),
            # Data, checkpoint and record become visible in one rename.
            atomicity=Atomicity.EPOCH,
        ),
        permissions=Permissions(paths=("${config.path}",)),
        errors=_ERRORS,
    )


@hookimpl
def check_connection(config: Config, context: Context) -> ConnectionTestResult:
    """Try everything that publishing needs of the file system."""
    from ._check import check_connection as check

    return check(config, context)


@hookimpl
def write(config: Config, request: WriteRequest, context: Context) -> WriteSession:
    """Open the writing of one stream."""
    from ._write import Session

    return Session(config, request, context)


@hookimpl
def read_back(config: Config, request: WriteRequest, context: Context) -> ArrowStream:
    """Return what is published of one stream; `dativo cat` shows it."""
    from ._read import read_back as read

    return read(config, request, context)


_ERRORS = (
    ErrorInfo(code="DISK_FULL", cause="The disk or a quota of the folder is used up."),
    ErrorInfo(code="INSUFFICIENT_PERMISSIONS", cause="The folder cannot be written to."),
    ErrorInfo(code="RESOURCE_NOT_FOUND", cause="A part of the path is a file, or nothing is read."),
    ErrorInfo(code="CONCURRENCY", cause="A newer run, or another job, writes to the stream."),
    ErrorInfo(code="COMMIT_UNKNOWN", cause="The disk did not confirm that an epoch is durable."),
    ErrorInfo(code="DATA_VALIDATION", cause="A column changed its type, is gone or is required."),
    ErrorInfo(code="CAPABILITY_MISSING", cause="The job asks for merge mode."),
    ErrorInfo(code="STATE_UNREADABLE", cause="A commit record or a claim is damaged."),
)
