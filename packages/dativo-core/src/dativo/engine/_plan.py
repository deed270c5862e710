"""From a job's selections to what is done per stream."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import attrs

from dativo.config import Job, StreamSelection
from dativo.contract import (
    ReadMode,
    Stream,
    StreamRequest,
    WriteMode,
    WriteRequest,
    settings_of,
)
from dativo.engine._backfill import Backfill, bounded
from dativo.engine._extensions import fingerprint_of
from dativo.engine._merge import key_scan, require_key
from dativo.engine._pipe import Pipe, Side
from dativo.engine._recover import HASHED, WRITE_MODE
from dativo.engine._writing import StreamPlan
from dativo.errors import (
    CapabilityMissingError,
    ConfigurationError,
    ResourceNotFoundError,
)

__all__ = ["Prepared", "Resolved", "make_plans", "require_source", "stream_requests"]


@attrs.frozen(kw_only=True)
class Prepared:
    """One selection of a job with its options structured for both sides."""

    selection: StreamSelection
    read_options: object
    write_options: object


@attrs.frozen
class Resolved:
    """A selection's request for one stream, and the stream itself where it was discovered."""

    prepared: Prepared
    request: StreamRequest
    stream: Stream | None = None


def stream_requests(
    prepared: Sequence[Prepared], found: Iterable[Stream], source: Side
) -> list[Resolved]:
    """Resolve selections to requests: names as they are, patterns by what was *found*.

    A name that is written out wins over every pattern, an earlier pattern over a later one.

    Raises:
        ResourceNotFoundError: A pattern matches nothing; zero streams are no success.
    """
    streams = {stream.name: stream for stream in found}
    taken = {one.selection.name for one in prepared if not one.selection.is_pattern}
    requests: list[Resolved] = []
    for one in prepared:
        if not one.selection.is_pattern:
            stream = streams.get(one.selection.name)
            request = _request(one, one.selection.name, stream, source)
            requests.append(Resolved(one, request, stream))
            continue
        names = [name for name in streams if name not in taken and one.selection.matches(name)]
        if not names:
            msg = f"no stream of the source matches {one.selection.name!r}"
            raise ResourceNotFoundError(msg, connector=source.name, phase="discover")
        taken.update(names)
        requests.extend(
            Resolved(one, _request(one, name, streams[name], source), streams[name])
            for name in names
        )
    return requests


def make_plans(
    job: Job,
    requests: Sequence[Resolved],
    pipe: Pipe,
    *,
    full_refresh: bool,
    backfill: Backfill | None = None,
) -> tuple[StreamPlan, ...]:
    """Decide per stream how it is written, and what its checkpoints depend on.

    Raises:
        CapabilityMissingError: The writer lacks the mode, or a side what deletions need.
        ConfigurationError: Read and write mode together would lose or double data, or a stream
            that is merged has no primary key.
    """
    passed = fingerprint_of(pipe.transformers, job=job.name)
    plans = (
        _plan(job, one, pipe, full_refresh=full_refresh, backfill=backfill) for one in requests
    )
    return tuple(attrs.evolve(plan, fingerprint={**plan.fingerprint, **passed}) for plan in plans)


def _plan(
    job: Job, resolved: Resolved, pipe: Pipe, *, full_refresh: bool, backfill: Backfill | None
) -> StreamPlan:
    prepared, request, stream = resolved.prepared, resolved.request, resolved.stream
    mode = _write_mode(job, prepared.selection, request)
    write = WriteRequest(
        stream=request.stream,
        # A refresh exchanges everything in one step, so that nobody sees less in the meantime.
        mode=WriteMode.REPLACE if full_refresh else mode,
        primary_key=request.primary_key,
        versioned=mode is WriteMode.MERGE,
        options=prepared.write_options,
    )
    _require_write_mode(write, pipe.writer)
    if write.versioned:
        require_key(request)
    keys = key_scan(prepared.selection.deletes, request, write, pipe)
    read = bounded(request, mode, backfill)
    require_source(read, pipe.source)
    return StreamPlan(
        read=attrs.evolve(read, deletes=_takes_deletions(write, pipe.writer)),
        write=write,
        keys=keys if backfill is None else None,
        is_backfill=backfill is not None,
        fingerprint=_fingerprint(request, mode, pipe.source),
        estimated_rows=None if stream is None else stream.estimated_rows,
    )


