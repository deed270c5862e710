"""The hooks of the connector: each one line to where the work is done, loaded when it is called."""

from __future__ import annotations

from collections.abc import Iterator

from dativo.contract import (
    Batch,
    Checkpoint,
    ConnectorInfo,
    Context,
    Permissions,
    ReadMode,
    ReadPlan,
    Replay,
    SourceInfo,
    StreamRequest,
    hookimpl,
)
from dativo_connector_stripe._config import StripeConfig

__all__ = ["describe", "extract", "plan_read"]


@hookimpl
def describe() -> ConnectorInfo:
    """Say what the connector is and can do."""
    return ConnectorInfo(
        title="Stripe",
        source=SourceInfo(
            config=StripeConfig,
            read_modes=(ReadMode.FULL, ReadMode.INCREMENTAL),
            # Stripe has no count of its own, without which a replay cannot be called exact.
            replay=Replay.AT_LEAST_ONCE,
            checkpoint_version=1,
        ),
        permissions=Permissions(hosts=("api.stripe.com",), ports=("443",)),
    )


@hookimpl
def extract(
    config: StripeConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> Iterator[Batch]:
    """Yield what is new or has changed of one stream."""
    from dativo_connector_stripe._extract import extract as read

    return read(config, request, state, context)


@hookimpl
def plan_read(
    config: StripeConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> ReadPlan:
    """Say what a read would do, by Stripe's clock and the state."""
    from dativo_connector_stripe._plan import plan_read as plan

    return plan(config, request, state, context)
