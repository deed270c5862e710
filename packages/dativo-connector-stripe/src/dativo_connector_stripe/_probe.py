"""Whether the key may read streams: each is asked for one object, several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from urllib.parse import quote

from dativo.contract import Context
from dativo.errors import DataNotFoundError
from dativo_connector_stripe._client import Client
from dativo_connector_stripe._decode import decode_page
from dativo_connector_stripe._listing import require_id
from dativo_connector_stripe._streams import PARENT, StreamRow, listed_of

__all__ = ["probe", "probe_events", "side_by_side"]

T = TypeVar("T")
R = TypeVar("R")

_ONE = ("limit", "1")
_MOST_THREADS = 8


def probe(row: StreamRow, client: Client, context: Context) -> None:
    """Ask for one object of *row*, and for its parent's first.

    Raises:
        DativoError: It cannot be read.
    """
    listed = listed_of(row)
    walk = listed.passes[0] if listed.passes else {}
    asked = (_ONE, *{**listed.params, **walk}.items())
    page = decode_page(client.get(context, listed.path, asked).body)
    if not row.parent or not page.objects:
        return
    parent = require_id(page.objects[0])
    path = row.path.replace(PARENT, quote(parent, safe=""))
    params = [(name, value.replace(PARENT, parent)) for name, value in row.params.items()]
    try:
        client.get(context, path, (_ONE, *params), endpoint=row.path)
    except DataNotFoundError:
        # The parent was deleted in between: then there is nothing to read below it.
        return


def probe_events(client: Client, context: Context) -> None:
    """Ask for one event.

    Raises:
        DativoError: They cannot be read.
    """
    client.get(context, "/v1/events", (_ONE,))


def side_by_side(call: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield what *call* returns for each of *items*, in their order, a few at a time."""
    with ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="stripe-probe") as pool:
        yield from pool.map(call, items)
