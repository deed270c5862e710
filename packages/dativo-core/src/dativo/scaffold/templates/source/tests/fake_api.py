"""The API on this machine, in small: for the tests, and for trying the example job.

It does what the real one documents, so far as the connector relies on it. Start it by hand with
`python tests/fake_api.py`; it then serves until you press Ctrl-C.
"""

from __future__ import annotations

import bisect
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "sample-token-0001"
TOKEN_WITHOUT_CUSTOMERS = "sample-token-0002"

Record = dict[str, Any]

_START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeApi:
    """The records of all lists, and the rules by which they are given."""

    def __init__(self, orders: int = 1000) -> None:
        self.lists: dict[str, list[Record]] = {
            "customers": [_customer(number) for number in range(60)],
            "orders": _orders(orders),
            "regions": [],
        }
        self.base_url: str = ""
        self._ended = threading.Event()

    def change(self, stream: str) -> None:
        """Add a record and touch another one, as time goes by."""
        first, *others = self.lists[stream]
        now = _moment(len(others) + 100_000)
        new = {**first, "id": f"new-{len(others)}", "updated_at": now}
        self.lists[stream] = [*others, {**first, "updated_at": now}, new]

    def answer(self, path: str, token: str, query: dict[str, str]) -> tuple[int, object]:
        """Return the status and the document of an answer."""
        if path.startswith("/fail/"):
            return self._fail(path.split("/")[2])
        if token not in (TOKEN, TOKEN_WITHOUT_CUSTOMERS):
            return 401, {"error": "unknown token"}
        if path == "/v1/me":
            return 200, {"id": "me"}
        name = path.removeprefix("/v1/")
        if name not in self.lists:
            return 404, {"error": "no such list"}
        if name == "customers" and token == TOKEN_WITHOUT_CUSTOMERS:
            return 403, {"error": "the token has no right to see customers"}
        return 200, self._page(self.lists[name], query)

    def _fail(self, how: str) -> tuple[int, object]:
        """Fail as the address asks for: `base_url` + `/fail/429` is always too busy."""
        if how == "slow":
            self._ended.wait(60)
        return int(how) if how.isdecimal() else 200, {"items": [{"id": 1}]}

    def _page(self, records: list[Record], query: dict[str, str]) -> object:
        # A page begins after a key, not after a number of records, so that nothing is left out
        # when records change between two pages.
        records = sorted(records, key=_key)
        keys = [_key(record) for record in records]
        start = bisect.bisect_left(keys, query.get("updated_since", ""))
        if "page" in query:
            start = bisect.bisect_right(keys, query["page"])
        end = bisect.bisect_left(keys, query.get("updated_before", "~"))
        items = records[start : min(end, start + int(query.get("limit", "100")))]
        more = items and start + len(items) < end
        return {"items": items, "next": _key(items[-1]) if more else None}

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[FakeApi]:
        """Answer on this machine only, on a free port unless one is given, while it is entered."""
        handler = type("Handler", (_Handler,), {"api": self})
        with _Server(("127.0.0.1", port), handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            self.base_url = f"http://127.0.0.1:{server.server_port}"
            self._ended.clear()
            try:
                yield self
            finally:
                self._ended.set()
                server.shutdown()
                thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client may break off whenever it wants."""


class _Handler(BaseHTTPRequestHandler):
    api: FakeApi
    protocol_version = "HTTP/1.1"
    # A client that keeps its connection must not keep the thread for ever.
    timeout = 5

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        status, document = self.api.answer(url.path, token, dict(parse_qsl(url.query)))
        body = "<html>" if url.path.startswith("/fail/200/") else json.dumps(document)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status in (429, 503):
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


def _customer(number: int) -> Record:
    return {
        "id": f"customer-{number:05}",
        # Several records share a moment, as they do in real systems.
        "updated_at": _moment(number // 3),
        "name": None if number % 7 == 0 else f"Customer {number}",
        "newsletter": number % 2 == 0,
        "credit": f"{number * 1.25:.2f}",
        "internal": "the connector leaves out what its schema does not name",
    }


@cache
def _orders(count: int) -> list[Record]:
    return [
        {
            "id": f"order-{number:07}",
            "updated_at": _moment(number // 3),
            "customer": f"customer-{number % 40:05}",
            "quantity": number % 5 + 1,
            "total": f"{number * 1.25:.2f}",
            "note": f"Please ring twice. {number:01200}",
        }
        for number in range(count)
    ]


def _moment(minutes: int) -> str:
    return (_START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(record: Record) -> str:
    return f"{record.get('updated_at', '')} {record['id']}"


if __name__ == "__main__":
    with FakeApi().serving(8765) as fake:
        print(f"it answers at {fake.base_url}; its token is {TOKEN}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("ended")
