from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import attrs
import pyarrow as pa
import pytest

from dativo.contract import (
    MAX_CHECKPOINT_BYTES,
    Batch,
    Checkpoint,
    Operation,
    ReadMode,
    Secret,
    StreamRequest,
)
from dativo.errors import (
    ConfigurationError,
    DataValidationError,
    RunInterruptedError,
    ServiceUnavailableError,
    StateError,
)
from dativo_connector_stripe._checkpoint import Position
from dativo_connector_stripe._client import Account, Client
from dativo_connector_stripe._config import StripeConfig
from dativo_connector_stripe._extract import StreamRead
from dativo_connector_stripe._horizon import MOST_SEEN
from dativo_connector_stripe._streams import streams
from dativo_test_support.context import FakeContext
from dativo_test_support.stripe.memory import MemoryApi, napping

DAY = 86_400
CHARGES = "/v1/charges"
SUBSCRIPTIONS = "/v1/subscriptions"
SEEDS = range(6)


def read(
    api: MemoryApi,
    stream: str = "charges",
    state: Checkpoint | None = None,
    *,
    mode: ReadMode = ReadMode.INCREMENTAL,
    lower: str | None = None,
    upper: str | None = None,
    deletes: bool = True,
    batch_rows: int = 250,
    limit: int | None = None,
    context: FakeContext | None = None,
    **settings: Any,
) -> Iterator[Batch]:
    request = StreamRequest(stream=stream, mode=mode, lower=lower, upper=upper, deletes=deletes)
    config = StripeConfig(api_key=Secret("sk_test_1"), **settings)
    yield from StreamRead(
        row=streams()[stream],
        config=config,
        request=request,
        client=cast("Client", api),
        context=context or FakeContext(batch_rows=batch_rows, limit=limit),
    ).batches(state)


def ids(batch: Batch) -> list[str]:
    return [str(name) for name in pa.table(batch.data).column("id").to_pylist()]


def all_ids(batches: Iterator[Batch]) -> list[str]:
    return [name for batch in batches for name in ids(batch)]


@attrs.define
class Target:
    """What a merging writer makes of batches, and how often a record was written."""

    rows: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    written: Counter[str] = attrs.field(factory=Counter)
    state: Checkpoint | None = None

    def take(self, batches: Iterator[Batch]) -> Target:
        for batch in batches:
            for row in pa.table(batch.data).to_pylist():
                if batch.op is Operation.DELETE:
                    self.rows.pop(row["id"], None)
                else:
                    self.rows[row["id"]] = row
                    self.written[row["id"]] += 1
            self.state = batch.checkpoint or self.state
        return self

    @property
    def doubled(self) -> list[str]:
        return [name for name, times in self.written.items() if times > 1]


def filled(api: MemoryApi, count: int, source: random.Random) -> MemoryApi:
    """Add charges whose times come in lulls and bursts."""
    second = api.clock - 90 * DAY
    for _ in range(count):
        if source.random() < 0.7:
            second += source.choice((0, 0, 1, 30, 4000))
        api.add(CHARGES, "charge", created=min(second, api.clock - 400))
    return api


@pytest.mark.parametrize("seed", SEEDS)
def test_every_object_is_read_once(seed: int) -> None:
    source = random.Random(seed)
    api = filled(
        MemoryApi(naps=napping(source, 0.001)), source.choice((0, 1, 99, 100, 2500)), source
    )

    found = all_ids(read(api, mode=ReadMode.FULL))

    expected = Counter(one["id"] for one in api.objects.get(CHARGES, []))
    assert Counter(found) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_requests_stay_near_what_one_list_needs(seed: int) -> None:
    source = random.Random(seed)
    api = filled(MemoryApi(naps=napping(source, 0.002)), 5000, source)

    assert len(all_ids(read(api, mode=ReadMode.FULL))) == 5000

    assert len(api.requests) <= 1.3 * 50


@pytest.mark.parametrize("seed", SEEDS)
def test_cut_at_any_batch_nothing_is_lost_or_doubled(seed: int) -> None:
    source = random.Random(seed)
    api = filled(MemoryApi(naps=napping(source, 0.001)), 1500, source)
    target = Target()
    for cut in range(1, 30):
        batches = list(
            zip(range(source.randint(1, 3)), read(api, state=target.state), strict=False)
        )
        target.take(batch for _, batch in batches)
        if cut % 5 == 0:
            api.clock += 1000
            api.add(CHARGES, "charge")
    target.take(read(api, state=target.state))
    api.clock += 1000
    target.take(read(api, state=target.state))

    assert set(target.rows) == {one["id"] for one in api.objects[CHARGES]}
    assert target.doubled == []


