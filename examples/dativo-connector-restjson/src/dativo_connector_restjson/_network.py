"""Connections whose every wait ends with the time of the request, or when all of them are cut.

The timeouts of HTTP libraries count for each single read, so that a server that sends one byte a
second could go on for ever; and closing a client in another thread ends no wait of its sockets.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpcore
import httpx

__all__ = ["Network", "Transport"]


class _Time(threading.local):
    ends_at = float("inf")


class Network(httpcore.NetworkBackend):
    """Opens connections for any thread, and can cut all that are open."""

    def __init__(self) -> None:
        self._plain = httpcore.SyncBackend()
        self._lock = threading.Lock()
        self._open: set[_Stream] = set()
        self._is_cut = False
        self._time = _Time()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Give what this thread does on its connections *seconds* as a whole."""
        self._time.ends_at = time.monotonic() + seconds
        try:
            yield
        finally:
            self._time.ends_at = float("inf")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let this thread do something else, during which its time does not run."""
        began = time.monotonic()
        yield
        self._time.ends_at += time.monotonic() - began

    def left(self, timeout: float | None) -> float:
        """Return how long this thread may wait now.

        Raises:
            httpcore.ReadTimeout: Its time is over.
        """
        seconds = self._time.ends_at - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout("the time of the request is over")
        return seconds if timeout is None else min(seconds, timeout)

    def cut(self) -> None:
        """End every wait now and open nothing more; any thread may call it."""
        with self._lock:
            self._is_cut = True
            streams = list(self._open)
        for stream in streams:
            stream.cut()

    def connect_tcp(  # noqa: PLR0917 - httpcore's signature
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect, in no more than the time that is left."""
        stream = self._plain.connect_tcp(
            host, port, self.left(timeout), local_address, socket_options
        )
        return self.keep(stream)

    def keep(self, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """Remember an open connection."""
        kept = _Stream(stream, self)
        with self._lock:
            self._open.add(kept)
            is_cut = self._is_cut
        if is_cut:
            kept.close()
            raise httpcore.ConnectError("the run was stopped")
        return kept

    def forget(self, stream: _Stream) -> None:
        """Forget a connection that is closed."""
        with self._lock:
            self._open.discard(stream)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, network: Network) -> None:
        self._inner = inner
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._network.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._network.left(timeout))

    def close(self) -> None:
        self._network.forget(self)
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        # The plain connection stays known until the handshake is over, so that it can be cut.
        try:
            secure = self._inner.start_tls(
                ssl_context, server_hostname, self._network.left(timeout)
            )
        finally:
            self._network.forget(self)
        return self._network.keep(secure)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def cut(self) -> None:
        one = self._inner.get_extra_info("socket")
        if isinstance(one, socket.socket):
            with suppress(OSError):
                # A socket under TLS would first forget its session, which another thread uses.
                socket.socket.shutdown(one, socket.SHUT_RDWR)


class Transport(httpx.BaseTransport):
    """Sends requests over a pool of kept connections; it follows nothing and retries nothing."""

    def __init__(
        self, network: Network, *, trust: ssl.SSLContext | None, connect_timeout_seconds: float
    ) -> None:
        self._timeout = {"timeout": {"connect": connect_timeout_seconds}}
        self._pool = httpcore.ConnectionPool(
            ssl_context=trust, max_connections=16, keepalive_expiry=15.0, network_backend=network
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*; its body is read later."""
        # A key in the query is added only here, so that no log of a request shows it.
        url = request.url.copy_merge_params(request.extensions.get("query_secrets", {}))
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=self._timeout,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
