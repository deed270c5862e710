"""Read objects from the Stripe API as Arrow streams."""

from dativo_connector_stripe._hooks import describe, extract, plan_read

__all__ = ["describe", "extract", "plan_read"]
