from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from dativo_test_support.proxy import Direction, Fault, FaultKind, TcpProxy

REPLY = bytes(range(256)) * 4096  # 1 MiB


class Server:
    """Answers each line with `REPLY`, and keeps what it was sent."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard = b""
        self.ends: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def wait_for_end(self) -> str:
        deadline = time.monotonic() + 5
        while not self.ends and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.ends[0]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                while line := client.recv(4096):
                    self.heard += line
                    client.sendall(REPLY * line.count(b"\n"))
            except OSError:
                self.ends.append("reset")
            else:
                self.ends.append("end")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def proxy(server: Server) -> Iterator[TcpProxy]:
    with TcpProxy("127.0.0.1", server.port) as proxy:
        yield proxy


def connect(proxy: TcpProxy, *, ask: bool = True) -> socket.socket:
    client = socket.create_connection((proxy.host, proxy.port), timeout=5)
    if ask:
        client.sendall(b"?\n")
    return client


def receive(client: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (data := client.recv(size - len(found))):
        found += data
    return found


def test_everything_goes_through_and_is_counted(proxy: TcpProxy) -> None:
    with connect(proxy) as one, connect(proxy) as other:
        assert receive(one, len(REPLY)) == REPLY
        assert receive(other, len(REPLY)) == REPLY

        assert proxy.connections == proxy.open_connections == 2
    assert proxy.passed == {Direction.TO_CLIENT: 2 * len(REPLY), Direction.TO_SERVER: 4}


def test_the_end_of_one_side_reaches_the_other(proxy: TcpProxy, server: Server) -> None:
    with connect(proxy) as client:
        client.shutdown(socket.SHUT_WR)

        assert receive(client, len(REPLY) + 1) == REPLY
    assert server.wait_for_end() == "end"


@pytest.mark.parametrize("after", [1, 70_000, len(REPLY) - 1])
def test_a_reset_strikes_after_exactly_so_many_bytes(
    proxy: TcpProxy, server: Server, after: int
) -> None:
    fault = Fault(kind=FaultKind.RESET, after_bytes=after)
    proxy.arm(fault)

    with connect(proxy) as client, pytest.raises(ConnectionResetError):
        receive(client, len(REPLY) + 1)

    assert proxy.struck == [fault]
    assert proxy.passed[Direction.TO_CLIENT] == after
    assert server.wait_for_end() == "reset"
    with connect(proxy) as client:
        assert receive(client, len(REPLY)) == REPLY


def test_a_fault_may_wait_for_one_connection_and_one_direction(
    proxy: TcpProxy, server: Server
) -> None:
    with connect(proxy) as before:
        receive(before, len(REPLY))
        proxy.arm(
            Fault(kind=FaultKind.RESET, after_bytes=4, direction=Direction.TO_SERVER, connection=1)
        )
        with connect(proxy) as first, connect(proxy) as second:
            for client in (before, first, second):
                client.sendall(b"?\n")
            assert receive(before, len(REPLY)) == receive(first, 2 * len(REPLY))[: len(REPLY)]
            with pytest.raises(ConnectionResetError):
                receive(second, 2 * len(REPLY) + 1)


def test_a_stall_keeps_the_connection_and_loses_nothing(proxy: TcpProxy) -> None:
    proxy.arm(Fault(kind=FaultKind.STALL, after_bytes=1000))
    with connect(proxy) as client:
        assert receive(client, 1000) == REPLY[:1000]
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(5)
        proxy.heal()

        assert receive(client, len(REPLY) - 1000) == REPLY[1000:]


def test_a_fault_may_end_by_itself(proxy: TcpProxy) -> None:
    proxy.arm(Fault(kind=FaultKind.STALL, after_bytes=1000, seconds=0.1))
    with connect(proxy) as client:
        assert receive(client, len(REPLY)) == REPLY


def test_a_half_close_ends_one_direction_only(proxy: TcpProxy, server: Server) -> None:
    proxy.arm(Fault(kind=FaultKind.HALF_CLOSE, after_bytes=1000))
    with connect(proxy) as client:
        assert receive(client, len(REPLY)) == REPLY[:1000]
        client.sendall(b"still here")
        deadline = time.monotonic() + 5
        while b"still here" not in server.heard and time.monotonic() < deadline:
            time.sleep(0.005)

        assert server.heard == b"?\nstill here"
        assert server.ends == []


def test_a_crawl_goes_on_slowly_until_it_is_healed(proxy: TcpProxy) -> None:
    proxy.arm(Fault(kind=FaultKind.CRAWL, after_bytes=1000))
    with connect(proxy) as client:
        assert receive(client, 1200) == REPLY[:1200]
        assert proxy.passed[Direction.TO_CLIENT] < 50_000
        proxy.heal()

        assert receive(client, len(REPLY) - 1200) == REPLY[1200:]


def test_in_darkness_everything_waits_also_what_is_new(proxy: TcpProxy, server: Server) -> None:
    with connect(proxy) as before:
        receive(before, len(REPLY))
        proxy.arm(Fault(kind=FaultKind.DARKNESS, after_bytes=5))
        assert not proxy.wait_until_struck(0)
        before.sendall(b"?\n")
        assert proxy.wait_until_struck()
        with connect(proxy) as new:
            for client, there in ((before, 5), (new, 0)):
                assert receive(client, there) == REPLY[:there]
                client.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    client.recv(1)
                client.settimeout(5)
            assert server.heard == b"?\n?\n"
            proxy.heal()

            assert receive(before, len(REPLY) - 5) == REPLY[5:]
            assert receive(new, len(REPLY)) == REPLY


def test_refused_connections_are_accepted_again_at_the_same_port(proxy: TcpProxy) -> None:
    port = proxy.port
    with connect(proxy) as client:
        receive(client, len(REPLY))
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
        client.sendall(b"?\n")
        assert receive(client, len(REPLY)) == REPLY

        proxy.arm(Fault(kind=FaultKind.REFUSE, after_bytes=1))
        client.sendall(b"?\n")
        with pytest.raises(ConnectionResetError):
            receive(client, len(REPLY) + 1)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)

    proxy.heal()
    assert proxy.port == port
    with connect(proxy) as client:
        assert receive(client, len(REPLY)) == REPLY


def test_all_open_connections_can_be_struck_at_once(proxy: TcpProxy) -> None:
    with connect(proxy) as one, connect(proxy) as other:
        for client in (one, other):
            receive(client, len(REPLY))

        proxy.strike(FaultKind.RESET)

        for client in (one, other):
            with pytest.raises(ConnectionResetError):
                client.recv(1)


def test_a_server_that_is_away_resets_the_client(server: Server) -> None:
    server.close()
    # The reset may come in the middle of the connect or after it.
    with TcpProxy("127.0.0.1", server.port) as proxy, pytest.raises(ConnectionResetError):
        _ask_in_vain(proxy)


def _ask_in_vain(proxy: TcpProxy) -> None:
    with connect(proxy, ask=False) as client:
        client.recv(1)
