from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import stripe

from dativo_test_support.stripe import KINDS, FakeStripe

_MANY = 230
_LISTED = tuple(name for name in KINDS if name not in {"line_item", "subscription_item", "event"})


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeStripe]:
    """A fake with some objects of every kind; the tests of this module only read."""
    with FakeStripe(seed=11) as fake:
        for kind in _LISTED:
            fake.add_many(kind, _MANY)
        invoice, subscription = fake.ids("invoice")[0], fake.ids("subscription")[0]
        fake.add_many("line_item", _MANY, invoice=invoice)
        fake.add_many("subscription_item", _MANY, subscription=subscription)
        customer = fake.ids("customer")[0]
        fake.add_many("payment_method", 12, customer=customer)
        yield fake


@pytest.fixture(scope="module")
def client(fake: FakeStripe) -> stripe.StripeClient:
    return _client(fake, fake.key)


def _client(fake: FakeStripe, key: str) -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": fake.url}, max_network_retries=0)


def _get(fake: FakeStripe, path: str, **headers: str) -> httpx.Response:
    own = {"Authorization": f"Bearer {fake.key}", **headers}
    return httpx.get(fake.url + path, headers=own)


def _service(client: stripe.StripeClient, kind: str) -> Any:
    names = {"checkout.session": "checkout.sessions", "invoiceitem": "invoice_items"}
    service: Any = client.v1
    for name in names.get(kind, f"{kind}s").split("."):
        service = getattr(service, name)
    return service


@pytest.mark.parametrize("kind", _LISTED)
def test_the_sdk_sees_every_object_once_and_newest_first(
    fake: FakeStripe, client: stripe.StripeClient, kind: str
) -> None:
    wanted = {"limit": 100, **({"status": "all"} if kind == "subscription" else {})}
    pages = _service(client, kind).list(wanted)
    seen = [one.id for one in pages.auto_paging_iter()]

    assert seen == fake.ids(kind)


def test_the_sdk_sees_children_of_the_path_and_of_a_parameter(
    fake: FakeStripe, client: stripe.StripeClient
) -> None:
    invoice, subscription = fake.ids("invoice")[0], fake.ids("subscription")[0]
    customer = fake.ids("customer")[0]

    lines = client.v1.invoices.line_items.list(invoice, {"limit": 100})
    items = client.v1.subscription_items.list({"subscription": subscription, "limit": 100})
    methods = client.v1.customers.payment_methods.list(customer, {"limit": 5})

    assert [one.id for one in lines.auto_paging_iter()] == fake.ids("line_item")
    assert [one.id for one in items.auto_paging_iter()] == fake.ids("subscription_item")
    assert len({one.id for one in methods.auto_paging_iter()}) == 12


def test_embedded_lists_hold_the_first_ten_and_lead_to_the_rest(
    fake: FakeStripe, client: stripe.StripeClient
) -> None:
    lines = client.v1.invoices.retrieve(fake.ids("invoice")[0]).lines
    items = client.v1.subscriptions.retrieve(fake.ids("subscription")[0])["items"]

    assert (len(lines.data), lines.has_more) == (10, True)
    assert [one.id for one in lines.auto_paging_iter()] == fake.ids("line_item")
    assert (len(items.data), items.has_more) == (10, True)
    assert fake.read(fake.ids("invoice")[1])["lines"]["data"] == []


def test_a_page_before_an_object_is_the_one_next_to_it(
    fake: FakeStripe, client: stripe.StripeClient
) -> None:
    ids = fake.ids("charge")

    page = client.v1.charges.list({"ending_before": ids[150], "limit": 20})
    backwards = client.v1.charges.list({"ending_before": ids[-1], "limit": 100})

    assert ([one.id for one in page], page.has_more) == (ids[130:150], True)
    assert [one.id for one in backwards.auto_paging_iter()] == ids[-2::-1]


@pytest.mark.parametrize(("lower", "upper"), [("gte", "lt"), ("gt", "lte")])
def test_created_filters_are_exact_at_both_ends(
    fake: FakeStripe, client: stripe.StripeClient, lower: str, upper: str
) -> None:
    moments = {key: fake.read(key)["created"] for key in fake.ids("charge")}
    low, high = moments[fake.ids("charge")[170]], moments[fake.ids("charge")[30]]
    expected = [
        key
        for key, moment in moments.items()
        if (low < moment or (moment == low and lower == "gte"))
        and (moment < high or (moment == high and upper == "lte"))
    ]

    created: Any = {lower: low, upper: high}
    page = client.v1.charges.list({"created": created, "limit": 50})
    exact = client.v1.charges.list({"created": high})

    assert [one.id for one in page.auto_paging_iter()] == expected
    assert [one.id for one in exact] == [key for key in moments if moments[key] == high]


