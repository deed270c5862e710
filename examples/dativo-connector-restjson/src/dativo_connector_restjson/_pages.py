"""All pages of one list, with a guard against lists that have no end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import attrs
import httpx
import msgspec

from dativo.contract import Context
from dativo.errors import DataFormatError, DativoError
from dativo_connector_restjson._client import Answer, Client
from dativo_connector_restjson._columns import Record, records_of
from dativo_connector_restjson._config import StreamConfig
from dativo_connector_restjson._paging import Walk, first_params, next_page

__all__ = ["Listing", "Page"]

# Without a key two pages may hold the same records; a server that ignores the page's number
# gives them for ever.
_SAME_PAGES = 100


@attrs.frozen
class Page:
    """One page: its records, and whether it is the last one."""

    records: Sequence[Record] = attrs.field(repr=False)
    is_last: bool


@attrs.frozen(kw_only=True)
class Listing:
    """One list of an API.

    Attributes:
        name: The stream's name.
        stream: What the job file says about it.
        client: Whom to ask.
        context: Retries, and ends every wait when the run is cancelled.
        max_pages: What has more pages has no end.
    """

    name: str
    stream: StreamConfig
    client: Client
    context: Context
    max_pages: int

    def first(self, params: Mapping[str, str] | None = None) -> Page:
        """Return the first page alone.

        Raises:
            DativoError: It cannot be had.
        """
        return next(self.pages(params or {}))

    def pages(self, params: Mapping[str, str]) -> Iterator[Page]:
        """Yield page after page of what *params* choose.

        Raises:
            DativoError: A page cannot be had.
        """
        try:
            yield from self._pages(params)
        except DativoError as error:
            raise error.located(stream=self.name) from error.__cause__

    def _pages(self, params: Mapping[str, str]) -> Iterator[Page]:
        way = self.stream.paging.way if self.stream.paging is not None else None
        params = {**_texts(self.stream.params), **params}
        url = self.client.address(self.stream.path, {**params, **first_params(way)})
        guard = _Guard(self)
        pages = total = 0
        while True:
            answer = self.client.get(self.context, url)
            records = records_of(answer.body, self.stream, name=self.name)
            pages, total = pages + 1, total + len(records)
            guard.look(url, answer, records)
            following = next_page(way, Walk(answer, len(records), pages, total), self.client)
            yield Page(records, following is None)
            if following is None:
                return
            url = following.url or self.client.address(
                self.stream.path, {**params, **first_params(way), **following.params}
            )


class _Guard:
    """Notices a list that goes round in a circle, with the memory of one page's name.

    Addresses are compared with one that is remembered, which is changed at each power of two
    (Brent's way); so a circle of any length is found.
    """

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._pages = 0
        self._remembered: httpx.URL | None = None
        self._at = 1
        self._content = b""
        self._same = 0

    def look(self, url: httpx.URL, answer: Answer, records: Sequence[Record]) -> None:
        """Look at a page.

        Raises:
            DataFormatError: It was there before, or there are too many.
        """
        self._pages += 1
        if url == self._remembered:
            raise self._endless("the page was asked for before", answer)
        if self._pages == self._at:
            self._remembered, self._at = url, self._at * 2
        if self._pages > self._listing.max_pages:
            raise self._endless(f"there are more than {self._listing.max_pages} pages", answer)
        content = hashlib.blake2b(msgspec.json.encode(records), digest_size=16).digest()
        self._same = self._same + 1 if records and content == self._content else 0
        self._content = content
        if self._same >= (1 if self._listing.stream.primary_key else _SAME_PAGES):
            raise self._endless("the page has the same records as the one before", answer)

    def _endless(self, why: str, answer: Answer) -> DataFormatError:
        return DataFormatError(
            f"the list {self._listing.name} has no end: {why} (page {self._pages})",
            fix="Mend `paging` of the stream: the server does not know the parameter, or gives "
            "the same token or link again.",
            stream=self._listing.name,
            details={"request_id": answer.request_id, "page": self._pages},
        )


def _texts(params: Mapping[str, str | int | float | bool]) -> Mapping[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in params.items()
    }
