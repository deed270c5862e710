"""The kinds of objects, from `kinds.toml` and `shapes/`, and what their lists take."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

import attrs

from dativo_test_support.stripe import billing_values, values
from dativo_test_support.stripe.kind_parameters import PARAMETERS
from dativo_test_support.stripe.parameters import Reader
from dativo_test_support.stripe.templates import Draw, Template

__all__ = ["KINDS", "Kind"]

_FOLDER = files("dativo_test_support.stripe")
_WITHOUT_CREATED = {"line_item", "payment_method", "subscription_item"}
_DRAWS: Mapping[str, Callable[[Draw, str, int], Mapping[str, object]]] = {
    "account": billing_values.account,
    "application_fee": values.application_fee,
    "balance_transaction": values.balance_transaction,
    "charge": values.charge,
    "checkout.session": billing_values.checkout_session,
    "coupon": billing_values.coupon,
    "credit_note": billing_values.credit_note,
    "customer": billing_values.customer,
    "dispute": values.dispute,
    "event": billing_values.event,
    "invoice": billing_values.invoice,
    "invoiceitem": billing_values.invoice_item,
    "line_item": billing_values.line_item,
    "payment_intent": values.payment_intent,
    "payment_method": values.payment_method,
    "payout": values.payout,
    "plan": billing_values.plan,
    "price": billing_values.price,
    "product": billing_values.product,
    "promotion_code": billing_values.promotion_code,
    "refund": values.refund,
    "setup_intent": values.setup_intent,
    "subscription": billing_values.subscription,
    "subscription_item": billing_values.subscription_item,
    "tax_rate": billing_values.tax_rate,
    "transfer": values.transfer,
}


@attrs.frozen(kw_only=True)
class Kind:
    """One kind of object.

    Attributes:
        name: The `object` of its JSON.
        prefix: What its ids begin with.
        path: Where it is listed; `{}` stands for the id of the parent.
        title: What error messages call it.
        token_length: How long ids are behind the prefix.
        expands: Fields that hold an id and may be expanded.
        embeds: A field that holds the first children; empty if there is none.
        child: The kind of these.
        parent: Its field with the id of what it belongs to; empty if there is none.
        created_event: The event that tells of a new one; empty if there is none.
        updated_event: The same for a change.
        deleted_event: The same for an end.
        is_retrieved: There is an endpoint for one of them, by id.
    """

    name: str
    prefix: str
    path: str
    title: str = ""
    token_length: int = 24
    expands: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    embeds: str = ""
    child: str = ""
    parent: str = ""
    created_event: str = ""
    updated_event: str = ""
    deleted_event: str = ""
    is_retrieved: bool = True

    @property
    def parameters(self) -> Mapping[str, Reader]:
        """What its list takes besides paging, `expand` and `created`."""
        return PARAMETERS[self.name]

    @property
    def has_created_filter(self) -> bool:
        return self.name not in _WITHOUT_CREATED

    @property
    def template(self) -> Template:
        return _template(self.name)

    @property
    def permission(self) -> str:
        """The right that a restricted key needs."""
        return f"rak_{self.name.replace('.', '_')}_read"

    @property
    def called(self) -> str:
        """What error messages call it."""
        return self.title or self.name

    def draw(self, number: int, suffix: str, created: int) -> Mapping[str, object]:
        """Return the values of the object with this *number* and end of its id."""
        return _DRAWS[self.name](Draw(number), suffix, created)


@cache
def _template(name: str) -> Template:
    return Template(json.loads((_FOLDER / "shapes" / f"{name}.json").read_text(encoding="utf-8")))


def _read() -> Mapping[str, Kind]:
    table = tomllib.loads((_FOLDER / "kinds.toml").read_text(encoding="utf-8"))
    return {name: Kind(name=name, **row) for name, row in table.items()}


KINDS = _read()
