"""The socket side of the fake: HTTP/1.1 with keep-alive on loopback, a thread for a connection."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from io import BufferedReader
from typing import NoReturn
from urllib.parse import unquote

from dativo_test_support.stripe.exchange import Answer, Request

__all__ = ["Server"]

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)
_BACKLOG = 128
_JOIN_SECONDS = 10.0


class Ended(Exception):  # noqa: N818 - no error
    """The connection is over."""


class Server:
    """Listens on a port of its own, and gives each request to *serve*.

    *serve* gets the request and the connection, sends an answer, and may do worse.
    """

    def __init__(
        self, serve: Callable[[Request, Connection], None], tls: ssl.SSLContext | None = None
    ) -> None:
        self._serve = serve
        self._tls = tls
        self.port = 0
        self.ended = threading.Event()
        self._heals_at: float | None = None
        self._is_listening = False
        self._lock = threading.Lock()
        self._open: dict[Connection, threading.Thread] = {}
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def start(self) -> None:
        # Linux keeps a port beyond the end of the listening only if it was asked for by number.
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=_BACKLOG)
        self._is_listening = True
        self._thread.start()

    def stop(self) -> None:
        """Stop to listen, drop all connections and wait for their threads."""
        self.ended.set()
        self.refuse()
        self._thread.join(_JOIN_SECONDS)
        self._listener.close()
        with self._lock:
            left = dict(self._open)
        for connection, thread in left.items():
            connection.drop()
            thread.join(_JOIN_SECONDS)

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    def refuse(self, seconds: float | None = None) -> None:
        """Refuse new connections; for so long, or until `heal`."""
        self._heals_at = None if seconds is None else time.monotonic() + seconds
        with self._lock, suppress(OSError):
            if self._is_listening:
                # On Linux this ends the listening and keeps the port, unlike a close. A second time
                # it would end all connections that are accepted ever after.
                self._is_listening = False
                self._listener.shutdown(socket.SHUT_RDWR)

    def heal(self) -> None:
        """Take connections again."""
        self._heals_at = 0.0

    def _accept(self) -> None:
        while not self.ended.is_set():
            try:
                raw, _ = self._listener.accept()
            except OSError:
                self._wait_until_healed()
                continue
            connection = Connection(self, raw)
            thread = threading.Thread(target=self._talk, args=(connection,), daemon=True)
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _wait_until_healed(self) -> None:
        while not self.ended.wait(0.005):
            if self._heals_at is not None and time.monotonic() >= self._heals_at:
                with self._lock:
                    self._listener.listen(_BACKLOG)
                    self._is_listening = True
                return

    def _talk(self, connection: Connection) -> None:
        try:
            with suppress(OSError, Ended, ValueError):
                connection.begin(self._tls)
                while True:
                    self._serve(connection.read(), connection)
        finally:
            connection.close()
            with self._lock:
                del self._open[connection]


class Connection:
    """One connection; the `Line` of deliveries."""

    def __init__(self, server: Server, raw: socket.socket) -> None:
        self._server = server
        self._socket = raw
        self._reader: BufferedReader | None = None
        self.arrived = 0.0

    def begin(self, tls: ssl.SSLContext | None) -> None:
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_side=True)
        self._reader = self._socket.makefile("rb")

    def read(self) -> Request:
        """Wait for a request."""
        assert self._reader is not None
        line = self._reader.readline(65_536)
        self.arrived = time.monotonic()
        if not line:
            raise Ended
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers: dict[str, str] = {}
        while (line := self._reader.readline(65_536)) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        self._reader.read(int(headers.get("content-length", "0")))
        path, _, query = target.partition("?")
        return Request(method, unquote(path), query, headers)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def wait(self, seconds: float) -> None:
        if seconds > 0 and self._server.ended.wait(seconds):
            raise Ended

    def refuse(self, seconds: float) -> None:
        self._server.refuse(seconds)

    def reset(self) -> NoReturn:
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        raise Ended

    def end(self) -> NoReturn:
        """Close it in order."""
        raise Ended

    def drop(self) -> None:
        """Wake the thread that reads from it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            if self._reader is not None:
                self._reader.close()
        with suppress(OSError):
            self._socket.close()


def deliver(answer: Answer, connection: Connection) -> None:
    """Send *answer*, in the way that it asks for."""
    (answer.deliver or Answer.send)(answer, connection)
