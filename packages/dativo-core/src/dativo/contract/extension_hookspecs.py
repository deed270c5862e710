"""The hooks of extensions in contract 1.0; an implementation may take fewer arguments."""

from __future__ import annotations

from typing import Any

from dativo.contract._arrow import ArrowSchema
from dativo.contract._context import Context
from dativo.contract._extensions import (
    ExtensionInfo,
    ObserverSession,
    Transform,
    TransformRequest,
)
from dativo.contract.hookspecs import hookspec

__all__ = ["describe_extension", "observe", "transform"]


@hookspec(firstresult=True)
def describe_extension() -> ExtensionInfo:
    """Say what the extension is; pure, quick, the origin of the manifest."""
    raise NotImplementedError


@hookspec(firstresult=True)
def observe(config: Any, context: Context) -> ObserverSession:
    """Begin to watch one run; called in the thread that tells the events.

    Whatever it or its session raises is told to the operator as a warning, and the run goes on.

    Args:
        config: The settings, as an instance of the extension's config class.
        context: The run that is watched.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def transform(
    config: Any, request: TransformRequest, schema: ArrowSchema, context: Context
) -> Transform | None:
    """Say what becomes of the records of one stream; ``None`` if they stay as they are.

    It is called once for each try at a stream, and again for deletions and scans of keys.

    Args:
        config: The settings, as an instance of the extension's config class.
        request: Which stream, and what must stay of it.
        schema: What the source gives, or the transformer before this one in the job file.
        context: The run that reads the stream.
    """
    raise NotImplementedError
