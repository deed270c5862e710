"""One list of the API: its pages, checked for what would lose or double objects."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from dativo.contract import Context
from dativo.errors import DataValidationError, DativoError, ServiceUnavailableError
from dativo_connector_stripe._client import Answer, Client
from dativo_connector_stripe._decode import Page, RawObject, decode_page, integer_of, text_of
from dativo_connector_stripe._reading import Fetched
from dativo_connector_stripe._windows import PAGE_SIZE, Window, Windows

__all__ = ["Listing", "Parameters", "require_id"]

Parameters = tuple[tuple[str, str], ...]


@attrs.frozen(kw_only=True)
class Listing:
    """A list that is paged.

    Attributes:
        client: What asks for it.
        context: For whom.
        path: Where it is.
        endpoint: The path with ``{}`` in the place of ids; the path itself if empty.
        walks: What it is asked with in each walk, beside the cursor and the bounds.
        cursor: The field of ``created``; empty if the list is not filtered and ordered by it.
    """

    client: Client
    context: Context
    path: str
    endpoint: str = ""
    walks: tuple[Parameters, ...] = ((),)
    cursor: str = ""

    def fetch(self, windows: Windows, window: Window) -> Fetched:
        """Return the next page of *window*.

        Raises:
            ServiceUnavailableError: A page came twice, is empty although more is to come, or is
                none.
            DataValidationError: Objects are not in the window, or not in their order.
        """
        page, size_bytes = self._page(window)
        ids = [require_id(one) for one in page.objects]
        # First, as a page that came twice is out of its place as well.
        self._require_progress(window, page, ids)
        created = self._created(window, page, ids)
        ties = window.ties
        kept = windows.receive(window, created, ids, has_more=page.has_more)
        _remember_ties(window, created[:kept], ids[:kept])
        objects = tuple(
            one for one, name in zip(page.objects[:kept], ids, strict=False) if name not in ties
        )
        return Fetched(
            window=window,
            objects=objects,
            size_bytes=size_bytes,
            position=created[kept - 1] if kept else None,
            last=ids[kept - 1] if kept else None,
            is_last=window.is_received,
        )

    def _page(self, window: Window) -> tuple[Page, int]:
        try:
            answer = self._get(window)
        except DativoError as error:
            if window.after is None or error.details.get("param") != "starting_after":
                raise
            self.context.log(
                "an object was deleted while its list was read; reading on from its second",
                level="info",
                path=self.path,
            )
            window.forget_cursor()
            answer = self._get(window)
        return decode_page(answer.body), len(answer.body)

    def _get(self, window: Window) -> Answer:
        return self.client.get(self.context, self.path, self._asked(window), endpoint=self.endpoint)

    def _asked(self, window: Window) -> Parameters:
        bounds: list[tuple[str, str]] = []
        if self.cursor and window.lower:
            bounds.append(("created[gte]", str(window.lower)))
        if self.cursor and window.upper is not None:
            bounds.append(("created[lt]", str(window.upper)))
        if window.after is not None:
            bounds.append(("starting_after", window.after))
        return (("limit", str(PAGE_SIZE)), *self.walks[window.walk], *bounds)

    def _created(self, window: Window, page: Page, ids: Sequence[str]) -> list[int]:
        if not self.cursor:
            return [0] * len(ids)
        found = [integer_of(one, self.cursor) for one in page.objects]
        upper = window.upper
        before = window.position
        for name, second in zip(ids, found, strict=True):
            if second is None or (upper is not None and second >= upper):
                raise self._misplaced(name, second)
            if upper is not None and before is not None and second > before:
                raise self._misplaced(name, second)
            before = second
        return [second for second in found if second is not None]

    def _misplaced(self, name: str, second: int | None) -> DataValidationError:
        return DataValidationError(
            f"{self.path} gave the object {name} out of its place: created {second}",
            details={"path": self.path, "id": name, "created": second},
            fix="Set `windows: false` in `source.config` for a server that does not filter lists.",
        )

    def _require_progress(self, window: Window, page: Page, ids: Sequence[str]) -> None:
        if page.url and page.url.partition("?")[0] != self.path:
            # A server that miscounts an answer leaves part of it to the next request.
            raise self._stuck(f"a page of {page.url}")
        if not ids:
            if page.has_more:
                raise self._stuck("an empty page that is not the last one")
            return
        if ids[0] in window.firsts or (window.after is not None and window.after in ids):
            raise self._stuck(f"the page that begins with {ids[0]} twice")
        window.firsts.add(ids[0])

    def _stuck(self, what: str) -> ServiceUnavailableError:
        return ServiceUnavailableError(f"{self.path} gave {what}", details={"path": self.path})


def require_id(one: RawObject) -> str:
    """Return the id of an object.

    Raises:
        ServiceUnavailableError: It has none, so that it is not what was asked for.
    """
    name = text_of(one, "id")
    if name is None:
        msg = "Stripe gave an object without an id"
        raise ServiceUnavailableError(msg)
    return name


def _remember_ties(window: Window, created: Sequence[int], ids: Sequence[str]) -> None:
    if not created:
        return
    last = created[-1]
    tied = frozenset(name for name, second in zip(ids, created, strict=True) if second == last)
    is_same = created[0] == last
    window.ties = window.ties | tied if is_same else tied
