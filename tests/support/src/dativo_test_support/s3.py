"""An S3 server on loopback (moto), and a proxy in front of it that fails as a test scripts it.

The server keeps everything in memory. It is a process of its own, which ends with the pipe that its
parent holds, however the parent ends.
"""

from __future__ import annotations

import http.client
import re
import secrets
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import attrs

from dativo_test_support.unmeasured import unmeasured

__all__ = ["ACCESS_KEY", "SECRET_KEY", "Fault", "FaultProxy", "Outcome", "S3Server"]

ACCESS_KEY = "AKIATESTTESTTEST"
SECRET_KEY = "an-s3-secret-of-the-tests"

_START_SECONDS = 60.0
_PROGRAM = """
import os, sys, threading
def end():
    sys.stdin.buffer.read()
    os._exit(0)
threading.Thread(target=end, daemon=True).start()
from moto.server import main
main(["-H", "127.0.0.1", "-p", "0"])
"""


class S3Server:
    """A moto server; used as a context manager."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._drain = threading.Thread()
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=unmeasured(),  # it answers three times as fast
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            found = re.search(rb"Running on (http://127\.0\.0\.1:\d+)", line)
            if found:
                self.url = found[1].decode()
                break
        else:
            raise RuntimeError("the S3 server did not start")
        self._drain = threading.Thread(target=self._process.stderr.read, daemon=True)
        self._drain.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._drain.join()
        for pipe in (self._process.stdin, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def create_bucket(self, name: str = "") -> str:
        """Make an empty bucket and return its name."""
        name = name or f"lake-{secrets.token_hex(6)}"
        self.request("PUT", f"/{name}")
        return name

    def uploads(self, bucket: str) -> list[str]:
        """Return the keys of multipart uploads that were neither finished nor aborted."""
        return re.findall(r"<Key>([^<]*)</Key>", self.request("GET", f"/{bucket}?uploads"))

    def request(self, method: str, path: str) -> str:
        """Send one request without a signature, which this server does not ask for."""
        request = urllib.request.Request(self.url + path, method=method)
        with urllib.request.urlopen(request, timeout=_START_SECONDS) as answer:
            return str(answer.read().decode())


class Outcome(StrEnum):
    """What becomes of a request."""

    ANSWER = "answer"
    """It is answered with the fault's status and never reaches the server."""
    ANSWER_AFTER = "answer_after"
    """The server does it, then it is answered with the fault's status."""
    HANG = "hang"
    """It is never answered and never reaches the server."""
    HANG_AFTER = "hang_after"
    """The server does it, but it is never answered."""
    RESET = "reset"
    """The connection is reset before the server sees it."""
    RESET_AFTER = "reset_after"
    """The server does it, then the connection is reset."""
    TRUNCATE = "truncate"
    """Half of the answer comes, then the connection ends."""
    FORWARD = "forward"
    """It is passed on, after the fault's call and delay."""


