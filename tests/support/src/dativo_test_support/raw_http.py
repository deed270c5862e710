"""A server that answers in bytes that the test chooses, over plain sockets or TLS."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from dativo_test_support.tls import Certificate

Conversation = Callable[[socket.socket, bytes], bool | None]


def answer(
    body: bytes = b'{"object": "list", "data": [], "has_more": false}',
    *,
    status: int = 200,
    headers: tuple[str, ...] = (),
) -> Conversation:
    """Answer every request so."""
    lines = [f"HTTP/1.1 {status} OK", f"Content-Length: {len(body)}", *headers, "", ""]
    return raw("\r\n".join(lines).encode() + body)


def raw(data: bytes, *, close: bool = False) -> Conversation:
    """Answer with exactly *data*; then keep the connection, or close it."""

    def say(peer: socket.socket, _request: bytes) -> bool:
        peer.sendall(data)
        return not close

    return say


def drip(data: bytes, *, before: bytes = b"", seconds: float = 0.05) -> Conversation:
    """Answer with one byte after the other, slowly."""

    def say(peer: socket.socket, _request: bytes) -> bool:
        peer.sendall(before)
        for byte in data:
            time.sleep(seconds)
            peer.sendall(bytes([byte]))
        return True

    return say


class Stub:
    """Listens on loopback; each request is answered by the next of *conversations*, or the last.

    A conversation that returns nothing or False closes the connection.
    """

    def __init__(
        self, *conversations: Conversation, certificate: Certificate | None = None
    ) -> None:
        self._conversations = list(conversations)
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate.certificate, certificate.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._peers: list[socket.socket] = []
        self._lock = threading.Lock()
        self.requests: list[bytes] = []
        self.times: list[float] = []
        self.connections = 0

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Close every connection, as a server does with idle ones."""
        with self._lock:
            peers, self._peers = self._peers, []
        for peer in peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with suppress(OSError), peer:
            secure = self._tls.wrap_socket(peer, server_side=True) if self._tls else peer
            with self._lock:
                self._peers.append(secure)
            with secure:
                while request := _request(secure):
                    with self._lock:
                        self.requests.append(request)
                        self.times.append(time.monotonic())
                        talk = self._conversations[0]
                        if len(self._conversations) > 1:
                            del self._conversations[0]
                    if not talk(secure, request):
                        return


def _request(peer: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        part = peer.recv(65536)
        if not part:
            return b""
        data += part
    return data
