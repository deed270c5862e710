"""The API that `dativo-connector-pulse` reads from: rows without names, read on by their number.

It stands for a vendor's own test system, so it is no part of the connector.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

_PAGE = 500
_HANG_SECONDS = 40.0
_LONG = "-" * 2000
_CLOSED = "/readings"
_STATUSES = {"key-good": 200, "key-hangs": 200, "key-closed": 200, "key-broken": 500}


class PulseApi:
    """``GET /alarms?after=N`` gives the rows above N; ``X-Key`` says what the key may."""

    def __init__(self) -> None:
        self.streams: dict[str, list[list[Any]]] = {"/readings": [], "/alarms": [], "/outages": []}
        for stream, rows, note in (("/readings", 20_000, _LONG), ("/alarms", 1_200, "loud")):
            self.streams[stream] = [_row(number, note) for number in range(1, rows + 1)]
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who hung up
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Where it listens, on this machine only."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def add(self, stream: str) -> None:
        """Add a row to a stream."""
        rows = self.streams[f"/{stream}"]
        rows.append(_row(len(rows) + 1, "new"))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str, key: str | None) -> tuple[int, dict[str, Any]]:
        """Return the status and the document for a request."""
        stream, _, query = path.partition("?after=")
        status = _STATUSES.get(key or "", 401)
        if key == "key-closed" and stream == _CLOSED:
            status = 403
        elif status == 200 and stream not in self.streams:
            status = 404
        if key == "key-hangs":
            self._ended.wait(_HANG_SECONDS)
        after = int(query or 0)
        return status, {"rows": self.streams.get(stream, [])[after : after + _PAGE]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                status, document = api.answer(self.path, self.headers["X-Key"])
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
                pass

        return Handler


def _row(number: int, note: str) -> list[Any]:
    return [number, note, number / 8]
