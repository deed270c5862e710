"""The table against the official SDK, which is generated from Stripe's own specification.

The SDK is read as source text: what its classes annotate is not there when it runs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import attrs
import pytest

from dativo_connector_stripe._streams import PARENT, FieldType, StreamRow, streams

# stream: module and class of the resource, module of the service that lists it
SDK: Mapping[str, tuple[str, str, str]] = {
    "customers": ("_customer", "Customer", "_customer_service"),
    "charges": ("_charge", "Charge", "_charge_service"),
    "payment_intents": ("_payment_intent", "PaymentIntent", "_payment_intent_service"),
    "setup_intents": ("_setup_intent", "SetupIntent", "_setup_intent_service"),
    "payment_methods": ("_payment_method", "PaymentMethod", "_customer_payment_method_service"),
    "refunds": ("_refund", "Refund", "_refund_service"),
    "disputes": ("_dispute", "Dispute", "_dispute_service"),
    "payouts": ("_payout", "Payout", "_payout_service"),
    "balance_transactions": (
        "_balance_transaction",
        "BalanceTransaction",
        "_balance_transaction_service",
    ),
    "invoices": ("_invoice", "Invoice", "_invoice_service"),
    "invoice_items": ("_invoice_item", "InvoiceItem", "_invoice_item_service"),
    "invoice_line_items": (
        "_invoice_line_item",
        "InvoiceLineItem",
        "_invoice_line_item_service",
    ),
    "credit_notes": ("_credit_note", "CreditNote", "_credit_note_service"),
    "subscriptions": ("_subscription", "Subscription", "_subscription_service"),
    "subscription_items": (
        "_subscription_item",
        "SubscriptionItem",
        "_subscription_item_service",
    ),
    "products": ("_product", "Product", "_product_service"),
    "prices": ("_price", "Price", "_price_service"),
    "coupons": ("_coupon", "Coupon", "_coupon_service"),
    "promotion_codes": ("_promotion_code", "PromotionCode", "_promotion_code_service"),
    "plans": ("_plan", "Plan", "_plan_service"),
    "tax_rates": ("_tax_rate", "TaxRate", "_tax_rate_service"),
    "checkout_sessions": ("checkout/_session", "Session", "checkout/_session_service"),
    "transfers": ("_transfer", "Transfer", "_transfer_service"),
    "application_fees": ("_application_fee", "ApplicationFee", "_application_fee_service"),
    "events": ("_event", "Event", "_event_service"),
    "accounts": ("_account", "Account", "_account_service"),
}

# What Stripe sends only where it is asked to expand it. A column of nothing would read as "none".
EXPANDED: Mapping[str, set[str]] = {
    "customers": {
        "cash_balance",
        "invoice_credit_balance",
        "sources",
        "subscriptions",
        "tax",
        "tax_ids",
    },
    "invoices": {"confirmation_secret", "payments"},
    "prices": {"currency_options", "tiers"},
    "coupons": {"applies_to", "currency_options"},
    "plans": {"tiers"},
    "checkout_sessions": {"line_items"},
}

# Lists have no deleted objects; this marks the answer to a request for one.
MARKER = "deleted"

TIME = re.compile(r"\b([Ee]poch|timestamp|[Dd]ate|[Tt]ime)\b")
TIME_ELSE = {"trial_start", "trial_end"}  # "the beginning of that trial"
NO_TIME = {"amount_due"}  # "due at this time"

each_stream = pytest.mark.parametrize(
    "row", [pytest.param(r, id=r.name) for r in streams().values()]
)


@attrs.frozen
class Annotated:
    name: str
    type: str
    about: str


@cache
def tree(module: str) -> ast.Module:
    spec = find_spec("stripe")
    assert spec is not None
    assert spec.origin is not None
    return ast.parse((Path(spec.origin).parent / f"{module}.py").read_text(encoding="utf-8"))


def one_class(module: str, name: str) -> ast.ClassDef:
    return next(n for n in tree(module).body if isinstance(n, ast.ClassDef) and n.name == name)


def fields_in(module: str, name: str) -> Iterator[Annotated]:
    body = one_class(module, name).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            constant = after.value if isinstance(after, ast.Expr) else None
            about = str(constant.value) if isinstance(constant, ast.Constant) else ""
            written = re.sub(r"\s+", " ", ast.unparse(node.annotation))
            optional = re.fullmatch(r"(?:Optional|NotRequired)\[(.*)\]", written)
            yield Annotated(node.target.id, optional[1] if optional else written, about)


def resource(row: StreamRow) -> dict[str, Annotated]:
    module, name, _ = SDK[row.name]
    found = {field.name: field for field in fields_in(module, name)}
    return {name: field for name, field in found.items() if "ClassVar" not in field.type}


def listing(row: StreamRow) -> tuple[str, dict[str, Annotated], dict[str, set[str]]]:
    """Return path and parameters of the list, and the keys of the parameters that are mappings."""
    module = SDK[row.name][2]
    service = next(n for n in tree(module).body if isinstance(n, ast.ClassDef))
    method = next(n for n in service.body if isinstance(n, ast.FunctionDef) and n.name == "list")
    texts = [n.value for n in ast.walk(method) if isinstance(n, ast.Constant)]
    path = next(text for text in texts if isinstance(text, str) and text.startswith("/v1/"))
    typed = next(text for text in texts if isinstance(text, str) and text.endswith("ListParams"))
    folder, _, file = module.removesuffix("_service").rpartition("/")
    place = f"params/{folder}/{file}_list_params".replace("//", "/")
    nested = {
        one.name: {field.name for field in fields_in(place, one.name)}
        for one in tree(place).body
        if isinstance(one, ast.ClassDef) and one.name != typed
    }
    return path, {field.name: field for field in fields_in(place, typed)}, nested


def kind_of(field: Annotated) -> set[FieldType]:
    """Return the types that fit the annotation of *field*."""
    if field.type == "int":
        is_time = field.name not in NO_TIME and bool(TIME.search(field.about))
        return {FieldType.TIME if is_time or field.name in TIME_ELSE else FieldType.INTEGER}
    texts = r"str|Decimal|Literal\['.*\]|Union\[Literal\['.*\], str\]|ExpandableField\[.*\]"
    if re.fullmatch(texts, field.type):
        return {FieldType.TEXT}
    plain = {"bool": FieldType.BOOLEAN, "float": FieldType.NUMBER}
    return {plain.get(field.type, FieldType.JSON)}


def event_types() -> set[str]:
    field = next(f for f in fields_in("_event", "Event") if f.name == "type")
    return set(ast.literal_eval(field.type.removeprefix("Literal")))


def matches(kind: str, pattern: str) -> bool:
    return kind.startswith(pattern.removesuffix("*"))


def test_every_stream_that_is_promised_is_in_the_table() -> None:
    assert list(streams()) == list(SDK)


def test_the_table_is_read_once_and_cannot_be_changed() -> None:
    assert streams() is streams()
    with pytest.raises(TypeError):
        streams()["more"] = streams()["charges"]  # type: ignore[index]


@each_stream
def test_objects_have_an_id_and_say_what_they_are(row: StreamRow) -> None:
    assert list(row.fields)[:2] == ["id", "object"]
    assert row.fields["id"] is FieldType.TEXT
    assert row.description.endswith(".")
    assert next(f for f in fields_in(*SDK[row.name][:2]) if f.name == "OBJECT_NAME").type == (
        f"ClassVar[Literal[{row.object!r}]]"
    )


@each_stream
def test_the_cursor_is_a_time_or_there_is_none(row: StreamRow) -> None:
    assert not row.cursor or row.fields[row.cursor] is FieldType.TIME
    assert row.cursor or not row.has_created
    assert row.cursor == "created" or "created" not in row.fields


@each_stream
def test_no_field_is_missing(row: StreamRow) -> None:
    left_out = {MARKER, *EXPANDED.get(row.name, ())}

    assert row.fields.keys() == resource(row).keys() - left_out


@each_stream
def test_what_is_left_out_is_optional_and_known_to_the_sdk(row: StreamRow) -> None:
    assert EXPANDED.get(row.name, set()) <= resource(row).keys()


@each_stream
def test_types_are_those_of_the_sdk(row: StreamRow) -> None:
    annotated = resource(row)

    wrong = {
        name: (kind.value, annotated[name].type)
        for name, kind in row.fields.items()
        if kind not in kind_of(annotated[name])
    }
    assert wrong == {}


@each_stream
def test_whatever_is_measured_since_the_epoch_is_a_time(row: StreamRow) -> None:
    epochal = {name for name, field in resource(row).items() if "Unix epoch" in field.about}

    assert {name for name in epochal if row.fields.get(name) is not FieldType.TIME} == set()


@each_stream
def test_patterns_of_events_match_types_of_the_sdk(row: StreamRow) -> None:
    known = event_types()

    for pattern in row.events:
        assert pattern.endswith(".*")
        assert any(matches(kind, pattern) for kind in known)
    assert set(row.events_except) <= {
        kind for kind in known for pattern in row.events if matches(kind, pattern)
    }


def test_streams_without_events_are_those_that_do_not_change() -> None:
    unchanging = {name for name, row in streams().items() if not row.events}

    assert unchanging == {"balance_transactions", "events"}


def test_an_upcoming_invoice_is_none_yet() -> None:
    excepted = {name: row.events_except for name, row in streams().items() if row.events_except}

    upcoming = ("invoice.upcoming",)
    assert excepted == {"invoices": upcoming, "invoice_line_items": upcoming}


@each_stream
def test_the_list_is_where_the_sdk_asks_for_it(row: StreamRow) -> None:
    path, _, _ = listing(row)

    assert re.sub(r"\{\w+\}", PARENT, path) == row.path


@each_stream
def test_every_parameter_is_one_of_the_list(row: StreamRow) -> None:
    _, parameters, nested = listing(row)

    sent = {"limit", "starting_after", *row.params, *(name for one in row.passes for name in one)}
    assert sent <= parameters.keys()
    if row.has_created:
        mapping = re.sub(r"\W|int$|str$", "", parameters["created"].type.partition("|")[0])
        assert {"gte", "lt"} <= nested[mapping]


@each_stream
def test_a_limit_of_a_hundred_is_allowed(row: StreamRow) -> None:
    _, parameters, _ = listing(row)

    assert "between 1 and 100" in parameters["limit"].about


@each_stream
def test_passes_divide_the_list_by_a_field(row: StreamRow) -> None:
    if row.passes:
        # No object is in both passes, and none in neither.
        assert row.passes == ({"active": "true"}, {"active": "false"})
        assert row.fields["active"] is FieldType.BOOLEAN


@each_stream
def test_children_name_a_parent_and_how_they_are_found(row: StreamRow) -> None:
    asked = PARENT in row.path or PARENT in row.params.values()

    assert bool(row.parent) == asked == bool(row.parent_field)
    if row.parent:
        parent = streams()[row.parent]
        assert not parent.parent
        assert row.fields[row.parent_field] is FieldType.TEXT
        assert not row.embedded or parent.fields[row.embedded] is FieldType.JSON
        assert not row.embedded or row.events == parent.events
        assert not row.embedded or row.events_except == parent.events_except
        assert not row.has_created


def test_the_table_is_written_for_the_version_of_the_sdk() -> None:
    table = files("dativo_connector_stripe").joinpath("streams.toml").read_text(encoding="utf-8")
    version = next(n for n in ast.walk(tree("_api_version")) if isinstance(n, ast.Constant))

    assert str(version.value) in table.splitlines()[0]
