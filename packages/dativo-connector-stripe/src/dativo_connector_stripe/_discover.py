"""The streams of the table, each with whether the key may read it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

from dativo.contract import Context, ReadMode, Stream, StreamStatus, matches_pattern
from dativo.errors import (
    ConfigurationError,
    DataError,
    DativoError,
    InsufficientPermissionsError,
    ResourceNotFoundError,
)
from dativo_connector_stripe._client import Client, open_client
from dativo_connector_stripe._config import StripeConfig
from dativo_connector_stripe._decode import Columns
from dativo_connector_stripe._probe import probe, side_by_side
from dativo_connector_stripe._streams import StreamRow, streams

__all__ = ["discover"]

# What says something about one stream; any other failure is one of the connection.
_UNREADABLE = (
    ConfigurationError,
    DataError,
    InsufficientPermissionsError,
    ResourceNotFoundError,
)


def discover(config: StripeConfig, context: Context) -> Iterator[Stream]:
    """Yield the streams that are asked for, in the order of the table.

    Raises:
        DativoError: The key is refused or Stripe does not answer.
    """
    client = open_client(config, context)
    # A key that is refused is refused once, not for each stream.
    client.account(context)
    rows = islice((row for row in streams().values() if _is_wanted(row, context)), context.limit)
    yield from side_by_side(partial(_stream, config=config, client=client, context=context), rows)


def _is_wanted(row: StreamRow, context: Context) -> bool:
    patterns = context.patterns or ("*",)
    return any(matches_pattern(row.name, pattern) for pattern in patterns)


def _stream(row: StreamRow, *, config: StripeConfig, client: Client, context: Context) -> Stream:
    problem: DativoError | None = None
    try:
        probe(row, client, context)
    except _UNREADABLE as error:
        problem = error.located(stream=row.name)
    modes = (ReadMode.FULL, ReadMode.INCREMENTAL) if config.windows else (ReadMode.FULL,)
    return Stream(
        name=row.name,
        schema=Columns(row).schema,
        kind="endpoint",
        primary_key=("id",),
        cursors=(row.cursor,) if row.cursor else (),
        read_modes=modes,
        description=row.description,
        status=StreamStatus.READABLE if problem is None else StreamStatus.UNREADABLE,
        problem=problem,
    )
