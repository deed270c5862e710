"""Sockets whose every wait ends with the deadline of the request, or when all of them are cut.

A timeout of each single read, which is what HTTP libraries have, lets a server that sends one byte
a second go on for ever; and closing a client from another thread ends no wait of its sockets.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpcore

from dativo.errors import ConnectTimeoutError, DativoError, NetworkError, RunInterruptedError
from dativo_connector_stripe._errors import from_connect, from_tls

__all__ = ["Sockets"]


class _Request(threading.local):
    """The time that the request of each thread has; none outside of a request."""

    seconds = 0.0
    ends_at = 0.0


class Sockets(httpcore.NetworkBackend):
    """Opens connections for any thread and knows all that are open.

    The failures are errors of the catalogue where they arise, as httpcore drops their causes.
    """

    def __init__(self, *, gate: Callable[[], None]) -> None:
        """Call *gate* each time before something is sent; it may wait, or raise."""
        self._gate = gate
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._is_cut = False
        self._request = _Request()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Give what this thread does on its sockets *seconds* as a whole."""
        self._request.seconds = seconds
        self._request.ends_at = time.monotonic() + seconds
        try:
            yield
        finally:
            self._request.ends_at = 0.0

    def cut(self) -> None:
        """End every wait on a socket now, and open no other; any thread may call it."""
        with self._lock:
            self._is_cut = True
            still_open = list(self._open)
        for one in still_open:
            with suppress(OSError):
                # A socket under TLS would first forget its session, which another thread uses.
                socket.socket.shutdown(one, socket.SHUT_RDWR)

    def connect_tcp(  # noqa: PLR0917 - httpcore's signature
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - never given
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - never given
    ) -> httpcore.NetworkStream:
        """Connect to the first address of *host* that answers, each within *timeout* seconds."""
        place = f"{host}:{port}"
        problem: OSError | UnicodeError = OSError("it has no address")
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise from_connect(error, place, 0.0) from error
        for family, kind, protocol, _, address in found:
            allowed = self.seconds_left(place, timeout)
            one = self.keep(socket.socket(family, kind, protocol))
            try:
                one.settimeout(allowed)
                one.connect(address)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                self.drop(one)
                problem = error
            else:
                return _Stream(one, place, self)
        raise from_connect(problem, place, timeout or 0.0) from problem

    def pass_gate(self) -> None:
        """Wait until this thread may send; its time does not run meanwhile."""
        began = time.monotonic()
        self._gate()
        self._request.ends_at += time.monotonic() - began

    def seconds_left(self, place: str, timeout: float | None) -> float:
        """Return how long this thread may wait now, at most *timeout* seconds.

        Raises:
            ConnectTimeoutError: Its time is over.
        """
        left = self._request.ends_at - time.monotonic()
        if left <= 0:
            raise self.late(place)
        return left if timeout is None else min(left, timeout)

    def late(self, place: str) -> ConnectTimeoutError:
        """Return the error of a request that did not end in its time."""
        return ConnectTimeoutError(
            f"{place} did not answer in full within {self._request.seconds:g} s",
            fix="Check the network, or raise `timeout_seconds`.",
        )

    def keep(self, one: socket.socket) -> socket.socket:
        """Remember an open socket; once all are cut, close it and raise."""
        with self._lock:
            if not self._is_cut:
                self._open.add(one)
                return one
        one.close()
        raise RunInterruptedError("the run was stopped")

    def drop(self, one: socket.socket) -> None:
        """Close a socket and forget it."""
        with self._lock:
            self._open.discard(one)
        one.close()


class _Stream(httpcore.NetworkStream):
    """One connection, in clear text or under TLS; one thread at a time uses it."""

    def __init__(self, one: socket.socket, place: str, sockets: Sockets) -> None:
        self._socket = one
        self._place = place
        self._sockets = sockets

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            self._socket.settimeout(self._sockets.seconds_left(self._place, timeout))
            return self._socket.recv(max_bytes)
        except OSError as error:
            raise self._broken(error) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return  # httpcore ends a request without a body by two of these
        # Not before, as it may take a while to connect.
        self._sockets.pass_gate()
        try:
            self._socket.settimeout(self._sockets.seconds_left(self._place, timeout))
            self._socket.sendall(buffer)
        except TimeoutError as error:
            raise self._broken(error) from error
        except OSError as error:
            # The server may have answered before it closed; httpcore looks for that.
            raise httpcore.WriteError(f"{error}") from error

    def close(self) -> None:
        self._sockets.drop(self._socket)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        plain, place = self._socket, self._place
        allowed = self._sockets.seconds_left(place, timeout)
        # In two steps, so that the socket which waits for the handshake can be cut.
        secure = ssl_context.wrap_socket(
            plain, server_hostname=server_hostname, do_handshake_on_connect=False
        )
        self._sockets.drop(plain)
        self._socket = self._sockets.keep(secure)
        try:
            secure.settimeout(allowed)
            secure.do_handshake()
        except OSError as error:
            self._sockets.drop(secure)
            raise from_tls(error, f"{server_hostname}", allowed) from error
        return _Stream(secure, place, self._sockets)

    def get_extra_info(self, info: str) -> Any:
        """Say whether an idle connection was closed by the server, for httpcore; nothing else."""
        return _is_readable(self._socket) if info == "is_readable" else None

    def _broken(self, error: OSError) -> DativoError:
        if isinstance(error, TimeoutError):
            return self._sockets.late(self._place)
        return NetworkError(f"the connection to {self._place} broke: {error.strerror or error}")


def _is_readable(one: socket.socket) -> bool:
    """Say whether something came that nobody asked for; mostly it is the end of the connection."""
    if one.fileno() < 0:
        return True
    poller = select.poll()
    poller.register(one, select.POLLIN)
    return bool(poller.poll(0))
