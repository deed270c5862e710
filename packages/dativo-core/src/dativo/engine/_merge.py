"""What merging needs: a key for each record, and connectors that find and take deletions."""

from __future__ import annotations

import attrs

from dativo.config import Deletes, Job, StreamSelection
from dativo.contract import ReadMode, StreamRequest, WriteMode, WriteRequest
from dativo.engine._pipe import Pipe
from dativo.errors import CapabilityMissingError, ConfigurationError, SchemaValidationError

__all__ = ["is_discovered", "key_scan", "require_key"]


def is_discovered(selection: StreamSelection, job: Job) -> bool:
    """Whether the source must be asked for the streams of *selection*: their names or keys."""
    merges = (selection.write_mode or job.writer_mode) is WriteMode.MERGE
    lacks_key = not selection.primary_key and selection.query is None
    return selection.is_pattern or (merges and lacks_key)


def require_key(request: StreamRequest) -> None:
    """See that the records of a stream that is merged can be told apart.

    Raises:
        ConfigurationError: Neither the job nor the source names a primary key.
        SchemaValidationError: The key is not among the fields that are read.
    """
    stream = request.stream
    if not request.primary_key:
        msg = f"stream {stream!r} is written with merge but has no primary key"
        fix = "Name its fields in the stream's entry, such as `primary_key: [id]`."
        raise ConfigurationError(msg, fix=fix, stream=stream)
    missing = [name for name in request.primary_key if name not in request.columns]
    if request.columns and missing:
        msg = f"stream {stream!r} is merged by {', '.join(missing)}, which is not among its columns"
        fix = "Add the fields of the primary key to `columns`."
        raise SchemaValidationError(msg, fix=fix, stream=stream)


def key_scan(
    deletes: Deletes, read: StreamRequest, write: WriteRequest, pipe: Pipe
) -> StreamRequest | None:
    """Return what the source is asked to find deletions, ``None`` if nobody wants to know.

    Raises:
        ConfigurationError: The stream is not merged.
        CapabilityMissingError: The source cannot scan keys, or the writer cannot delete.
    """
    if deletes is Deletes.NONE:
        return None
    if not write.versioned:
        msg = f"stream {read.stream!r} has deletes: {deletes.value}, which needs merge mode"
        fix = "Write the stream with `write_mode: merge`, or leave `deletes` out."
        raise ConfigurationError(msg, fix=fix, stream=read.stream)
    _require_capable(read, pipe)
    if write.mode is WriteMode.REPLACE:
        return None  # everything is exchanged, so nothing is left to delete
    return attrs.evolve(
        read, mode=ReadMode.FULL, columns=read.primary_key, cursor=None, lower=None, upper=None
    )


def _require_capable(request: StreamRequest, pipe: Pipe) -> None:
    source, writer = pipe.source.connector.info.source, pipe.writer.connector.info.writer
    if source is None or not source.key_scans:
        side, lacks = pipe.source, "cannot scan keys"
    elif writer is None or not writer.deletes:
        side, lacks = pipe.writer, "cannot delete records"
    else:
        return
    raise CapabilityMissingError(
        f"{side.connector.role.value} {side.name!r} {lacks}, as `deletes: key_scan` needs",
        fix="Leave `deletes` out, or refresh the stream now and then with --full-refresh.",
        connector=side.name,
        stream=request.stream,
    )
