from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dativo.contract import Checkpoint, ReadMode, ReadPlan, StreamRequest
from dativo.errors import StateError
from dativo_connector_stripe._checkpoint import Origin, Position
from dativo_connector_stripe._horizon import Horizon
from dativo_connector_stripe._plan import plan_read
from dativo_test_support.context import FakeContext
from dativo_test_support.stripe import API_VERSION, START, FakeStripe

DAY = 86_400


@pytest.fixture
def plan(config_of: Callable[..., Any], context: FakeContext) -> Callable[..., ReadPlan]:
    """Plan a read at the moment `START`."""

    def plan(
        stream: str,
        state: Checkpoint | None = None,
        *,
        mode: ReadMode = ReadMode.INCREMENTAL,
        **settings: Any,
    ) -> ReadPlan:
        with FakeStripe() as fake:
            config = config_of(fake.url, api_key=fake.key, **settings)
            request = StreamRequest(stream=stream, mode=mode, deletes=True)
            return plan_read(config, request, state, context)

    return plan


def state_of(seconds: int) -> Checkpoint:
    horizon = Horizon(lower=seconds - 300, upper=seconds)
    origin = Origin(account="acct_1", livemode=False, api_version=API_VERSION)
    return Position(origin=origin, objects=horizon, events=horizon).to_checkpoint()


def test_a_first_read_ends_now(plan: Callable[..., ReadPlan]) -> None:
    found = plan("charges", start="2024-01-01")

    assert (found.lower, found.upper) == ("2024-01-01", "2026-11-01 12:00:00 UTC")


def test_a_later_read_begins_at_the_overlap(plan: Callable[..., ReadPlan]) -> None:
    found = plan("charges", state_of(START - DAY))

    assert found.lower == "2026-10-31 11:55:00 UTC"


def test_a_state_that_is_too_old_is_an_error(plan: Callable[..., ReadPlan]) -> None:
    with pytest.raises(StateError, match="30 days"):
        plan("charges", state_of(START - 29 * DAY))


@pytest.mark.parametrize(
    ("stream", "is_told"),
    [
        ("customers", True),
        ("charges", False),
        ("invoice_line_items", True),
        ("subscription_items", True),
        ("payment_methods", False),
    ],
)
def test_deletions_are_promised_where_events_tell_them(
    plan: Callable[..., ReadPlan], stream: str, is_told: bool
) -> None:
    assert plan(stream).deletes is is_told
    assert plan(stream, mode=ReadMode.FULL).deletes is False


def test_what_must_be_so_in_the_source_is_said(plan: Callable[..., ReadPlan]) -> None:
    mutable = plan("checkout_sessions", overlap_seconds=60).assumptions
    immutable = plan("balance_transactions").assumptions

    assert "at most 60 seconds after the time of its creation" in mutable[0]
    assert "each change that matters has one" in mutable[1]
    assert "no other change" in mutable[2]
    assert len(immutable) == 2
