"""A JSON API on loopback that cuts its lists in every way, and goes wrong when it is asked to."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

TOKEN = "tok-5f0c-secret"
LIMITED = "tok-33d2-limited"
PASSWORD = "pass-9b1d-secret"
CLIENT_SECRET = "client-77aa-secret"

Query = dict[str, str]
Answer = tuple[int, dict[str, str], bytes]


class FakeApi:
    """Lists by name, below ``/page/``, ``/offset/``, ``/cursor/``, ``/next/`` and ``/link/``.

    ``records`` holds raw JSON texts, so that numbers are sent as they are written.
    """

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.forbidden: set[str] = set()
        self.unlimited: set[str] = set()
        self.size = 3
        self.requests: list[tuple[str, Query, dict[str, str]]] = []
        self.answers: dict[str, Callable[[int], Answer]] = {}
        self.tokens_given = 0
        self.token = TOKEN
        self.hangs = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who hung up
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hangs.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def add(self, name: str, *records: object) -> None:
        texts = [one if isinstance(one, str) else json.dumps(one) for one in records]
        self.records.setdefault(name, []).extend(texts)

    def answer(  # noqa: PLR0911 - one for each way to go wrong
        self, path: str, query: Query, headers: dict[str, str]
    ) -> Answer:
        with self._lock:
            self.requests.append((path, query, headers))
            asked = sum(1 for one, _, _ in self.requests if one == path)
        if path in self.answers:
            return self.answers[path](asked)
        if path == "/token":
            return self._give_token(headers)
        if not self._knows(query, headers):
            return failure(401, f"the key {headers.get('authorization', '')} is unknown")
        if path == "/hang":
            self.hangs.wait(60)
            return ok([])
        if path.startswith("/status/"):
            return failure(int(path.rpartition("/")[2]), "as you wish")
        style, _, name = path.strip("/").partition("/")
        is_limited = headers.get("authorization") == f"Bearer {LIMITED}"
        if name in self.forbidden or (is_limited and name in self.unlimited):
            return failure(403, "not for you")
        if name not in self.records or style not in _STYLES:
            return failure(404, "no such list")
        chosen = [text for text in self.records[name] if _is_chosen(json.loads(text), query)]
        return _STYLES[style](self, path, query, chosen)

    def _give_token(self, headers: dict[str, str]) -> Answer:
        expected = base64.b64encode(f"client:{CLIENT_SECRET}".encode()).decode()
        if headers.get("authorization") != f"Basic {expected}":
            return 400, {}, b'{"error": "invalid_client"}'
        self.tokens_given += 1
        self.token = f"{TOKEN}-{self.tokens_given}"
        return ok({"access_token": self.token, "expires_in": 3600, "token_type": "bearer"})

    def _knows(self, query: Query, headers: dict[str, str]) -> bool:
        basic = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
        known = {f"Bearer {self.token}", f"Bearer {LIMITED}", f"Basic {basic}"}
        return (
            headers.get("authorization") in known
            or headers.get("x-api-key") == TOKEN
            or query.get("api_key") == TOKEN
        )

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length", 0))
                if length:
                    self.rfile.read(length)
                parts = urlsplit(self.path)
                sent = {name.lower(): value for name, value in self.headers.items()}
                status, headers, body = api.answer(parts.path, dict(parse_qsl(parts.query)), sent)
                self.send_response(status)
                headers = {"Content-Type": "application/json", "X-Request-Id": "req-1", **headers}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except ConnectionError:
                    self.close_connection = True

            do_POST = do_GET  # noqa: N815 - the name is given

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
                pass

        return Handler


def ok(document: object) -> Answer:
    return 200, {}, json.dumps(document).encode()


def failure(status: int, message: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, named, json.dumps({"error": {"message": message}}).encode()


def zipped(answer: Answer) -> Answer:
    status, headers, body = answer
    return status, {**headers, "Content-Encoding": "gzip"}, gzip.compress(body)


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _is_chosen(record: Any, query: Query) -> bool:
    if not isinstance(record, dict):
        return True
    value = str(record.get("updated_at", record.get("number", "")))
    if "since" in query and value < query["since"]:
        return False
    if "after" in query and value <= query["after"]:
        return False
    return not ("before" in query and value >= query["before"])


def _page(api: FakeApi, _: str, query: Query, chosen: list[str]) -> Answer:
    size = int(query.get("per_page", api.size))
    start = (int(query.get("page", 1)) - 1) * size
    rest = f', "meta": {{"total": {len(chosen)}}}}}'
    return (
        200,
        {},
        (f'{{"data": {{"items": {_list(chosen[start : start + size])}}}' + rest).encode(),
    )


def _offset(api: FakeApi, _: str, query: Query, chosen: list[str]) -> Answer:
    start = int(query.get("offset", 0))
    size = min(int(query.get("limit", api.size)), api.size)
    return 200, {}, _list(chosen[start : start + size]).encode()


def _cursor(api: FakeApi, _: str, query: Query, chosen: list[str]) -> Answer:
    start = int(query.get("cursor", "t0")[1:])
    end = start + api.size
    token = f'"t{end}"' if end < len(chosen) else "null"
    items = _list(chosen[start:end])
    more = str(end < len(chosen)).lower()
    return 200, {}, f'{{"results": {items}, "meta": {{"next": {token}, "more": {more}}}}}'.encode()


def _next(api: FakeApi, path: str, query: Query, chosen: list[str]) -> Answer:
    start = int(query.get("at", 0))
    end = start + api.size
    link = {"next": f"{path}?{urlencode({**query, 'at': end})}" if end < len(chosen) else None}
    return 200, {}, f'{{"rows": {_list(chosen[start:end])}, "links": {json.dumps(link)}}}'.encode()


def _link(api: FakeApi, path: str, query: Query, chosen: list[str]) -> Answer:
    start = int(query.get("at", 0))
    end = start + api.size
    headers = {}
    if end < len(chosen):
        target = f"{api.url}{path}?{urlencode({**query, 'at': end})}"
        headers["Link"] = (
            f'<{api.url}{path}>; rel="first", <{target}>; title="a, b"; rel="next last"'
        )
    return 200, headers, _list(chosen[start:end]).encode()


def _list(texts: list[str]) -> str:
    return f"[{', '.join(texts)}]"


def _large(_: FakeApi, __: str, query: Query, chosen: list[str]) -> Answer:
    """Give forty pages of a megabyte."""
    del chosen
    page = int(query.get("page", 1))
    numbers = range(page * 500, page * 500 + (500 if page <= 40 else 0))
    return ok([{"id": number, "text": f"{number:02000d}"} for number in numbers])


_STYLES = {
    "large": _large,
    "page": _page,
    "offset": _offset,
    "cursor": _cursor,
    "next": _next,
    "link": _link,
}
