"""The hooks of contract 1.0; an implementation may take fewer arguments than its spec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pluggy

from dativo.contract._arrow import ArrowStream
from dativo.contract._check import ConnectionTestResult
from dativo.contract._commits import WriteSession
from dativo.contract._context import Context
from dativo.contract._info import ConnectorInfo
from dativo.contract._streams import Batch, Checkpoint, Stream, StreamRequest, WriteRequest

__all__ = [
    "check_connection",
    "compact",
    "describe",
    "discover",
    "extract",
    "hookimpl",
    "hookspec",
    "read_back",
    "write",
]

hookspec = pluggy.HookspecMarker("dativo")
hookimpl = pluggy.HookimplMarker("dativo")


@hookspec(firstresult=True)
def describe() -> ConnectorInfo:
    """Say what the connector is and can do; pure, quick, the origin of the manifest."""
    raise NotImplementedError


@hookspec(firstresult=True)
def check_connection(config: Any, context: Context) -> ConnectionTestResult:
    """Try everything that a run needs, one item per scope; failures are items, not exceptions.

    *config* is the connector's config class of the role that is checked.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def discover(config: Any, context: Context) -> Iterable[Stream]:
    """Yield the streams of the source as found; one without access is one with a status."""
    raise NotImplementedError


@hookspec(firstresult=True)
def extract(
    config: Any, request: StreamRequest, state: Checkpoint | None, context: Context
) -> Iterator[Batch | ArrowStream]:
    """Yield the records of one stream, from *state* on where there is one.

    A plain frame in place of a ``Batch`` has no checkpoint. Yield at least one batch, if need be
    one without rows, so that an empty stream has a schema.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def write(config: Any, request: WriteRequest, context: Context) -> WriteSession:
    """Open the writing of one stream."""
    raise NotImplementedError


@hookspec(firstresult=True)
def read_back(config: Any, request: WriteRequest, context: Context) -> ArrowStream:
    """Return what is published of one stream; optional."""
    raise NotImplementedError


@hookspec(firstresult=True)
def compact(config: Any, request: WriteRequest, context: Context) -> Any:
    """Rewrite what is published of one stream into fewer files, atomically; optional."""
    raise NotImplementedError
