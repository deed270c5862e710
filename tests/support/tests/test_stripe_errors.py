from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import stripe

from dativo_test_support.stripe import FakeStripe


@pytest.fixture
def fake() -> Iterator[FakeStripe]:
    with FakeStripe(seed=2) as fake:
        fake.add_many("charge", 3)
        yield fake


def _client(fake: FakeStripe, key: str | None = None, **more: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        key or fake.key,
        base_addresses={"api": fake.url},
        max_network_retries=0,
        stripe_account=more.get("account"),
        stripe_version=more.get("version"),
    )


def _error(fake: FakeStripe, path: str) -> dict[str, Any]:
    answer = httpx.get(fake.url + path, auth=(fake.key, ""))
    error: dict[str, Any] = answer.json()["error"]
    assert answer.headers["request-id"] in error["request_log_url"]
    return {"status": answer.status_code, **error}


def test_an_unknown_and_an_expired_key_are_no_authentication(fake: FakeStripe) -> None:
    with pytest.raises(
        stripe.AuthenticationError, match="Invalid API Key provided: sk_test_"
    ) as no:
        _client(fake, "sk_test_000000000000wxyz").v1.charges.list()
    fake.expire(fake.key)
    with pytest.raises(stripe.AuthenticationError, match="Expired API Key"):
        _client(fake).v1.charges.list()

    assert no.value.http_status == 401
    assert str(no.value).endswith("************wxyz")
    assert httpx.get(f"{fake.url}/v1/charges").status_code == 401


def test_a_restricted_key_reads_what_it_may(fake: FakeStripe) -> None:
    customer = fake.add("customer")["id"]
    charge = fake.add("charge", customer=customer)["id"]
    key = fake.restricted_key("charge")
    client = _client(fake, key)

    assert len(client.v1.charges.list().data) == 4
    with pytest.raises(stripe.PermissionError, match="'rak_customer_read' permission") as refused:
        client.v1.customers.list()
    with pytest.raises(stripe.PermissionError, match="rak_customer_read"):
        client.v1.charges.retrieve(charge, {"expand": ["customer"]})
    with pytest.raises(stripe.PermissionError, match="rak_accounts_kyc_basic_read"):
        client.v1.accounts.retrieve_current()
    assert key not in str(refused.value)
    assert refused.value.request_id == fake.requests[1].request.id


def test_the_own_account_and_others(fake: FakeStripe) -> None:
    other = fake.add("account")["id"]
    key = fake.restricted_key(account=True)

    assert _client(fake, key).v1.accounts.retrieve_current().id == fake.account_id
    assert [one.id for one in _client(fake).v1.accounts.list()] == [other]
    assert len(_client(fake, account=fake.account_id).v1.charges.list().data) == 3
    with pytest.raises(stripe.PermissionError, match="does not have access to account"):
        _client(fake, account="acct_other").v1.charges.list()


def test_the_version_of_the_request_is_echoed_and_must_be_one(fake: FakeStripe) -> None:
    _client(fake, version="2026-10-28.endive").v1.charges.list()

    assert fake.requests[0].headers["stripe-version"] == "2026-10-28.endive"
    with pytest.raises(stripe.InvalidRequestError, match="Invalid Stripe API version"):
        _client(fake, version="latest").v1.charges.list()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/charges?limit=101", (400, "parameter_invalid_integer", "limit")),
        ("/v1/charges?limit=0", (400, "parameter_invalid_integer", "limit")),
        ("/v1/charges?limit=ten", (400, "parameter_invalid_integer", "limit")),
        ("/v1/charges?page=2", (400, "parameter_unknown", "page")),
        ("/v1/charges?starting_after=ch_none", (400, "resource_missing", "starting_after")),
        ("/v1/charges?ending_before=ch_none", (400, "resource_missing", "ending_before")),
        ("/v1/charges?created[after]=1", (400, "parameter_unknown", "created[after]")),
        ("/v1/charges?created[gte]=2026-01-01", (400, "parameter_invalid_integer", "created[gte]")),
        ("/v1/charges?expand=data.customer", (400, None, "expand")),
        ("/v1/subscriptions?status=any", (400, None, "status")),
        ("/v1/subscription_items", (400, "parameter_missing", "subscription")),
        ("/v1/subscription_items?subscription=sub_0", (400, "resource_missing", "subscription")),
        ("/v1/payment_methods?created=1", (400, "parameter_unknown", "created")),
        ("/v1/prices?recurring[every]=day", (400, "parameter_unknown", "recurring[every]")),
        ("/v1/products?active=1", (400, None, "active")),
        ("/v1/charges/ch_none", (404, "resource_missing", "id")),
        ("/v1/charges/ch_none?limit=1", (400, "parameter_unknown", "limit")),
        ("/v1/invoices/in_none/lines", (404, "resource_missing", "invoice")),
        ("/v1/customers/cus_none/payment_methods", (404, "resource_missing", "customer")),
        ("/v1/chargers", (404, None, None)),
    ],
)
def test_wrong_requests_are_refused_as_stripe_refuses_them(
    fake: FakeStripe, path: str, expected: tuple[int, str | None, str | None]
) -> None:
    error = _error(fake, path)
    code = error.get("code")

    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert (error["status"], code, error.get("param")) == expected
    if code:
        assert error["doc_url"].endswith(f"/error-codes/{code.replace('_', '-')}")


def test_a_cursor_of_another_kind_is_none(fake: FakeStripe) -> None:
    customer = fake.add("customer")["id"]

    with pytest.raises(stripe.InvalidRequestError, match="No such charge: 'cus_") as refused:
        _client(fake).v1.charges.list({"starting_after": customer})
    assert refused.value.param == "starting_after"


@pytest.mark.parametrize("keeps", [False, True])
def test_whether_a_deleted_object_serves_as_a_cursor_is_a_setting(keeps: bool) -> None:
    with FakeStripe(keeps_cursors=keeps) as fake:
        ids = fake.add_many("customer", 5)[::-1]
        fake.delete(ids[2])
        path = f"/v1/customers?starting_after={ids[2]}"
        answer = httpx.get(fake.url + path, auth=(fake.key, ""))

    assert answer.status_code == (200 if keeps else 400)
    if keeps:
        assert [one["id"] for one in answer.json()["data"]] == ids[3:]


def test_what_is_faster_than_the_limit_is_refused(fake: FakeStripe) -> None:
    fake.limit(0.001, burst=3)
    fake.limit(0.001, path="/v1/refunds", burst=1)
    client = _client(fake)
    client.v1.refunds.list()

    with pytest.raises(stripe.RateLimitError, match="rate limit exceeded") as endpoint:
        client.v1.refunds.list()
    client.v1.charges.list()
    with pytest.raises(stripe.RateLimitError) as account:
        client.v1.charges.list()

    assert endpoint.value.headers is not None
    assert account.value.headers is not None
    assert endpoint.value.headers["stripe-rate-limited-reason"] == "endpoint-rate"
    assert account.value.headers["stripe-rate-limited-reason"] == "global-rate"
    assert [one.status for one in fake.requests] == [200, 429, 200, 429]


def test_nothing_can_be_written(fake: FakeStripe) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        _client(fake).v1.customers.create({"name": "Ada"})