def _takes_deletions(write: WriteRequest, writer: Side) -> bool:
    info = writer.connector.info.writer
    return info is not None and info.deletes and write.mode is WriteMode.MERGE


def _write_mode(job: Job, selection: StreamSelection, request: StreamRequest) -> WriteMode:
    mode = selection.write_mode or job.writer_mode or _default_write_mode(request.mode)
    if request.mode is ReadMode.INCREMENTAL and mode is WriteMode.REPLACE:
        msg = (
            f"stream {request.stream!r} is read incrementally and written with replace: each "
            "increment would throw away all earlier ones"
        )
        raise ConfigurationError(msg, fix="Write it with append, or read it with mode: full.")
    return mode


def _default_write_mode(mode: ReadMode) -> WriteMode:
    return WriteMode.APPEND if mode is ReadMode.INCREMENTAL else WriteMode.REPLACE


def _request(prepared: Prepared, name: str, stream: Stream | None, source: Side) -> StreamRequest:
    selection = prepared.selection
    request = StreamRequest(
        stream=name,
        mode=selection.mode or ReadMode.FULL,
        cursor=selection.cursor,
        primary_key=selection.primary_key or (stream.primary_key if stream is not None else ()),
        columns=selection.columns,
        where=selection.where,
        query=selection.query,
        options=prepared.read_options,
    )
    require_source(request, source)
    return request


def require_source(request: StreamRequest, source: Side) -> None:
    """See that *source* declares what *request* asks for, so that no connector has to.

    Raises:
        CapabilityMissingError: It does not.
    """
    info = source.connector.info.source
    lacking = []
    if info is None or request.mode not in info.read_modes:
        lacking.append(f"read mode {request.mode.value}")
    if info is not None and request.query is not None and not info.queries:
        lacking.append("queries")
    if info is not None and request.where is not None and not info.filters:
        lacking.append("where")
    is_range = request.lower is not None or request.upper is not None
    if info is not None and is_range and not info.ranges:
        lacking.append("ranges (--from, --to)")
    if lacking:
        msg = f"the source {source.name!r} does not have: {', '.join(lacking)}"
        raise CapabilityMissingError(msg, connector=source.name, stream=request.stream)


def _require_write_mode(request: WriteRequest, writer: Side) -> None:
    info = writer.connector.info.writer
    if info is None or request.mode not in info.write_modes:
        msg = f"the writer {writer.name!r} does not have the write mode {request.mode.value}"
        raise CapabilityMissingError(msg, connector=writer.name, stream=request.stream)


def _fingerprint(request: StreamRequest, mode: WriteMode, source: Side) -> Mapping[str, str]:
    info = source.connector.info.source
    # Data without versions cannot be merged into, and data with them not be appended to.
    write_mode = {WRITE_MODE: mode.value} if mode is WriteMode.MERGE else {}
    return {
        "source": source.name,
        **_identity(source.config),
        "mode": request.mode.value,
        "cursor": request.cursor or "",
        "primary_key": ",".join(request.primary_key),
        "where": _short_hash(request.where),
        "query": _short_hash(request.query),
        "checkpoint_version": str(1 if info is None else info.checkpoint_version),
        **write_mode,
    }


def _identity(config: object) -> dict[str, str]:
    """Hash each setting that says which system it is, such as host and database."""
    return {
        f"source.{name}": _short_hash(str(getattr(config, name)))
        for name, (field, _) in settings_of(type(config)).items()
        if field.metadata.get("dativo", {}).get("identity")
    }


def _short_hash(text: str | None) -> str:
    return "" if text is None else HASHED + hashlib.sha256(text.encode()).hexdigest()[:16]
