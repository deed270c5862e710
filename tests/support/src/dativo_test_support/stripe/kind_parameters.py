"""Which parameters the list of each kind takes, besides paging, `expand` and `created`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from importlib.resources import files

from dativo_test_support.stripe.errors import bad_request
from dativo_test_support.stripe.parameters import (
    Condition,
    FieldOf,
    Given,
    Reader,
    choice,
    flag,
    moment,
    nested,
    one,
    several,
    text,
    texts,
)

__all__ = ["PARAMETERS"]

_TYPES = files("dativo_test_support.stripe") / "payment_method_types.txt"
_METHODS = tuple(_TYPES.read_text(encoding="utf-8").split())
_MOST_TYPES = 20
_ANY_STATUS = (
    "active",
    "canceled",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
)


def _texts(*names: str) -> dict[str, Reader]:
    return {name: text(name) for name in names}


def _that(path: str, holds: Callable[[object, str], bool]) -> Reader:
    """A text and what it means for the field."""

    def read(given: Given) -> Condition:
        wanted = one(given)
        return lambda field: holds(field(path), wanted)

    return read


def _types(given: Given) -> Condition:
    wanted = several(given)
    if len(wanted) > _MOST_TYPES:
        raise bad_request("You may pass at most 20 event types.", given.name)
    return lambda field: any(fnmatchcase(str(field("type")), pattern) for pattern in wanted)


def _pending(given: Given) -> Condition:
    is_pending = flag("invoice")(given)
    return lambda field: not is_pending(field)


def _delivered(given: Given) -> Condition:
    is_waiting = flag("pending_webhooks")(given)
    return lambda field: not is_waiting(field)


def _item_price(path: str) -> Reader:
    def read(given: Given) -> Condition:
        wanted = one(given)

        def holds(field: FieldOf) -> bool:
            data = field("items.data")
            return isinstance(data, list) and any(item[path]["id"] == wanted for item in data)

        return holds

    return read


_PERIOD = {
    name: moment(f"items.data.0.{name}") for name in ("current_period_end", "current_period_start")
}
_METHOD = {
    "allow_redisplay": choice("allow_redisplay", ("always", "limited", "unspecified")),
    "type": choice("type", _METHODS),
}

PARAMETERS: Mapping[str, Mapping[str, Reader]] = {
    "account": {},
    "application_fee": _texts("charge"),
    "balance_transaction": {
        **_texts("currency", "source", "type"),
        "payout": _that("source", lambda value, wanted: value == wanted),
    },
    "charge": _texts("customer", "payment_intent", "transfer_group"),
    "checkout.session": {
        **_texts("customer", "customer_account", "payment_intent", "payment_link", "subscription"),
        "customer_details": nested(email=text("customer_details.email")),
        "status": choice("status", ("complete", "expired", "open")),
    },
    "coupon": {},
    "credit_note": _texts("customer", "customer_account", "invoice"),
    "customer": _texts("email", "test_clock"),
    "dispute": _texts("charge", "payment_intent"),
    "event": {
        "delivery_success": _delivered,
        "type": _that("type", lambda value, wanted: fnmatchcase(str(value), wanted)),
        "types": _types,
    },
    "invoice": {
        **_texts("customer", "customer_account"),
        "collection_method": choice("collection_method", ("charge_automatically", "send_invoice")),
        "due_date": moment("due_date"),
        "status": choice("status", ("draft", "open", "paid", "uncollectible", "void")),
        "subscription": text("parent.subscription_details.subscription"),
    },
    "invoiceitem": {**_texts("customer", "customer_account", "invoice"), "pending": _pending},
    "line_item": {},
    "payment_intent": _texts("customer", "customer_account"),
    "payment_method": {**_texts("customer", "customer_account"), **_METHOD},
    "payout": {**_texts("destination", "status"), "arrival_date": moment("arrival_date")},
    "plan": {"active": flag("active"), "product": text("product")},
    "price": {
        **_texts("currency", "product"),
        "active": flag("active"),
        "lookup_keys": texts("lookup_key"),
        "recurring": nested(
            interval=choice("recurring.interval", ("day", "month", "week", "year")),
            meter=text("recurring.meter"),
            usage_type=choice("recurring.usage_type", ("licensed", "metered")),
        ),
        "type": choice("type", ("one_time", "recurring")),
    },
    "product": {
        "active": flag("active"),
        "ids": texts("id"),
        "shippable": flag("shippable"),
        "type": choice("type", ("good", "service")),
        "url": text("url"),
    },
    "promotion_code": {
        **_texts("code", "customer", "customer_account"),
        "active": flag("active"),
        "coupon": text("promotion.coupon"),
    },
    "refund": _texts("charge", "payment_intent"),
    "setup_intent": {
        **_texts("customer", "customer_account", "payment_method"),
        "attach_to_self": flag("attach_to_self"),
    },
    "subscription": {
        **_texts("customer", "customer_account", "test_clock"),
        **_PERIOD,
        "automatic_tax": nested(enabled=flag("automatic_tax.enabled")),
        "collection_method": choice("collection_method", ("charge_automatically", "send_invoice")),
        "plan": _item_price("plan"),
        "price": _item_price("price"),
        "status": choice(
            "status",
            _ANY_STATUS,
            {"all": _ANY_STATUS, "ended": ("canceled", "incomplete_expired")},
        ),
    },
    "subscription_item": _texts("subscription"),
    "tax_rate": {"active": flag("active"), "inclusive": flag("inclusive")},
    "transfer": _texts("destination", "transfer_group"),
}
