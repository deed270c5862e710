"""Read objects from the Stripe API as Arrow streams."""

from dativo_connector_stripe._hooks import describe

__all__ = ["describe"]
