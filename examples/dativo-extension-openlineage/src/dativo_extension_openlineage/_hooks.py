"""The hooks of the extension."""

from __future__ import annotations

from dativo.contract import (
    Context,
    ErrorInfo,
    ExtensionInfo,
    ExtensionKind,
    ObserverSession,
    Permissions,
    hookimpl,
)
from dativo_extension_openlineage._config import LineageConfig

__all__ = ["describe_extension", "observe"]


@hookimpl
def describe_extension() -> ExtensionInfo:
    """Say what the extension is."""
    return ExtensionInfo(
        title="OpenLineage",
        kind=ExtensionKind.OBSERVER,
        config=LineageConfig,
        permissions=Permissions(hosts=("${config.url}",), paths=("${config.path}",)),
        errors=(
            ErrorInfo(
                code="NETWORK",
                cause="The endpoint does not answer; a warning says how many events it missed.",
                fix="Look at `url`; the run itself is not concerned.",
            ),
        ),
        documentation="the README of dativo-extension-openlineage",
    )


@hookimpl
def observe(config: LineageConfig, context: Context) -> ObserverSession:
    """Begin to tell a run."""
    from dativo_extension_openlineage._session import LineageSession
    from dativo_extension_openlineage._sinks import open_sink

    return LineageSession(config, open_sink(config), retry=context.retry)