def test_without_a_status_canceled_subscriptions_are_left_out(
    fake: FakeStripe, client: stripe.StripeClient
) -> None:
    states = {key: fake.read(key)["status"] for key in fake.ids("subscription")}

    usual = client.v1.subscriptions.list({"limit": 100}).auto_paging_iter()
    ended = client.v1.subscriptions.list({"limit": 100, "status": "ended"}).auto_paging_iter()

    assert [one.id for one in usual] == [key for key in states if states[key] != "canceled"]
    assert [one.id for one in ended] == [key for key in states if states[key] == "canceled"]


def test_other_filters_leave_what_fits(fake: FakeStripe, client: stripe.StripeClient) -> None:
    prices = [fake.read(key) for key in fake.ids("price")]
    keys = [one["lookup_key"] for one in prices if one["lookup_key"]][:3]
    invoices = [fake.read(key) for key in fake.ids("invoice")]

    active = client.v1.prices.list({"active": False, "limit": 100}).auto_paging_iter()
    known = client.v1.prices.list({"lookup_keys": keys})
    yearly = client.v1.prices.list({"recurring": {"interval": "year"}})
    paid = client.v1.invoices.list({"status": "paid", "limit": 100}).auto_paging_iter()

    assert [one.id for one in active] == [one["id"] for one in prices if not one["active"]]
    assert [one.lookup_key for one in known] == keys
    assert yearly.data == []
    assert [one.id for one in paid] == [one["id"] for one in invoices if one["status"] == "paid"]


def test_ids_are_replaced_by_objects_if_asked() -> None:
    with FakeStripe() as fake:
        customer = fake.add("customer", name="Ada")
        intent = fake.add("payment_intent", customer=customer["id"])
        charge = fake.add("charge", customer=customer["id"], payment_intent=intent["id"])
        fake.add("refund", charge=charge["id"])
        client = _client(fake, fake.key)

        paths = ["data.customer", "data.payment_intent.customer", "data.refunds"]
        (listed,) = client.v1.charges.list({"expand": paths})
        found = client.v1.charges.retrieve(charge["id"], {"expand": ["customer"]})

        assert listed.customer == found.customer
        assert isinstance(listed.customer, stripe.Customer)
        assert listed.customer.name == "Ada"
        assert isinstance(listed.payment_intent, stripe.PaymentIntent)
        assert listed.payment_intent.customer == listed.customer
        assert listed.refunds is not None
        assert len(listed.refunds.data) == 1
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
            client.v1.charges.list({"expand": ["data.amount"]})


def test_what_is_late_is_nowhere_before_its_time() -> None:
    with FakeStripe() as fake:
        early, late = fake.add("charge")["id"], fake.add("charge")["id"]
        client = _client(fake, fake.key)
        fake.hide_until(late, fake.clock.now + 60)

        before = [one.id for one in client.v1.charges.list()]
        with pytest.raises(stripe.InvalidRequestError, match="No such charge"):
            client.v1.charges.retrieve(late)
        fake.clock.advance(60)

        assert before == [early]
        assert [one.id for one in client.v1.charges.list()] == [late, early]
        assert client.v1.charges.retrieve(late).id == late


def test_pages_are_printed_as_stripe_prints_them(fake: FakeStripe) -> None:
    answer = _get(fake, "/v1/charges?limit=3")

    assert answer.text == json.dumps(answer.json(), indent=2, ensure_ascii=False) + "\n"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["request-id"].startswith("req_")
    assert answer.headers["date"] == "Sun, 01 Nov 2026 12:00:00 GMT"
    assert answer.headers["stripe-version"] == fake.account_version
    plain = _get(fake, "/v1/charges?limit=3", **{"Accept-Encoding": "identity"})
    assert plain.content == answer.content
    assert "content-encoding" not in plain.headers


def test_the_same_seed_makes_the_same_objects() -> None:
    fakes = [FakeStripe(seed=5), FakeStripe(seed=5), FakeStripe(seed=6)]
    made = [[fake.read(key) for key in fake.add_many("charge", 20)] for fake in fakes]

    assert made[0] == made[1]
    assert made[0] != made[2]


def test_many_objects_take_little_memory() -> None:
    fake = FakeStripe()
    tracemalloc.start()
    try:
        fake.add_many("charge", 2000)
        each = tracemalloc.get_traced_memory()[0] / 2000
    finally:
        tracemalloc.stop()

    assert each < 800


def test_objects_of_another_fake_stand_before_new_ones_of_their_second() -> None:
    other = FakeStripe(seed=1)
    names = other.add_many("charge", 3, start=other.clock.now)
    fake = FakeStripe(seed=2)
    fake.adopt(other.store.records(KINDS["charge"]))
    new = fake.add("charge")["id"]

    assert fake.ids("charge") == [new, *reversed(names)]
    fake.delete(names[1])
    assert other.ids("charge") == [*reversed(names)]
