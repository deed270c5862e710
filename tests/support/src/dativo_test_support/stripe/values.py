"""The values that fill the shapes of payments: drawn at random, but consistent in themselves."""

from __future__ import annotations

from dativo_test_support.stripe.templates import Draw

__all__ = [
    "CURRENCIES",
    "DAY",
    "Values",
    "application_fee",
    "balance_transaction",
    "charge",
    "dispute",
    "payment_intent",
    "payment_method",
    "payout",
    "person",
    "refund",
    "setup_intent",
    "transfer",
]

Values = dict[str, object]

DAY = 86_400
CURRENCIES = ("usd", "usd", "usd", "eur", "eur", "gbp", "jpy")
_NAMES = ("Ada Lovelace", "Grace Hopper", "Zoë Müller", "陳 大文", 'Ann "Nan" O\'Neil', "Li Wei")


def person(draw: Draw) -> Values:
    """Return the values of a name and an address."""
    return {
        "name": draw.pick(_NAMES),
        "email": f"customer-{draw.number(1, 999_999)}@example.com",
        "city": draw.pick(("Berlin", "San Francisco", "São Paulo", "東京")),
        "country": draw.pick(("DE", "US", "BR", "JP")),
        "line1": f"{draw.number(1, 400)} Main Street",
        "postal_code": str(draw.number(10_000, 99_999)),
    }


def _card(draw: Draw) -> Values:
    return {
        "brand": draw.pick(("visa", "mastercard", "amex")),
        "last4": f"{draw.number(0, 9999):04}",
        "exp_month": draw.number(1, 12),
        "exp_year": draw.number(2027, 2034),
        "fingerprint": f"{draw.number(0, 16**12):016x}",
    }


def charge(draw: Draw, suffix: str, _created: int) -> Values:
    failed = draw.happens(6)
    amount = draw.number(50, 500_000)
    return {
        **person(draw),
        **_card(draw),
        "amount": amount,
        "amount_captured": 0 if failed else amount,
        "balance_transaction": None if failed else f"txn_{suffix}",
        "captured": not failed,
        "currency": draw.pick(CURRENCIES),
        "customer": None,
        "description": draw.pick((None, "Subscription update", "Order 50% off", "Größe M")),
        "failure_code": "card_declined" if failed else None,
        "failure_message": "Your card was declined." if failed else None,
        "network_status": "declined_by_network" if failed else "approved_by_network",
        "payment_intent": f"pi_{suffix}",
        "payment_method": f"pm_{suffix}",
        "risk_score": draw.number(0, 75),
        "status": "failed" if failed else "succeeded",
    }


def payment_intent(draw: Draw, suffix: str, _created: int) -> Values:
    done = draw.happens(75)
    amount = draw.number(50, 500_000)
    return {
        "amount": amount,
        "amount_received": amount if done else 0,
        "currency": draw.pick(CURRENCIES),
        "customer": None,
        "latest_charge": f"ch_{suffix}" if done else None,
        "payment_method": f"pm_{suffix}" if done else None,
        "secret": f"{draw.number(0, 16**12):025x}",
        "status": "succeeded" if done else "requires_payment_method",
    }


def setup_intent(draw: Draw, suffix: str, _created: int) -> Values:
    status = draw.pick(("succeeded", "requires_payment_method", "canceled"))
    return {
        "customer": None,
        "payment_method": f"pm_{suffix}" if status == "succeeded" else None,
        "secret": f"{draw.number(0, 16**12):025x}",
        "status": status,
    }


def payment_method(draw: Draw, _suffix: str, _created: int) -> Values:
    return {**person(draw), **_card(draw), "customer": None}


def refund(draw: Draw, suffix: str, _created: int) -> Values:
    return {
        "amount": draw.number(50, 50_000),
        "balance_transaction": f"txn_{suffix}",
        "charge": f"ch_{suffix}",
        "currency": draw.pick(CURRENCIES),
        "payment_intent": f"pi_{suffix}",
        "reason": draw.pick((None, "duplicate", "fraudulent", "requested_by_customer")),
    }


def dispute(draw: Draw, suffix: str, created: int) -> Values:
    return {
        "amount": draw.number(50, 50_000),
        "charge": f"ch_{suffix}",
        "currency": draw.pick(CURRENCIES),
        "due_by": created + 9 * DAY,
        "payment_intent": f"pi_{suffix}",
        "reason": draw.pick(("fraudulent", "general", "product_not_received")),
        "status": draw.pick(("needs_response", "under_review", "won", "lost")),
    }


def payout(draw: Draw, suffix: str, created: int) -> Values:
    return {
        "amount": draw.number(100, 5_000_000),
        "arrival_date": created + 2 * DAY,
        "balance_transaction": f"txn_{suffix}",
        "currency": draw.pick(CURRENCIES),
        "status": draw.pick(("paid", "paid", "in_transit", "pending")),
        "trace": str(draw.number(10**9, 10**10)),
    }


def balance_transaction(draw: Draw, suffix: str, created: int) -> Values:
    amount = draw.number(50, 500_000)
    fee = amount * 29 // 1000 + 30
    return {
        "amount": amount,
        "available_on": created + 7 * DAY,
        "currency": draw.pick(CURRENCIES),
        "exchange_rate": draw.pick((None, None, 1.08734, 0.91969)),
        "fee": fee,
        "net": amount - fee,
        "source": f"ch_{suffix}",
        "status": draw.pick(("available", "pending")),
    }


def transfer(draw: Draw, suffix: str, _created: int) -> Values:
    return {
        "amount": draw.number(100, 500_000),
        "balance_transaction": f"txn_{suffix}",
        "currency": draw.pick(CURRENCIES),
        "destination": f"acct_{suffix[:16]}",
    }


def application_fee(draw: Draw, suffix: str, _created: int) -> Values:
    return {
        "account": f"acct_{suffix[:16]}",
        "amount": draw.number(1, 5_000),
        "balance_transaction": f"txn_{suffix}",
        "charge": f"ch_{suffix}",
        "currency": draw.pick(CURRENCIES),
    }
