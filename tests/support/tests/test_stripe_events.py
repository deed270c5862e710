from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from dativo_test_support.stripe import ABSENT, FakeStripe

_DAY = 86_400


@pytest.fixture
def fake() -> Iterator[FakeStripe]:
    with FakeStripe(seed=4) as fake:
        yield fake


def _events(fake: FakeStripe, **params: Any) -> list[Any]:
    client = stripe.StripeClient(fake.key, base_addresses={"api": fake.url})
    wanted: Any = {"limit": 100, **params}
    pages = client.v1.events.list(wanted)
    return [one.to_dict() for one in pages.auto_paging_iter()]


def test_a_change_tells_what_the_object_is_now_and_was_before(fake: FakeStripe) -> None:
    fake.account_version = "2024-06-20"
    customer = fake.add("customer", name="Ada")
    fake.clock.advance(10)
    changed = fake.update(customer["id"], name="Grace", metadata={"a": "1"})
    fake.update(customer["id"], name="Ann")

    last, update, creation = _events(fake)

    assert [one["type"] for one in (creation, update)] == ["customer.created", "customer.updated"]
    assert creation["data"] == {"object": customer}
    assert update["data"]["object"] == changed
    assert update["data"]["previous_attributes"] == {
        "name": "Ada",
        "metadata": customer["metadata"],
    }
    assert last["data"]["object"]["name"] == "Ann"
    assert update["created"] == creation["created"] + 10 == fake.clock.now
    assert {one["api_version"] for one in (last, update, creation)} == {"2024-06-20"}


def test_a_deleted_object_is_gone_from_lists_and_told_of(fake: FakeStripe) -> None:
    customer, product = fake.add("customer"), fake.add("product")
    client = stripe.StripeClient(fake.key, base_addresses={"api": fake.url})
    for one in (customer, product):
        fake.delete(one["id"])

    assert client.v1.customers.list().data == []
    assert client.v1.customers.retrieve(customer["id"]).deleted is True
    with pytest.raises(stripe.InvalidRequestError, match="No such product"):
        client.v1.products.retrieve(product["id"])
    deletions = _events(fake, types=["*.deleted"])
    assert [one["type"] for one in deletions] == ["product.deleted", "customer.deleted"]
    assert [one["data"]["object"] for one in deletions] == [product, customer]


def test_a_subscription_that_is_deleted_is_canceled(fake: FakeStripe) -> None:
    subscription = fake.add("subscription", status="active", canceled_at=None)
    fake.delete(subscription["id"])

    (told,) = _events(fake, type="customer.subscription.deleted")
    assert told["data"]["object"]["status"] == "canceled"
    assert fake.read(subscription["id"])["status"] == "canceled"
    assert told["data"]["previous_attributes"]["status"] == "active"


def test_subscriptions_end_with_their_customer(fake: FakeStripe) -> None:
    customer = fake.add("customer")["id"]
    ended = fake.add("subscription", customer=customer, status="active")["id"]
    other = fake.add("subscription", status="active")["id"]
    fake.delete(customer)

    deleted, canceled, *_ = _events(fake)
    assert (deleted["type"], canceled["data"]["object"]["id"]) == ("customer.deleted", ended)
    assert [fake.read(key)["status"] for key in (ended, other)] == ["canceled", "active"]


def test_a_payment_method_that_is_deleted_is_detached(fake: FakeStripe) -> None:
    customer = fake.add("customer")["id"]
    method = fake.add("payment_method", customer=customer)["id"]
    client = stripe.StripeClient(fake.key, base_addresses={"api": fake.url})
    before = [one.id for one in client.v1.customers.payment_methods.list(customer)]
    fake.delete(method)

    assert before == [method]
    assert client.v1.customers.payment_methods.list(customer).data == []
    assert client.v1.payment_methods.retrieve(method).customer is None
    (told,) = _events(fake, type="payment_method.detached")
    assert told["data"]["previous_attributes"] == {"customer": customer}


def test_children_without_events_of_their_own_are_told_with_their_parent(fake: FakeStripe) -> None:
    invoice = fake.add("invoice")["id"]
    line = fake.add("line_item", invoice=invoice)["id"]
    fake.update(line, description="other")
    fake.delete(line)

    gone, changed, added = _events(fake, type="invoice.updated")
    assert added["data"]["object"]["lines"]["data"][0]["id"] == line
    assert changed["data"]["object"]["lines"]["data"][0]["description"] == "other"
    assert gone["data"]["object"]["lines"]["data"] == []
    before = gone["data"]["previous_attributes"]["lines"]["data"]
    assert [one["id"] for one in before] == [line]
    assert added["data"]["previous_attributes"] == {"lines": {"data": []}}


def test_events_are_kept_for_thirty_days(fake: FakeStripe) -> None:
    key = fake.add("customer", created=fake.clock.now - 31 * _DAY)["id"]
    recent = fake.add("customer")["id"]
    old = fake.ids("event")[-1]
    client = stripe.StripeClient(fake.key, base_addresses={"api": fake.url})

    assert [one["data"]["object"]["id"] for one in _events(fake)] == [recent]
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        client.v1.events.retrieve(old)
    assert client.v1.customers.retrieve(key).id == key
    fake.clock.advance(30 * _DAY + 1)
    assert _events(fake) == []


def test_types_are_filtered_by_name_and_by_star(fake: FakeStripe) -> None:
    for kind in ("customer", "charge", "dispute", "coupon", "subscription"):
        fake.add(kind)

    def types(**params: Any) -> set[str]:
        return {one["type"] for one in _events(fake, **params)}

    assert types(type="charge.*") == {"charge.succeeded", "charge.dispute.created"}
    assert types(types=["coupon.*", "customer.created"]) == {"coupon.created", "customer.created"}
    assert types(types=["*.created"]) == types() - {"charge.succeeded"}
    with pytest.raises(stripe.InvalidRequestError, match="at most 20"):
        types(types=["charge.*"] * 21)
    with pytest.raises(stripe.InvalidRequestError, match="not both"):
        types(type="charge.*", types=["charge.*"])


def test_what_stripe_does_not_tell_is_not_told(fake: FakeStripe) -> None:
    for kind in ("balance_transaction", "invoiceitem", "checkout.session"):
        key = fake.add(kind, tell=False)["id"]
        fake.update(key, event="", metadata={"quiet": "yes"})
    item = fake.add("invoiceitem", tell=False)["id"]
    fake.update(item, description="no event tells of this")
    fake.add("balance_transaction")

    assert _events(fake) == []


def test_fields_may_be_new_or_absent(fake: FakeStripe) -> None:
    made = fake.add("charge", brand_new={"deep": [1]}, description=ABSENT, amount=2**53 + 1)
    invoice = fake.add("invoice", brand_new=1)
    fake.add("line_item", invoice=invoice["id"])

    assert made["brand_new"] == {"deep": [1]}
    assert made["amount"] == 2**53 + 1
    assert "description" not in made
    assert len(fake.read(invoice["id"])["lines"]["data"]) == 1
    client = stripe.StripeClient(fake.key, base_addresses={"api": fake.url})
    assert client.v1.charges.list().data[0].to_dict() == made