@attrs.define(kw_only=True)
class Fault:
    """What happens to the requests that match, in place of what should.

    Attributes:
        method: The method; empty for any.
        path: A regular expression that the path with its query contains.
        outcome: What becomes of the request.
        status: The status of an answer.
        code: The error code in the body of an answer.
        skip: So many matching requests pass first.
        times: So many are hit; ``None`` for all that follow.
        delay_seconds: Waited before anything else.
        call: Called before the request is passed on.
        without: A header that is taken away from the request.
        ahead_seconds: What is read seems to have been written so much later.
    """

    method: str = ""
    path: str = ""
    outcome: Outcome = Outcome.ANSWER
    status: int = 500
    code: str = "InternalError"
    skip: int = 0
    times: int | None = 1
    delay_seconds: float = 0.0
    call: Callable[[], object] = lambda: None
    without: str = ""
    ahead_seconds: float = 0.0
    hits: int = 0

    def takes(self, method: str, path: str) -> bool:
        """Say whether it hits this request, and count it."""
        if self.method not in ("", method) or not re.search(self.path, path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True


class FaultProxy:
    """A proxy in front of a server; used as a context manager.

    Requests that change something go to the server one at a time: moto looks for an object and then
    stores it, so that two conditional writes at once could both succeed, which no real store does.
    """

    def __init__(self, server: S3Server) -> None:
        self.faults: list[Fault] = []
        self.seen: list[tuple[str, str, int]] = []
        self.ended = threading.Event()
        self._target = server.url.removeprefix("http://")
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ended.set()
        self._http.shutdown()
        self._http.server_close()

    @contextmanager
    def failing(self, *faults: Fault) -> Iterator[None]:
        """Have *faults* happen for the length of a block."""
        self.faults.extend(faults)
        try:
            yield
        finally:
            self.faults.clear()

    def fault_for(self, method: str, path: str) -> Fault | None:
        """Return the first fault that takes the request."""
        with self._lock:
            return next((fault for fault in self.faults if fault.takes(method, path)), None)

    def forward(self, handler: BaseHTTPRequestHandler, body: bytes, *, without: str = "") -> _Reply:
        """Send the request on and return what the server says."""
        connection = http.client.HTTPConnection(self._target, timeout=_START_SECONDS)
        try:
            if handler.command == "GET":
                return self._sent(connection, handler, body, without)
            with self._writing:
                return self._sent(connection, handler, body, without)
        finally:
            connection.close()

    def _sent(
        self,
        connection: http.client.HTTPConnection,
        handler: BaseHTTPRequestHandler,
        body: bytes,
        without: str,
    ) -> _Reply:
        headers = {
            name: value
            for name, value in handler.headers.items()
            if name.lower() != without.lower()
        }
        connection.request(handler.command, handler.path, body=body, headers=headers)
        answer = connection.getresponse()
        return _Reply(answer.status, answer.getheaders(), answer.read())


@attrs.frozen
class _Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def written_later(self, seconds: float) -> _Reply:
        """Return the same answer for an object that is younger."""
        moved = [
            (
                name,
                format_datetime(
                    parsedate_to_datetime(value) + timedelta(seconds=seconds), usegmt=True
                ),
            )
            if name.lower() == "last-modified"
            else (name, value)
            for name, value in self.headers
        ]
        return attrs.evolve(self, headers=moved)


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultProxy
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer in one piece: otherwise the kernel waits 40 ms in between

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def handle_one_request(self) -> None:
        with suppress(ConnectionError):
            super().handle_one_request()

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.fault_for(self.command, self.path)
        if fault is not None:
            time.sleep(fault.delay_seconds)
            fault.call()
        outcome = Outcome.FORWARD if fault is None else fault.outcome
        reply = _Reply(0, [], b"")
        if outcome not in (Outcome.ANSWER, Outcome.HANG, Outcome.RESET):
            without = "" if fault is None else fault.without
            reply = self.proxy.forward(self, body, without=without)
            if fault is not None and fault.ahead_seconds:
                reply = reply.written_later(fault.ahead_seconds)
        if fault is not None and outcome in (Outcome.ANSWER, Outcome.ANSWER_AFTER):
            text = f"<Error><Code>{fault.code}</Code><Message>scripted</Message></Error>"
            reply = _Reply(fault.status, [("Content-Type", "application/xml")], text.encode())
        self.proxy.seen.append((self.command, self.path, reply.status))
        if outcome in (Outcome.HANG, Outcome.HANG_AFTER):
            self.proxy.ended.wait(_START_SECONDS)
        if outcome in (Outcome.HANG, Outcome.HANG_AFTER, Outcome.RESET, Outcome.RESET_AFTER):
            self._reset()
            return
        self._answer(reply, is_cut=outcome is Outcome.TRUNCATE)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _any  # noqa: N815 - names of the library

    def _answer(self, reply: _Reply, *, is_cut: bool) -> None:
        kept = ("connection", "transfer-encoding", "content-length", "server", "date")
        self.send_response(reply.status)
        length = str(len(reply.body))
        for name, value in reply.headers:
            if name.lower() not in kept:
                self.send_header(name, value)
            elif self.command == "HEAD" and name.lower() == "content-length":
                length = value
        if reply.status not in (204, 304):
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[: len(reply.body) // 2] if is_cut else reply.body)
        self.wfile.flush()
        if is_cut:
            self._reset()

    def _reset(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        with suppress(OSError):
            self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""
