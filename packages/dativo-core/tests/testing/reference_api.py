"""A small HTTP API on loopback for the reference source: paging, tokens, a cursor with ties.

``GET /ws/WORKSPACE/streams?page=N`` lists the streams, two a page. ``GET .../records/STREAM`` gives
the records after a position: ``order`` names the fields that order them, ``after`` is the JSON list
of the last record's values of these, ``upto`` that of the last record wanted, ``limit`` the most
records of a page, ``where`` a condition ``field=value``, ``since`` and ``before`` bounds of the
cursor in microseconds. ``GET .../parts/STREAM`` cuts a stream.
"""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import attrs

__all__ = [
    "ALL",
    "DOWN",
    "EXPIRED",
    "NO_CUSTOMERS",
    "SLOW",
    "THROTTLED",
    "WORKSPACE",
    "FakeApi",
    "Offer",
    "Row",
]

Row = dict[str, Any]

ALL = "tok-all-7f3a9c51e8"
NO_CUSTOMERS = "tok-some-5b2e8d70c4"
EXPIRED = "tok-expired-91c4d2ab07"
THROTTLED = "tok-throttled-3e6f0b88d1"
DOWN = "tok-down-c07d51f2a9"
SLOW = "tok-slow-8a4e6b19f3"
WORKSPACE = "shop"

_MOST = 50
_PAGE_BYTES = 1 << 20
_STREAMS_OF_A_PAGE = 2
_REFUSALS = {
    EXPIRED: (401, "expired"),
    THROTTLED: (429, "too many requests"),
    DOWN: (503, "down for maintenance"),
}


@attrs.define(kw_only=True)
class Offer:
    """One stream: its fields with their types, its key, its cursor and its records."""

    fields: Mapping[str, str]
    key: Sequence[str]
    cursor: str | None = None
    rows: list[Row] = attrs.field(factory=list)
    row_bytes: int = 100

    def told(self, name: str, *, readable: bool) -> Row:
        return {
            "name": name,
            "fields": dict(self.fields),
            "key": list(self.key),
            "cursor": self.cursor,
            "row_bytes": self.row_bytes,
            "rows": len(self.rows),
            "readable": readable,
        }


class FakeApi:
    """The server and what it holds; it listens while it is entered as a context manager."""

    def __init__(self, *, large_rows: int = 0) -> None:
        self.offers = {
            "orders": Offer(fields=_ORDER, key=["id"], cursor="updated", rows=list(_orders(60))),
            "customers": Offer(fields=_CUSTOMER, key=["region", "number"], rows=_customers(30)),
            "refunds": Offer(fields=_ORDER, key=["id"], cursor="updated"),
        }
        if large_rows:
            self.offers["archive"] = Offer(
                fields={"id": "integer", "text": "text"},
                key=["id"],
                rows=[{"id": n, "text": "x" * _LARGE_TEXT} for n in range(large_rows)],
                row_bytes=_LARGE_TEXT,
            )
        self.open = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(self)

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def change(self, stream: str) -> None:
        """Change the first record of *stream* and add one, both later than all others."""
        with self._lock:
            rows = self.offers[stream].rows
            moment = max((row["updated"] for row in rows), default=0) + 1_000_000
            if rows:
                rows[0] = {**rows[0], "note": "changed", "updated": moment}
            number = max((row["id"] for row in rows), default=0) + 1
            rows.append(_order(number, moment))

    def answer(self, path: str, token: str) -> tuple[int, Row]:
        """Return status and document of a request."""
        url = urlsplit(path)
        words = [unquote(word) for word in url.path.strip("/").split("/")]
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        status, why = self._refusal(words, token)
        if status != 200:
            return status, {"error": why}
        if words[2] == "streams":
            return 200, self._streams(int(query.get("page", 0)), token)
        if token == SLOW:
            self.open.wait(60)
        with self._lock:
            call = {"records": _records, "parts": _parts}[words[2]]
            return call(self.offers[words[3]], query)

    def _refusal(self, words: Sequence[str], token: str) -> tuple[int, str]:
        if token in _REFUSALS:
            return _REFUSALS[token]
        if token not in {ALL, NO_CUSTOMERS, SLOW}:
            return 401, "unknown token"
        if words[:2] != ["ws", WORKSPACE] or words[2] not in {"streams", "records", "parts"}:
            return 404, "no such workspace"
        if words[2] != "streams" and words[3] not in self.offers:
            return 404, "no such stream"
        if words[2] != "streams" and not _may_read(token, words[3]):
            return 403, "the token may not read this stream"
        return 200, ""

    def _streams(self, page: int, token: str) -> Row:
        names = list(self.offers)
        first = page * _STREAMS_OF_A_PAGE
        last = first + _STREAMS_OF_A_PAGE
        told = [
            self.offers[name].told(name, readable=_may_read(token, name))
            for name in names[first:last]
        ]
        return {"streams": told, "next": page + 1 if last < len(names) else None}


