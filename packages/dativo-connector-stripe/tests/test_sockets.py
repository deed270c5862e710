from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import httpcore
import pytest

from dativo.errors import ConnectTimeoutError, NetworkError, RunInterruptedError
from dativo_connector_stripe._sockets import Sockets


def nothing() -> None: ...


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def sockets() -> Sockets:
    return Sockets(gate=nothing)


def connect(sockets: Sockets, listener: socket.socket) -> httpcore.NetworkStream:
    host, port = listener.getsockname()
    return sockets.connect_tcp(host, port, timeout=5)


def test_peer_that_takes_nothing_ends_a_write_in_time(
    sockets: Sockets, listener: socket.socket
) -> None:
    with sockets.within(0.3):
        stream = connect(sockets, listener)
        with pytest.raises(ConnectTimeoutError, match=r"within 0\.3 s"):
            stream.write(bytes(50_000_000))
    stream.close()


def test_peer_that_is_gone_may_have_answered_before(
    sockets: Sockets, listener: socket.socket
) -> None:
    with sockets.within(5):
        stream = connect(sockets, listener)
        listener.accept()[0].close()
        with pytest.raises(httpcore.WriteError):
            stream.write(bytes(50_000_000))
    stream.close()


def test_outside_of_a_request_there_is_no_time(sockets: Sockets, listener: socket.socket) -> None:
    with sockets.within(5):
        stream = connect(sockets, listener)

    with pytest.raises(ConnectTimeoutError):
        stream.read(1)
    stream.close()


def test_time_does_not_run_at_the_gate(listener: socket.socket) -> None:
    sockets = Sockets(gate=lambda: time.sleep(0.5))
    with sockets.within(0.3):
        stream = connect(sockets, listener)
        stream.write(b"x")
    stream.close()


def test_closed_connection_is_not_offered_again(sockets: Sockets, listener: socket.socket) -> None:
    with sockets.within(5):
        stream = connect(sockets, listener)
    assert not stream.get_extra_info("is_readable")

    peer, _ = listener.accept()
    peer.sendall(b"x")
    peer.close()
    assert stream.get_extra_info("is_readable")
    stream.close()
    assert stream.get_extra_info("is_readable")


def test_nothing_is_opened_once_all_are_cut(sockets: Sockets, listener: socket.socket) -> None:
    with sockets.within(5):
        stream = connect(sockets, listener)
        sockets.cut()

        assert stream.read(1) == b""
        with pytest.raises(RunInterruptedError):
            connect(sockets, listener)
    stream.close()


def test_host_without_an_address(sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: [])

    with sockets.within(5), pytest.raises(NetworkError, match="has no address"):
        sockets.connect_tcp("host", 443, timeout=1)
