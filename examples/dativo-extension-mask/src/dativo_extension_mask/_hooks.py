"""The hooks of the extension; Arrow is loaded when records come."""

from __future__ import annotations

from dativo.contract import (
    ArrowSchema,
    ErrorInfo,
    ExtensionInfo,
    ExtensionKind,
    Transform,
    TransformRequest,
    hookimpl,
)
from dativo_extension_mask._config import MaskConfig

__all__ = ["describe_extension", "transform"]


@hookimpl
def describe_extension() -> ExtensionInfo:
    """Say what the extension is."""
    return ExtensionInfo(
        title="Mask fields",
        kind=ExtensionKind.TRANSFORMER,
        config=MaskConfig,
        errors=(
            ErrorInfo(
                code="SCHEMA_VALIDATION",
                cause="A rule names a field that a stream lacks, or whose values it cannot mask, "
                "or no rule and no `leave` is about a stream.",
                fix="Correct the rules; nothing of the stream was published.",
            ),
        ),
        documentation="the README of dativo-extension-mask",
    )


@hookimpl
def transform(
    config: MaskConfig, request: TransformRequest, schema: ArrowSchema
) -> Transform | None:
    """Mask the fields of one stream that a rule is about."""
    from dativo_extension_mask._masking import masking

    return masking(config, request, schema)
