"""Read objects from the Stripe API as Arrow streams."""

from dativo_connector_stripe._config import StripeConfig
from dativo_connector_stripe._hooks import (
    check_connection,
    describe,
    discover,
    extract,
    plan_read,
)

__all__ = [
    "StripeConfig",
    "check_connection",
    "describe",
    "discover",
    "extract",
    "plan_read",
]
