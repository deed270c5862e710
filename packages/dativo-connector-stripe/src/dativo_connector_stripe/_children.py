"""Objects that Stripe gives with or below others: lines of invoices, items of subscriptions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote

import attrs
import msgspec

from dativo.contract import Context
from dativo.errors import DativoError
from dativo_connector_stripe._client import Client
from dativo_connector_stripe._decode import RawObject, list_of
from dativo_connector_stripe._listing import Listing, Parameters, require_id
from dativo_connector_stripe._streams import PARENT, StreamRow
from dativo_connector_stripe._windows import Span, Windows

__all__ = ["Children"]

_NOT_FOUND = 404


@attrs.frozen(kw_only=True)
class Children:
    """Finds the children of the stream *row*; without a parent the objects are the records."""

    row: StreamRow
    client: Client
    context: Context

    def of(self, parents: tuple[RawObject, ...]) -> tuple[RawObject, ...]:
        """Return all children of *parents*, those of one parent in the order of their list."""
        if not self.row.parent:
            return parents
        return tuple(child for parent in parents for child in self._of(parent))

    def _of(self, parent: RawObject) -> Iterator[RawObject]:
        name = require_id(parent)
        embedded = parent.get(self.row.embedded) if self.row.embedded else None
        if embedded is None:
            yield from self._filled(self._listed(name, None), name)
            return
        first = list_of(embedded)
        yield from self._filled(first.objects, name)
        if first.has_more:
            last = require_id(first.objects[-1]) if first.objects else None
            yield from self._filled(self._listed(name, last), name)

    def _listed(self, parent: str, after: str | None) -> Iterator[RawObject]:
        """Follow the list of *parent* from the child *after* on."""
        listing = Listing(
            client=self.client,
            context=self.context,
            path=self.row.path.replace(PARENT, quote(parent, safe="")),
            endpoint=self.row.path,
            walks=(_parameters(self.row, parent),),
        )
        windows = Windows([Span(0, None, after)], wanted=lambda: 1)
        window = windows.take()
        while window is not None and not window.is_received:
            try:
                page = listing.fetch(windows, window)
            except DativoError as error:
                if error.details.get("status") != _NOT_FOUND:
                    raise
                # The parent was deleted since its list was read, and its children with it.
                return
            yield from page.objects

    def _filled(self, children: Iterable[RawObject], parent: str) -> Iterator[RawObject]:
        field = self.row.parent_field
        named = msgspec.Raw(json.dumps(parent).encode())
        for child in children:
            known = child.get(field)
            is_named = not field or (known is not None and bytes(known) != b"null")
            yield child if is_named else {**child, field: named}


def _parameters(row: StreamRow, parent: str) -> Parameters:
    return tuple((name, value.replace(PARENT, parent)) for name, value in row.params.items())