def _may_read(token: str, stream: str) -> bool:
    return token != NO_CUSTOMERS or stream != "customers"


def _records(offer: Offer, query: Mapping[str, str]) -> tuple[int, Row]:
    order = query["order"].split(",")
    limit = int(query.get("limit", _MOST))
    if not 1 <= limit <= 10_000:
        return 400, {"error": "limit is from 1 to 10000"}
    field, _, value = query.get("where", "").partition("=")
    if field and field not in offer.fields:
        return 400, {"error": f"no field {field!r}"}
    after, upto = (json.loads(query.get(name, "null")) for name in ("after", "upto"))
    since, before = (json.loads(query.get(name, "null")) for name in ("since", "before"))
    found = sorted(offer.rows, key=lambda row: _position(row, order))
    wanted = [
        row
        for row in found
        if (not field or json.dumps(row[field]) == value)
        and (after is None or _position(row, order) > after)
        and (upto is None or _position(row, order) <= upto)
        and (since is None or row[offer.cursor or ""] >= since)
        and (before is None or row[offer.cursor or ""] < before)
    ]
    # Pages of large records have fewer of them.
    page = wanted[: min(limit, _MOST, max(1, _PAGE_BYTES // offer.row_bytes))]
    return 200, {"records": page, "count": len(page), "more": len(wanted) > len(page)}


def _parts(offer: Offer, query: Mapping[str, str]) -> tuple[int, Row]:
    """Cut what is after a position into parts, each with its last key and its count."""
    after = json.loads(query.get("after", "null"))
    keys = sorted(_position(row, offer.key) for row in offer.rows)
    left = [key for key in keys if after is None or key > after]
    size = max(1, -(-len(keys) // 5))
    cuts = [left[at : at + size] for at in range(0, len(left), size)]
    return 200, {"parts": [{"upto": cut[-1], "count": len(cut)} for cut in cuts]}


def _position(row: Row, order: Sequence[str]) -> list[Any]:
    return [row[name] for name in order]


_LARGE_TEXT = 64 * 1024
_ORDER = {
    "id": "integer",
    "updated": "moment",
    "total": "amount",
    "paid": "boolean",
    "note": "optional text",
}
_CUSTOMER = {"region": "text", "number": "integer", "name": "text", "email": "optional text"}


def _order(number: int, moment: int) -> Row:
    return {
        "id": number,
        "updated": moment,
        "total": f"{number * 7 % 100}.{number % 100:02}",
        "paid": number % 3 == 0,
        "note": None if number % 4 == 0 else f"order {number} \u00e4\u4e2d",
    }


def _orders(count: int) -> Iterator[Row]:
    """Make orders of which eleven each have the same moment, so that pages cut through ties."""
    for number in range(1, count + 1):
        place = number * 37 % (count + 1)  # so that the order of changes is not that of ids
        yield _order(number, 1_700_000_000_000_000 + place // 11 * 1_000_000)


def _customers(count: int) -> list[Row]:
    regions = ("east", "north", "west")
    return [
        {
            "region": regions[n % 3],
            "number": n // 3,
            "name": f"customer {n}",
            "email": None if n % 5 == 0 else f"c{n}@example.org",
        }
        for n in range(count)
    ]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: FakeApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        status, document = self.server.api.answer(self.path, token)
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(body)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the tests ask the API itself."""
