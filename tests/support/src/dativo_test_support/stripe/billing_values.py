"""The values that fill the shapes of billing: customers, invoices and what is sold."""

from __future__ import annotations

from dativo_test_support.stripe.templates import Draw
from dativo_test_support.stripe.values import CURRENCIES, DAY, Values, person

__all__ = [
    "account",
    "checkout_session",
    "coupon",
    "credit_note",
    "customer",
    "event",
    "invoice",
    "invoice_item",
    "line_item",
    "plan",
    "price",
    "product",
    "promotion_code",
    "subscription",
    "subscription_item",
    "tax_rate",
]


def customer(draw: Draw, suffix: str, _created: int) -> Values:
    values = person(draw)
    address = {
        "city": values["city"],
        "country": values["country"],
        "line1": values["line1"],
        "line2": None,
        "postal_code": values["postal_code"],
        "state": None,
    }
    return {
        **values,
        "address": address if draw.happens(70) else None,
        "balance": draw.pick((0, 0, 0, -500, 1250)),
        "currency": draw.pick((None, *CURRENCIES)),
        "delinquent": draw.happens(5),
        "invoice_prefix": suffix[:8].upper(),
    }


def account(draw: Draw, _suffix: str, _created: int) -> Values:
    return {**person(draw), "currency": draw.pick(CURRENCIES)}


def invoice(draw: Draw, suffix: str, created: int) -> Values:
    amount = draw.number(100, 500_000)
    status = draw.pick(("paid", "paid", "paid", "open", "void", "uncollectible"))
    paid = status == "paid"
    return {
        **person(draw),
        "amount": amount,
        "amount_paid": amount if paid else 0,
        "amount_remaining": 0 if paid else amount,
        "currency": draw.pick(CURRENCIES),
        "customer": f"cus_{suffix[:14]}",
        "due_date": draw.pick((None, created + 14 * DAY)),
        "number": f"{suffix[:8].upper()}-{draw.number(1, 9999):04}",
        "paid_at": created + 60 if paid else None,
        "period_start": created - 30 * DAY,
        "status": status,
        "subscription": f"sub_{suffix}",
    }


def invoice_item(draw: Draw, suffix: str, created: int) -> Values:
    amount = draw.number(1, 50_000)
    return {
        "amount": amount,
        "currency": draw.pick(CURRENCIES),
        "customer": f"cus_{suffix[:14]}",
        "description": draw.pick(("Hours", "1 Größe M", None)),
        "invoice": f"in_{suffix}",
        "period_start": created - 30 * DAY,
        "price": f"price_{suffix}",
        "product": f"prod_{suffix[:14]}",
        "unit_amount_decimal": str(amount),
    }


def line_item(draw: Draw, suffix: str, created: int) -> Values:
    return {
        **invoice_item(draw, suffix, created),
        "subscription": f"sub_{suffix}",
        "subscription_item": f"si_{suffix[:14]}",
    }


def credit_note(draw: Draw, suffix: str, _created: int) -> Values:
    amount = draw.number(1, 50_000)
    return {
        "amount": amount,
        "amount_decimal": str(amount),
        "currency": draw.pick(CURRENCIES),
        "customer": f"cus_{suffix[:14]}",
        "invoice": f"in_{suffix}",
        "number": f"{suffix[:8].upper()}-{draw.number(1, 99):04}-CN-01",
        "reason": draw.pick((None, "duplicate", "order_change")),
        "status": draw.pick(("issued", "issued", "void")),
        "suffix": suffix,
    }


def subscription(draw: Draw, suffix: str, created: int) -> Values:
    status = draw.pick(("active", "active", "active", "past_due", "canceled"))
    return {
        "canceled_at": created + 3 * DAY if status == "canceled" else None,
        "currency": draw.pick(CURRENCIES),
        "customer": f"cus_{suffix[:14]}",
        "latest_invoice": f"in_{suffix}",
        "status": status,
    }


def subscription_item(draw: Draw, suffix: str, created: int) -> Values:
    amount = draw.number(100, 20_000)
    return {
        "currency": draw.pick(CURRENCIES),
        "period_end": created + 30 * DAY,
        "price": f"price_{suffix}",
        "product": f"prod_{suffix[:14]}",
        "quantity": draw.number(1, 40),
        "subscription": f"sub_{suffix}",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }


def product(draw: Draw, _suffix: str, _created: int) -> Values:
    return {
        "active": draw.happens(80),
        "description": draw.pick((None, "Comfortable gray cotton t-shirt")),
        "name": draw.pick(("T-shirt", "Gold plan", "Größe M", "プラン")),
    }


def price(draw: Draw, suffix: str, _created: int) -> Values:
    amount = draw.pick((None, *(100 * number for number in range(1, 60))))
    return {
        "active": draw.happens(80),
        "currency": draw.pick(CURRENCIES),
        "lookup_key": draw.pick((None, None, f"key_{suffix[:6]}")),
        "product": f"prod_{suffix[:14]}",
        "unit_amount": amount,
        "unit_amount_decimal": "0.125" if amount is None else str(amount),
    }


def plan(draw: Draw, suffix: str, created: int) -> Values:
    return {**price(draw, suffix, created), "interval": draw.pick(("month", "year"))}


def coupon(draw: Draw, _suffix: str, _created: int) -> Values:
    percent = draw.pick((None, 25.5, 10.0, 33.33))
    return {
        "amount_off": draw.number(100, 1000) if percent is None else None,
        "currency": draw.pick(CURRENCIES) if percent is None else None,
        "name": None if percent is None else f"{percent}% off",
        "percent_off": percent,
        "times_redeemed": draw.number(0, 100),
    }


def promotion_code(draw: Draw, suffix: str, _created: int) -> Values:
    return {"active": draw.happens(80), "code": suffix[:8].upper(), "coupon": suffix[:8]}


def tax_rate(draw: Draw, _suffix: str, _created: int) -> Values:
    return {
        "active": draw.happens(80),
        "country": draw.pick(("DE", "FR")),
        "inclusive": draw.happens(50),
        "percentage": draw.pick((19.0, 7.0, 5.5, 20.0)),
    }


def checkout_session(draw: Draw, suffix: str, created: int) -> Values:
    status = draw.pick(("complete", "expired", "open"))
    return {
        **person(draw),
        "amount": draw.number(100, 90_000),
        "currency": draw.pick(CURRENCIES),
        "customer": None,
        "expires_at": created + DAY,
        "payment_intent": f"pi_{suffix[:24]}",
        "payment_status": "paid" if status == "complete" else "unpaid",
        "status": status,
    }


def event(draw: Draw, _suffix: str, _created: int) -> Values:
    return {
        "api_version": None,
        "data": {"object": {}},
        "pending_webhooks": 0,
        "request": None,
        "type": "",
    }
