from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import stripe

from dativo_test_support.stripe import KINDS, Clock, FakeStripe

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


def _client(fake: FakeStripe, key: str, **options: str) -> stripe.StripeClient:
    addresses: stripe.BaseAddresses = {"api": fake.url}
    return stripe.StripeClient(key, base_addresses=addresses, max_network_retries=0, **options)


def _get(fake: FakeStripe, path: str, **headers: str) -> httpx.Response:
    own = {"Authorization": f"Bearer {fake.key}", **headers}
    return httpx.get(fake.url + path, headers=own)


def _service(client: stripe.StripeClient, kind: str) -> object:
    names = {"checkout.session": "checkout.sessions", "invoiceitem": "invoice_items"}
    service: object = client.v1
    for name in names.get(kind, f"{kind}s").split("."):
        service = getattr(service, name)
    return service


@pytest.mark.parametrize("kind", _LISTED)
def test_the_sdk_sees_every_object_once_and_newest_first(
    fake: FakeStripe, client: stripe.StripeClient, kind: str
) -> None:
    wanted = {"limit": 100, **({"status": "all"} if kind == "subscription" else {})}
    pages = _service(client, kind).list(wanted)  # type: ignore[attr-defined]
    seen = [one.id for one in pages.auto_paging_iter()]

    assert seen == fake.ids(kind)
