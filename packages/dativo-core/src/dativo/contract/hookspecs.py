"""The hooks of contract 1.0; an implementation may take fewer arguments than its spec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pluggy

from dativo.contract._arrow import ArrowStream
from dativo.contract._check import ConnectionTestResult
from dativo.contract._commits import WriteSession
from dativo.contract._context import Context
from dativo.contract._info import ConnectorInfo
from dativo.contract._locks import HeldLock
from dativo.contract._plans import CompactResult, ReadPlan, WritePlan
from dativo.contract._streams import Batch, Checkpoint, Stream, StreamRequest, WriteRequest

__all__ = [
    "check_connection",
    "compact",
    "describe",
    "discover",
    "extract",
    "hookimpl",
    "hookspec",
    "lock",
    "plan_read",
    "plan_write",
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

    Args:
        config: The settings of the role that is checked, as an instance of its config class.
        context: Its ``streams`` are those that the job reads, each to be checked; a writer has
            none.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def discover(config: Any, context: Context) -> Iterable[Stream]:
    """Yield the streams of the source as found; one without access is one with a status.

    Args:
        config: The settings, as an instance of the source's config class.
        context: Its ``patterns`` and its ``limit`` say how much is wanted.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def extract(
    config: Any, request: StreamRequest, state: Checkpoint | None, context: Context
) -> Iterator[Batch | ArrowStream]:
    """Yield the records of one stream, from *state* on where there is one.

    A plain frame in place of a ``Batch`` has no checkpoint. Yield at least one batch, if need be
    one without rows, so that an empty stream has a schema.

    What cannot be done as it is asked for is refused with an error and never left out: a stream, a
    field or a cursor that there is not, a mode that the stream does not have, a range that cannot
    be kept to, a checkpoint of a newer version. Modes, ``where`` and ``query`` that the source does
    not declare never get here.

    Args:
        config: The settings, as an instance of the source's config class.
        request: Which stream, and how the job wants it read.
        state: The last committed checkpoint of the stream; ``None`` to begin at the beginning.
        context: Its ``parallelism`` and ``batch_rows`` say how much at once; ``retry`` tries single
            requests again, ``reader`` makes lazy readers and ``resource`` keeps what is shared.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def plan_read(
    config: Any, request: StreamRequest, state: Checkpoint | None, context: Context
) -> ReadPlan:
    """Say what ``extract`` would do with the same arguments, without reading records; optional.

    Args:
        config: The settings, as an instance of the source's config class.
        request: Which stream, and how the job wants it read.
        state: What ``extract`` would get.
        context: As for ``extract``, but nothing that it keeps outlives the plan.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def lock(config: Any, context: Context) -> AbstractContextManager[HeldLock | None]:
    """Return what holds the whole target for ``context.job_id`` while it is entered; optional.

    It keeps out runs of the same job from other machines and checkouts, which the engine's own
    lock does not see. Entering raises ``StateLockedError`` that names the holder. A crash releases
    it; of a holder that stopped moving it may be taken over, so the fence is checked all the same.
    What entering gives is asked before each commit, and a run that lost the lock ends; ``None`` if
    it cannot get lost.

    Args:
        config: The settings, as an instance of the writer's config class.
        context: Its ``job_id`` is what is locked, its ``run_id`` is who holds it.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def write(config: Any, request: WriteRequest, context: Context) -> WriteSession:
    """Open the writing of one stream.

    Args:
        config: The settings, as an instance of the writer's config class.
        request: Which stream, and what becomes of what is published already.
        context: Its ``fence`` is what a newer run has a higher one of, and ``buffer_bytes`` is what
            one ``stage`` may hold in memory.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def plan_write(config: Any, request: WriteRequest, read: ReadPlan, context: Context) -> WritePlan:
    """Say what writing the records of *read* would do, without claiming the target; optional.

    It is asked twice: first with an empty *read*, to learn what is published already, from which
    follows what is to be read.

    Args:
        config: The settings, as an instance of the writer's config class.
        request: Which stream, and what becomes of what is published already.
        read: What ``plan_read`` said; empty where that is not known.
        context: Nothing that it keeps outlives the plan.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def read_back(config: Any, request: WriteRequest, context: Context) -> ArrowStream:
    """Return what is published of one stream; optional.

    In merge mode each key comes once, in its last version.

    Args:
        config: The settings, as an instance of the writer's config class.
        request: Which stream, and how it is written.
        context: Its ``batch_rows`` says how large a record batch should be.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def compact(config: Any, request: WriteRequest, context: Context) -> CompactResult:
    """Rewrite what is published of one stream into fewer files, atomically; optional.

    In merge mode superseded and deleted records go. The newest commit record stays, so that the
    next epoch and the checkpoint are as before. Readers see the old files or the new ones.

    Args:
        config: The settings, as an instance of the writer's config class.
        request: Which stream, and how it is written.
        context: Its ``fence`` is that of a run, which keeps out what is older.
    """
    raise NotImplementedError
