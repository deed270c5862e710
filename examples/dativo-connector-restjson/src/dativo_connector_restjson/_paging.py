"""From page to page: what is asked for next, and when a list has ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import TypeVar

import attrs
import httpx
import msgspec

from dativo.errors import DataFormatError
from dativo_connector_restjson._client import Answer, Client
from dativo_connector_restjson._paging_config import (
    Cursor,
    End,
    LinkHeader,
    NextLink,
    Offset,
    PageNumber,
)
from dativo_connector_restjson._paths import look_up, parse_path

__all__ = ["Next", "Walk", "first_params", "next_page"]


@attrs.frozen
class Walk:
    """How far a list was read.

    Attributes:
        answer: The last page.
        records: How many records it had.
        pages: How many pages were read.
        total: How many records they had.
    """

    answer: Answer
    records: int
    pages: int
    total: int


@attrs.frozen(kw_only=True)
class Next:
    """What to ask for: the first address with other parameters, or another address."""

    params: Mapping[str, str] = attrs.field(factory=dict)
    url: httpx.URL | None = None


Found = TypeVar("Found")


@singledispatch
def first_params(way: object) -> Mapping[str, str]:
    """Return what the request for the first page says about pages."""
    del way
    return {}


@singledispatch
def next_page(way: object, walk: Walk, client: Client) -> Next | None:
    """Return what to ask for after *walk*, ``None`` at the end of the list.

    Raises:
        DataFormatError: The answer does not have what the job file says.
        ConfigurationError: A link leads to another host.
    """
    del way, walk, client
    return None


@first_params.register
def _(way: PageNumber) -> Mapping[str, str]:
    return {way.param: str(way.first), **_size(way.size_param, way.size)}


@next_page.register
def _(way: PageNumber, walk: Walk, client: Client) -> Next | None:
    del client
    if _is_last(way.end, way.size, way.total, walk):
        return None
    return Next(params={way.param: str(way.first + walk.pages)})


@first_params.register
def _(way: Offset) -> Mapping[str, str]:
    return {way.param: "0", way.size_param: str(way.size)}


@next_page.register
def _(way: Offset, walk: Walk, client: Client) -> Next | None:
    del client
    if _is_last(way.end, way.size, way.total, walk):
        return None
    return Next(params={way.param: str(walk.total)})


@first_params.register
def _(way: Cursor) -> Mapping[str, str]:
    return _size(way.size_param, way.size)


@next_page.register
def _(way: Cursor, walk: Walk, client: Client) -> Next | None:
    del client
    if way.more is not None and not _found(walk.answer, way.more, _FLAG):
        return None
    token = _found(walk.answer, way.next, _TOKEN)
    return None if token in {None, ""} else Next(params={way.param: str(token)})


@next_page.register
def _(way: NextLink, walk: Walk, client: Client) -> Next | None:
    link = _found(walk.answer, way.link, _TEXT)
    return Next(url=client.link(walk.answer.url, link)) if link else None


@next_page.register
def _(way: LinkHeader, walk: Walk, client: Client) -> Next | None:
    for header in walk.answer.headers.get_list("link"):
        for link in _links(header):
            if way.rel.lower() in link.relations:
                return Next(url=client.link(walk.answer.url, link.target))
    return None


def _size(param: str | None, size: int | None) -> Mapping[str, str]:
    return {} if param is None else {param: str(size)}


def _is_last(end: End, size: int | None, total: str | None, walk: Walk) -> bool:
    return walk.records == 0 or _ENDS[end](size or 0, total or "$", walk)


_ENDS: Mapping[End, Callable[[int, str, Walk], bool]] = {
    End.EMPTY_PAGE: lambda *_: False,
    End.SHORT_PAGE: lambda size, _, walk: walk.records < size,
    End.TOTAL: lambda _, total, walk: walk.total >= _found(walk.answer, total, _COUNT),
}

_FLAG = msgspec.json.Decoder(bool | None)
_TEXT = msgspec.json.Decoder(str | None)
_TOKEN: msgspec.json.Decoder[str | int | None] = msgspec.json.Decoder(str | int | None)
_COUNT: msgspec.json.Decoder[int] = msgspec.json.Decoder(int)


def _found(answer: Answer, path: str, decoder: msgspec.json.Decoder[Found]) -> Found:
    """Return the value at *path*, null where there is none."""
    found = look_up(answer.body, parse_path(path))
    try:
        return decoder.decode(b"null" if found is None else found)
    except msgspec.ValidationError as error:
        raise DataFormatError(
            f"what the answer of {answer.url.path} has at {path} cannot be used: {error}",
            fix="Mend `paging` of the stream.",
            details={"request_id": answer.request_id},
        ) from error


@attrs.frozen
class _Link:
    target: str
    relations: frozenset[str]


# RFC 8288, section 3: <target>; param=token; param="quoted"
_LINK = re.compile(
    r"""\s*<(?P<target>[^>]*)>(?P<params>(?:\s*;\s*[^\s;,="]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)"""
)
_PARAM = re.compile(
    r""";\s*(?P<name>[^\s;,="]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s;,"]*))"""
)


def _links(header: str) -> list[_Link]:
    links = []
    position = 0
    while found := _LINK.match(header, position):
        relations = ""
        for param in _PARAM.finditer(found["params"]):
            if param["name"].lower() == "rel" and not relations:
                relations = param["quoted"] or param["plain"] or ""
        links.append(_Link(found["target"], frozenset(relations.lower().split())))
        position = header.find(",", found.end()) + 1
        if not position:
            break
    return links
