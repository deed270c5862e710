"""What a read of a stream would do."""

from __future__ import annotations

from collections.abc import Iterator

from dativo.contract import Checkpoint, Context, ReadMode, ReadPlan, StreamRequest
from dativo_connector_stripe._checkpoint import Position
from dativo_connector_stripe._client import open_client
from dativo_connector_stripe._config import StripeConfig
from dativo_connector_stripe._events import require_events
from dativo_connector_stripe._extract import row_of
from dativo_connector_stripe._streams import StreamRow
from dativo_connector_stripe._times import text_of_seconds

__all__ = ["plan_read"]


def plan_read(
    config: StripeConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> ReadPlan:
    """Say where the read would begin and end, and what it takes for granted.

    Raises:
        StateError: The state is too old.
    """
    row = row_of(request)
    now = open_client(config, context).now(context)
    upper = request.upper or text_of_seconds(now)
    lower = request.lower or config.start
    if request.mode is ReadMode.INCREMENTAL and state is not None:
        position = Position.of(state)
        lower = request.lower or text_of_seconds(position.objects.lower)
        if position.events is not None:
            require_events(row.name, position.events, now)
    # Children that come with their parents are told to be gone by the parents' events.
    tells = request.mode is ReadMode.INCREMENTAL and bool(row.deletions or row.embedded)
    return ReadPlan(
        partitions=1,
        lower=lower,
        upper=upper,
        assumptions=tuple(_assumptions(row, config)),
        deletes=tells and request.deletes,
    )


def _assumptions(row: StreamRow, config: StripeConfig) -> Iterator[str]:
    yield (
        f"an object is in Stripe's list at most {config.overlap_seconds} seconds after the time "
        "of its creation"
    )
    if row.events:
        yield (
            f"an event is in Stripe's list at most {config.overlap_seconds} seconds after its "
            "time, and each change that matters has one"
        )
    if row.notes:
        yield row.notes
