"""Read objects from the Stripe API as Arrow streams."""