def test_last_batch_has_a_checkpoint_and_an_empty_stream_one_batch() -> None:
    (only,) = read(MemoryApi())

    assert ids(only) == []
    assert only.checkpoint is not None


@pytest.mark.parametrize("seed", SEEDS)
def test_objects_that_appear_late_are_read_once(seed: int) -> None:
    source = random.Random(seed)
    api = MemoryApi()
    target = Target()
    for _ in range(25):
        for _ in range(source.randint(0, 40)):
            made = api.add(CHARGES, "charge", created=api.clock - source.randint(0, 30))
            api.visible[made["id"]] = api.clock + source.randint(0, 240)
        target.take(read(api, state=target.state))
        api.clock += source.choice((0, 1, 7, 60, 900))
    api.clock += 1000
    target.take(read(api, state=target.state))

    assert set(target.rows) == {one["id"] for one in api.objects[CHARGES]}
    assert target.doubled == []


def test_more_fresh_objects_than_a_checkpoint_holds_are_left_to_the_next_read() -> None:
    api = MemoryApi()
    for number in range(9000):
        api.add(CHARGES, "charge", created=api.clock - 1 - number // 20)
    target = Target().take(read(api))
    left = 9000 - len(target.rows)

    api.clock += 300
    target.take(read(api, state=target.state))

    assert left > 4000
    assert len(target.rows) == 9000
    assert target.doubled == []


def test_objects_and_events_together_fit_into_a_checkpoint() -> None:
    api = MemoryApi()
    for number in range(MOST_SEEN):
        api.clock += number % 10 == 0
        api.tell("charge.succeeded", api.add(CHARGES, "charge"))
    api.clock += 1

    state = Target().take(read(api, overlap_seconds=251)).state

    assert state is not None
    position = Position.of(state)
    assert position.events is not None
    assert len(position.objects.seen) == len(position.events.seen) == MOST_SEEN
    assert len(state.to_json()) < MAX_CHECKPOINT_BYTES - 8192  # what is left over needs room, too


def test_a_clock_that_went_back_doubles_nothing() -> None:
    api = MemoryApi()
    for number in range(50):
        api.add(CHARGES, "charge", created=api.clock - 10 - number)
    target = Target().take(read(api))

    api.clock -= 30
    target.take(read(api, state=target.state))
    api.clock += 100
    target.take(read(api, state=target.state))

    assert len(target.rows) == 50
    assert target.doubled == []


def test_a_read_that_finds_nothing_leaves_the_state_as_it_is_for_a_day() -> None:
    api = MemoryApi()
    state = Target().take(read(api, "customers")).state

    (early,) = read(api, "customers", state)
    api.clock += DAY
    (late,) = read(api, "customers", state)

    assert early.checkpoint == state
    assert late.checkpoint != state


def test_updates_come_from_events() -> None:
    api = MemoryApi()
    charge = api.add(CHARGES, "charge", created=api.clock - 40 * DAY, amount=5)
    target = Target().take(read(api))
    api.clock += 3600
    charge["amount"] = 7
    api.tell("charge.updated", charge)
    api.clock += 10

    target.take(read(api, state=target.state))

    assert target.rows[charge["id"]]["amount"] == 7


def test_changes_during_the_first_read_are_found_by_the_second() -> None:
    api = MemoryApi()
    charge = api.add(CHARGES, "charge", created=api.clock - 40 * DAY, amount=5)
    api.clock += 5
    reading = read(api)
    target = Target().take(reading)
    charge["amount"] = 6
    api.tell("charge.updated", charge)
    api.clock += 5

    target.take(read(api, state=target.state))

    assert target.rows[charge["id"]]["amount"] == 6


def test_an_event_of_another_version_is_not_trusted() -> None:
    api = MemoryApi(writes_in="2019-01-01")
    charge = api.add(CHARGES, "charge", created=api.clock - 40 * DAY, amount=5)
    target = Target().take(read(api))
    api.clock += 3600
    api.tell("charge.updated", {**charge, "amount": "as it was written then"})
    charge["amount"] = 7
    api.clock += 10

    target.take(read(api, state=target.state))

    assert target.rows[charge["id"]]["amount"] == 7
    assert (f"{CHARGES}/{charge['id']}", {}) in api.requests


def test_two_events_within_a_second_are_settled_by_a_look() -> None:
    api = MemoryApi()
    charge = api.add(CHARGES, "charge", created=api.clock - 40 * DAY, amount=5)
    target = Target().take(read(api))
    api.clock += 3600
    api.tell("charge.updated", {**charge, "amount": 8})
    api.tell("charge.updated", {**charge, "amount": 7})
    charge["amount"] = 8
    api.clock += 10

    target.take(read(api, state=target.state))

    assert target.rows[charge["id"]]["amount"] == 8


def test_deletions_are_told_where_the_target_takes_them() -> None:
    api = MemoryApi()
    customer = api.add("/v1/customers", "customer", created=api.clock - DAY)
    target = Target().take(read(api, "customers"))
    kept = Target().take(read(api, "customers"))
    api.clock += 3600
    api.remove("/v1/customers", customer)
    api.tell("customer.deleted", customer)
    api.clock += 10

    target.take(read(api, "customers", target.state))
    kept.take(read(api, "customers", kept.state, deletes=False))

    assert target.rows == {}
    assert list(kept.rows) == [customer["id"]]


def test_events_that_stripe_may_have_forgotten_are_an_error() -> None:
    api = MemoryApi()
    state = Target().take(read(api)).state
    api.clock += 30 * DAY

    with pytest.raises(StateError, match="keeps events for 30 days") as caught:
        list(read(api, state=state))

    assert "--full-refresh" in caught.value.fix


def test_an_immutable_stream_may_rest_for_as_long_as_it_likes() -> None:
    api = MemoryApi()
    path = "/v1/balance_transactions"
    target = Target().take(read(api, "balance_transactions"))
    api.clock += 300 * DAY
    made = api.add(path, "balance_transaction", created=api.clock - 100 * DAY)

    assert list(target.take(read(api, "balance_transactions", target.state)).rows) == [made["id"]]


def test_events_that_were_lost_between_two_reads_are_warned_of() -> None:
    api, context = MemoryApi(), FakeContext()
    target = Target().take(read(api, "events", context=context))
    api.clock += 30 * DAY
    target.take(read(api, "events", target.state, context=context))
    before = list(context.logs)
    api.clock += 31 * DAY

    target.take(read(api, "events", target.state, context=context))

    assert before == []
    ((level, message),) = context.logs
    assert level == "warning"
    assert "none was read since 2023-12-14 22:13:20 UTC" in message


def test_state_of_another_version_is_refused() -> None:
    api = MemoryApi()
    state = Target().take(read(api)).state

    with pytest.raises(StateError, match=r"API version 2026-10-28\.endive") as caught:
        list(read(api, state=state, api_version="2019-01-01"))

    assert "`api_version: 2026-10-28.endive`" in caught.value.fix


@pytest.mark.parametrize(
    "now", [Account("acct_2", livemode=False), Account("acct_1", livemode=True)]
)
def test_state_of_another_account_or_mode_is_refused(now: Account) -> None:
    api = MemoryApi()
    state = Target().take(read(api)).state
    api.owner = now

    with pytest.raises(StateError, match="was read with the"):
        list(read(api, state=state))


def test_a_key_that_may_not_know_its_account_goes_on() -> None:
    api = MemoryApi()
    state = Target().take(read(api)).state
    api.owner = Account("", livemode=False)

    assert Target().take(read(api, state=state)).state is not None


def test_an_object_that_is_deleted_while_its_list_is_read_stops_nothing() -> None:
    api = MemoryApi(latency_seconds=0)
    made = [
        api.add(CHARGES, "charge", created=api.clock - 500 - number // 7) for number in range(450)
    ]
    gone = made[99]

    def remove_once() -> float:
        if gone in api.objects[CHARGES] and len(api.requests) == 2:
            api.objects[CHARGES].remove(gone)
        return 0

    api.naps = remove_once
    found = all_ids(read(api, mode=ReadMode.FULL))

    assert gone not in api.objects[CHARGES]
    assert Counter(found) == Counter(one["id"] for one in made)


def test_a_range_is_read_without_a_checkpoint() -> None:
    api = MemoryApi()
    made = [api.add(CHARGES, "charge", created=api.clock - number * DAY) for number in range(1, 10)]
    first, last = made[5]["created"], made[2]["created"]

    batches = list(read(api, lower=str(first), upper=str(last)))

    assert all_ids(iter(batches)) == [one["id"] for one in made[3:6]]
    assert [batch.checkpoint for batch in batches] == [None] * len(batches)


def test_start_leaves_older_objects_out() -> None:
    api = MemoryApi()
    api.add(CHARGES, "charge", created=api.clock - 1000 * DAY)
    young = api.add(CHARGES, "charge", created=api.clock - DAY)

    assert all_ids(read(api, start="2023-01-01")) == [young["id"]]


def test_without_windows_one_list_is_followed() -> None:
    api = MemoryApi()
    made = [api.add(CHARGES, "charge", created=api.clock - number) for number in range(350)]

    found = all_ids(read(api, mode=ReadMode.FULL, windows=False))

    assert found == [one["id"] for one in made]
    assert {name for _, asked in api.requests for name in asked} == {"limit", "starting_after"}


def test_without_windows_nothing_is_incremental() -> None:
    with pytest.raises(ConfigurationError, match="windows"):
        list(read(MemoryApi(), windows=False))


def test_a_page_that_comes_twice_is_noticed_at_once() -> None:
    api = MemoryApi(ignores=("starting_after",))
    for number in range(350):
        api.add(CHARGES, "charge", created=api.clock - 400 - number)

    with pytest.raises(ServiceUnavailableError, match="twice"):
        list(read(api, mode=ReadMode.FULL, concurrency=1, windows=False))

    assert len(api.requests) == 2


def test_a_page_that_comes_twice_to_a_window_is_noticed_as_such() -> None:
    api = MemoryApi(ignores=("starting_after",))
    for number in range(350):
        api.add(CHARGES, "charge", created=api.clock - 400 - number)

    with pytest.raises(ServiceUnavailableError, match="twice"):
        list(read(api, mode=ReadMode.FULL, concurrency=1))


def test_a_page_of_another_list_is_noticed() -> None:
    with pytest.raises(ServiceUnavailableError, match="gave a page of /v1/refunds"):
        list(read(MemoryApi(says="/v1/refunds")))


def test_a_server_that_does_not_filter_is_noticed() -> None:
    api = MemoryApi(ignores=("created[lt]",))
    api.add(CHARGES, "charge", created=api.clock + 5)

    with pytest.raises(DataValidationError, match="out of its place") as caught:
        list(read(api))

    assert "windows: false" in caught.value.fix


def items(*names: str) -> dict[str, Any]:
    data = [{"id": name, "object": "subscription_item", "created": 1} for name in names]
    return {"object": "list", "data": data, "has_more": False}


def test_children_come_with_their_parents() -> None:
    api = MemoryApi()
    for number in range(3):
        names = (f"si_{number}a", f"si_{number}b")
        api.add(SUBSCRIPTIONS, "subscription", created=api.clock - DAY, items=items(*names))

    target = Target().take(read(api, "subscription_items"))

    assert sorted(target.rows) == ["si_0a", "si_0b", "si_1a", "si_1b", "si_2a", "si_2b"]
    assert target.rows["si_0a"]["subscription"] == "subscription_000001"
    assert {path for path, _ in api.requests} == {SUBSCRIPTIONS, "/v1/events"}


def test_a_child_that_left_its_parent_is_deleted() -> None:
    api = MemoryApi()
    parent = api.add(
        SUBSCRIPTIONS, "subscription", created=api.clock - 40 * DAY, items=items("si_a", "si_b")
    )
    target = Target().take(read(api, "subscription_items"))
    api.clock += 3600
    before = {"items": {"data": parent["items"]["data"]}}  # all that Stripe tells of a list
    parent["items"] = items("si_b", "si_c")
    api.tell("customer.subscription.updated", parent, before)
    api.clock += 5
    api.tell("customer.subscription.updated", parent)
    api.clock += 5

    target.take(read(api, "subscription_items", target.state))

    assert sorted(target.rows) == ["si_b", "si_c"]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_busy_account_is_the_same_in_the_target_when_it_rests(seed: int) -> None:
    source = random.Random(seed)
    api = MemoryApi(naps=napping(source, 0.0005))
    path, kind = "/v1/customers", "customer"
    target = Target()
    for _ in range(30):
        for _ in range(source.randint(0, 12)):
            there = api.objects.get(path, [])
            choice = source.random()
            if choice < 0.5 or not there:
                made = api.add(path, kind, balance=0)
                api.tell("customer.created", made)
            elif choice < 0.9:
                changed = source.choice(there)
                changed["balance"] += 1
                told = api.tell("customer.updated", changed)
                api.visible[told["id"]] = api.clock + source.choice((0, 0, 0, 100))
            else:
                gone = source.choice(there)
                api.remove(path, gone)
                api.tell("customer.deleted", gone)
            api.clock += source.choice((0, 0, 1, 5))
        api.clock += source.choice((1, 30, 2000, 3 * DAY))
        target.take(read(api, "customers", target.state))
    api.clock += 1000
    target.take(read(api, "customers", target.state))

    balances = {one["id"]: one["balance"] for one in api.objects[path]}
    assert {name: row["balance"] for name, row in target.rows.items()} == balances


def test_what_was_told_before_the_first_read_does_not_come_again() -> None:
    api = MemoryApi()
    charge = api.add(CHARGES, "charge", created=api.clock - 20)
    api.tell("charge.succeeded", charge)
    api.clock += 10
    target = Target().take(read(api))
    api.clock += 10

    target.take(read(api, state=target.state))

    assert target.written == {charge["id"]: 1}
    assert [path for path, _ in api.requests if path.startswith(f"{CHARGES}/")] == []


def test_a_payment_method_that_its_list_did_not_have_yet_comes_by_its_event() -> None:
    api = MemoryApi()
    customer = api.add("/v1/customers", "customer", created=api.clock - DAY)
    path, kind = "/v1/payment_methods", "payment_method"
    method = api.add(path, kind, customer=customer["id"], created=api.clock - 20)
    api.tell("payment_method.attached", method)
    api.clock += 10
    target = Target().take(read(api, "payment_methods"))
    before = list(target.rows)
    api.clock += 10

    target.take(read(api, "payment_methods", target.state))

    assert before == []
    assert list(target.rows) == [method["id"]]


def test_changes_of_objects_from_before_start_are_left_out() -> None:
    api = MemoryApi()
    old = api.add("/v1/customers", "customer", created=api.clock - 1000 * DAY)
    young = api.add("/v1/customers", "customer", created=api.clock - DAY)
    start = "2023-01-01"
    target = Target().take(read(api, "customers", start=start))
    api.clock += 3600
    api.tell("customer.updated", old)
    api.tell("customer.updated", young)
    api.clock += 10

    target.take(read(api, "customers", target.state, start=start))

    assert target.written == {young["id"]: 2}


def test_a_deletion_that_is_told_late_does_not_delete_what_came_back() -> None:
    api = MemoryApi()
    coupon = api.add("/v1/coupons", "coupon", created=api.clock - DAY, id="WELCOME")
    target = Target().take(read(api, "coupons"))
    api.clock += 3600
    api.remove("/v1/coupons", coupon)
    late = api.tell("coupon.deleted", coupon)
    api.visible[late["id"]] = api.clock + 100
    api.clock += 5
    api.tell("coupon.created", api.add("/v1/coupons", "coupon", id="WELCOME"))
    api.clock += 5
    target.take(read(api, "coupons", target.state))
    api.clock += 200

    target.take(read(api, "coupons", target.state))

    assert list(target.rows) == ["WELCOME"]


def noise(api: MemoryApi, count: int, seconds: int) -> None:
    """Add events of the last seconds that are about nothing that is read."""
    for number in range(count):
        created = api.clock - number % seconds
        api.add("/v1/events", "event", created, type="charge.noise", data={"object": {}})


def test_an_event_that_comes_late_among_many_is_not_trusted() -> None:
    api = MemoryApi()
    charge = api.add(CHARGES, "charge", created=api.clock - 40 * DAY, amount=5)
    target = Target().take(read(api))
    api.clock += 1000
    noise(api, 3500, 290)
    api.clock += 10
    late = api.tell("charge.updated", {**charge, "amount": 6})
    api.visible[late["id"]] = api.clock + 250
    api.clock += 10
    charge["amount"] = 7
    api.tell("charge.updated", charge)
    for more in (10, 10, 280):
        api.clock += more
        target.take(read(api, state=target.state))
        noise(api, 600, 1)
        api.add(CHARGES, "charge")

    assert target.rows[charge["id"]]["amount"] == 7


def test_a_stream_that_follows_events_alone_rests_as_others_do() -> None:
    api = MemoryApi()
    state = Target().take(read(api, "payment_methods")).state
    api.clock += 2 * DAY
    state = Target().take(read(api, "payment_methods", state)).state
    api.clock += 60

    (idle,) = read(api, "payment_methods", state)

    assert idle.checkpoint == state


def test_record_batches_have_no_more_rows_than_the_context_wants() -> None:
    api = MemoryApi()
    for number in range(230):
        api.add(CHARGES, "charge", created=api.clock - number)
    api.clock += 1

    batches = [pa.table(batch.data) for batch in read(api, mode=ReadMode.FULL, batch_rows=40)]

    parts = [part.num_rows for table in batches for part in table.to_batches()]
    assert sum(parts) == 230
    assert max(parts) <= 40


@pytest.mark.parametrize("mode", ReadMode)
def test_a_run_that_is_stopped_gets_no_further_batch(mode: ReadMode) -> None:
    api = MemoryApi()
    for number in range(230):
        api.add(CHARGES, "charge", created=api.clock - number)
    api.clock += 1
    context = FakeContext(batch_rows=100)

    batches = read(api, mode=mode, context=context)
    next(batches)
    context.cancel()

    with pytest.raises(RunInterruptedError):
        next(batches)
