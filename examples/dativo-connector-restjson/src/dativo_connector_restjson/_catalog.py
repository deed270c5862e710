"""The streams that the job file describes, with what the server says of them."""

from __future__ import annotations

from collections.abc import Iterator

from dativo.contract import Context, ReadMode, Stream, StreamStatus, matches_pattern
from dativo.errors import (
    ConfigurationError,
    DataError,
    DativoError,
    InsufficientPermissionsError,
    ResourceError,
)
from dativo_connector_restjson._columns import Columns, inferred_types
from dativo_connector_restjson._config import RestConfig, StreamConfig
from dativo_connector_restjson._extract import listing_of

__all__ = ["discover"]

# What is wrong with one stream; all else is wrong with the API or with who asks.
_OF_ONE_STREAM = (ConfigurationError, DataError, InsufficientPermissionsError, ResourceError)


def discover(config: RestConfig, context: Context) -> Iterator[Stream]:
    """Yield the streams in the order of the job file; each costs the request of its first page.

    Raises:
        DativoError: The API cannot be asked.
    """
    found = 0
    for name in config.streams:
        if context.limit is not None and found >= context.limit:
            return
        if _is_wanted(name, context.patterns):
            found += 1
            yield _stream(config, name, context)


def _is_wanted(name: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(matches_pattern(name, pattern) for pattern in patterns)


def _stream(config: RestConfig, name: str, context: Context) -> Stream:
    stream = config.streams[name]
    problem: DativoError | None = None
    types = stream.types
    try:
        first = listing_of(config, name, context).first()
        types = types or inferred_types(first.records, stream)
    except _OF_ONE_STREAM as error:
        problem = error
    known = types or problem is None
    return Stream(
        name=name,
        schema=Columns(name=name, stream=stream, types=types).schema if known else None,
        kind="endpoint",
        primary_key=stream.primary_key,
        cursors=_cursors(stream),
        read_modes=_modes(stream),
        description=stream.description,
        status=StreamStatus.READABLE if problem is None else StreamStatus.UNREADABLE,
        problem=problem,
    )


def _cursors(stream: StreamConfig) -> tuple[str, ...]:
    return () if stream.incremental is None else (stream.incremental.field,)


def _modes(stream: StreamConfig) -> tuple[ReadMode, ...]:
    if stream.incremental is None:
        return (ReadMode.FULL,)
    return ReadMode.FULL, ReadMode.INCREMENTAL
