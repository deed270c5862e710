"""What a job file says about how a list is cut into pages: one of five ways, or none."""

from __future__ import annotations

from enum import StrEnum

import attrs

from dativo.contract import setting
from dativo_connector_restjson._paths import parse_path

__all__ = ["Cursor", "End", "LinkHeader", "NextLink", "Offset", "PageNumber", "Paging"]


class End(StrEnum):
    """How the last page is known where pages are counted."""

    EMPTY_PAGE = "empty_page"
    SHORT_PAGE = "short_page"
    TOTAL = "total"


@attrs.frozen(kw_only=True)
class PageNumber:
    """Pages have numbers."""

    param: str = setting("The parameter with the number.", default="page")
    first: int = setting("The number of the first page.", default=1, minimum=0, maximum=1)
    size_param: str | None = setting("The parameter with the size of a page.", default=None)
    size: int | None = setting("How many records to ask for.", default=None, minimum=1)
    end: End = setting(
        "What ends the list. An empty page is always safe; a page with fewer records than `size` "
        "is the last one only if the server keeps to `size`.",
        default=End.EMPTY_PAGE,
    )
    total: str | None = setting("The path of the number of all records.", default=None)

    def __attrs_post_init__(self) -> None:
        _require_end(self.end, size=self.size, total=self.total)
        _require_size(self.size_param, self.size)


@attrs.frozen(kw_only=True)
class Offset:
    """Pages begin at a record."""

    param: str = setting("The parameter with the number of records to pass over.", default="offset")
    size_param: str = setting("The parameter with the size of a page.", default="limit")
    size: int = setting("How many records to ask for.", default=100, minimum=1)
    end: End = setting("What ends the list, as with `page_number`.", default=End.EMPTY_PAGE)
    total: str | None = setting("The path of the number of all records.", default=None)

    def __attrs_post_init__(self) -> None:
        _require_end(self.end, size=self.size, total=self.total)


@attrs.frozen(kw_only=True)
class Cursor:
    """Each page holds the token of the next one."""

    next: str = setting("The path of the token; where it is missing, null or empty the list ends.")
    param: str = setting("The parameter with the token.", default="cursor")
    size_param: str | None = setting("The parameter with the size of a page.", default=None)
    size: int | None = setting("How many records to ask for.", default=None, minimum=1)
    more: str | None = setting(
        "The path of a boolean that says whether there are more pages, where the server gives a "
        "token on the last page, too.",
        default=None,
    )

    def __attrs_post_init__(self) -> None:
        parse_path(self.next)
        if self.more is not None:
            parse_path(self.more)
        _require_size(self.size_param, self.size)


@attrs.frozen(kw_only=True)
class NextLink:
    """Each page holds the address of the next one."""

    link: str = setting("The path of the address; where it is missing or null the list ends.")

    def __attrs_post_init__(self) -> None:
        parse_path(self.link)


@attrs.frozen(kw_only=True)
class LinkHeader:
    """The header `Link` holds the address of the next page (RFC 8288)."""

    rel: str = setting("The relation of the link.", default="next")


@attrs.frozen(kw_only=True)
class Paging:
    """One way to get from page to page."""

    page_number: PageNumber | None = setting("Pages have numbers.", default=None)
    offset: Offset | None = setting("Pages begin at a record.", default=None)
    cursor: Cursor | None = setting("A page holds the token of the next one.", default=None)
    next_link: NextLink | None = setting("A page holds the address of the next one.", default=None)
    link_header: LinkHeader | None = setting("The header `Link` does.", default=None)

    def __attrs_post_init__(self) -> None:
        if len(self._ways()) != 1:
            found = ", ".join(self._ways()) or "none"
            msg = (
                "paging takes one of page_number, offset, cursor, next_link and link_header; "
                f"found: {found}"
            )
            raise ValueError(msg)

    @property
    def way(self) -> PageNumber | Offset | Cursor | NextLink | LinkHeader:
        """The one that is given."""
        (way,) = self._ways().values()
        return way

    def _ways(self) -> dict[str, PageNumber | Offset | Cursor | NextLink | LinkHeader]:
        ways = attrs.asdict(self, recurse=False)
        return {name: way for name, way in ways.items() if way is not None}


def _require_end(end: End, *, size: int | None, total: str | None) -> None:
    if total is not None:
        parse_path(total)
    if end is End.TOTAL and total is None:
        raise ValueError("end: total needs total, the path of the number of all records")
    if end is End.SHORT_PAGE and size is None:
        raise ValueError("end: short_page needs size, the number of records of a full page")


def _require_size(param: str | None, size: int | None) -> None:
    if param is not None and size is None:
        raise ValueError("size_param needs size, the number of records to ask for")
