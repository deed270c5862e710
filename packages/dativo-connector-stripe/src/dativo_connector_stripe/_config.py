"""What a job file says about the Stripe account."""

from __future__ import annotations

import attrs

from dativo.contract import Secret, setting

__all__ = ["StripeConfig"]


@attrs.frozen
class StripeConfig:
    """Settings of the Stripe source."""

    api_key: Secret = setting("A secret or restricted key of the account, `sk_...` or `rk_...`.")
