"""The hooks of the Stripe source.

So far it only says what it is. Checking, discovering and extracting are not implemented, and a
job that asks for them gets a `CapabilityMissingError`.
"""

from __future__ import annotations

from dativo.contract import ConnectorInfo, Permissions, SourceInfo, hookimpl
from dativo_connector_stripe._config import StripeConfig

__all__ = ["describe"]


@hookimpl
def describe() -> ConnectorInfo:
    """Describe the source."""
    return ConnectorInfo(
        title="Stripe",
        source=SourceInfo(config=StripeConfig),
        permissions=Permissions(hosts=("api.stripe.com",), ports=("443",)),
    )
