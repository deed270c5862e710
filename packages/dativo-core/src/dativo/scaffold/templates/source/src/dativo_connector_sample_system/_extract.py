"""Reading one stream, page by page."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from dativo.contract import Batch, Checkpoint, Context, ReadMode, StreamRequest

from ._catalog import Endpoint, find_endpoint
from ._client import Page, open_client
from ._config import Config
from ._records import to_arrow

__all__ = ["extract"]


def extract(
    config: Config, request: StreamRequest, state: Checkpoint | None, context: Context
) -> Iterator[Batch]:
    """Yield all records, or those that are new since *state*."""
    endpoint = find_endpoint(request.stream)
    names = request.columns_of(endpoint.schema.names, cursors=endpoint.cursors)
    schema = pa.schema([endpoint.schema.field(name) for name in names])
    if request.mode is ReadMode.FULL:
        # Nothing can be resumed, so one lazy reader does: a page is asked for when the writer
        # takes it, and there is never more than one in memory.
        pages = _pages(config, endpoint, {}, context)
        yield Batch(context.reader(schema, (to_arrow(page.records, schema) for page in pages)))
        return
    since = _since(request, state)
    for page in _pages(config, endpoint, _range(since, request.upper), context):
        # The list comes in the order of `updated_at`, so a page covers all that is before its end.
        since = str(page.records[-1]["updated_at"]) if page.records else since
        data = pa.Table.from_batches([to_arrow(page.records, schema)])
        # Without any record yet there is nothing to resume after; the batch still tells the schema.
        yield Batch(data, Checkpoint({"updated_at": since}) if since else None)


def _since(request: StreamRequest, state: Checkpoint | None) -> str:
    if request.lower is not None:  # a backfill: `dativo run --from`
        return request.lower
    return "" if state is None else str(state.value["updated_at"])


def _range(since: str, until: str | None) -> dict[str, str | int]:
    # Everything is read up to the end of the list. If records of your API can appear late, with a
    # time that lies in the past, ask again for some minutes before `since`.
    wanted = {"updated_since": since, "updated_before": until or ""}
    return {name: value for name, value in wanted.items() if value}


def _pages(
    config: Config, endpoint: Endpoint, params: dict[str, str | int], context: Context
) -> Iterator[Page]:
    """Yield one page at least, so that an empty stream has a schema, too."""
    client = open_client(config, context)
    params = {"limit": min(config.page_size, context.batch_rows), **params}
    while not context.cancelled():
        page = client.get_page(context, endpoint.path, params)
        yield page
        if not page.next:
            return
        params = {**params, "page": page.next}
