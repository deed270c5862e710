from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dativo.errors import (
    AuthenticationError,
    ConfigurationError,
    DativoError,
    NetworkError,
    RunInterruptedError,
)
from dativo_connector_stripe._client import Client
from dativo_test_support.context import FakeContext
from dativo_test_support.proxy import Fault, FaultKind, TcpProxy
from dativo_test_support.raw_http import Stub, answer
from dativo_test_support.tls import Certificate

ClientOf = Callable[..., Client]
Trust = Callable[..., Certificate]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "HTTP_PROXY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate.make(tmp_path)


@pytest.fixture
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trust:
    """Make a certificate that the environment says to trust."""

    def trust(**parts: Any) -> Certificate:
        certificate = Certificate.make(tmp_path, **parts)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
        return certificate

    return trust


@pytest.fixture
def trusted(trust: Trust) -> Certificate:
    return trust()


def failure(client: Client, context: FakeContext) -> DativoError:
    with pytest.raises(DativoError) as caught:
        client.get(context, "/v1/charges")
    return caught.value


def test_authority_of_the_environment_is_trusted(
    client_of: ClientOf, context: FakeContext, trusted: Certificate
) -> None:
    with Stub(answer(b"[]"), certificate=trusted) as stub:
        client = client_of(stub.url)
        for _ in range(3):
            assert client.get(context, "/v1/charges").body == b"[]"

    assert stub.connections == 1


def test_certificate_that_nobody_vouches_for(
    client_of: ClientOf, context: FakeContext, certificate: Certificate
) -> None:
    with Stub(answer(), certificate=certificate) as stub:
        error = failure(client_of(stub.url), context)

    assert isinstance(error, AuthenticationError)
    assert not error.retryable
    assert "self-signed certificate" in error.message
    assert "SSL_CERT_FILE" in error.fix
    assert stub.requests == []


@pytest.mark.parametrize(
    "case",
    [
        ({"days": -1}, "certificate has expired", "clock"),
        ({"addresses": ("127.0.0.2",)}, "IP address mismatch", "another server"),
    ],
)
def test_certificate_that_is_wrong(
    client_of: ClientOf, context: FakeContext, trust: Trust, case: tuple[dict[str, Any], str, str]
) -> None:
    parts, words, fix = case
    wrong = trust(**parts)
    with Stub(answer(), certificate=wrong) as stub:
        error = failure(client_of(stub.url), context)

    assert isinstance(error, AuthenticationError)
    assert not error.retryable
    assert words in error.message
    assert fix in error.fix
    assert stub.requests == []


def test_certificate_for_another_name(
    client_of: ClientOf, context: FakeContext, trust: Trust
) -> None:
    wrong = trust(names=("api.example.com",))
    with Stub(answer(), certificate=wrong) as stub:
        error = failure(client_of(f"https://localhost:{stub.port}"), context)

    assert isinstance(error, AuthenticationError)
    assert "Hostname mismatch" in error.message


def test_server_without_tls(client_of: ClientOf, context: FakeContext) -> None:
    def talk(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with _listening(talk) as port:
        error = failure(client_of(f"https://127.0.0.1:{port}"), context)

    assert isinstance(error, NetworkError)
    assert not error.retryable
    assert "no TLS with 127.0.0.1" in error.message


def test_handshake_that_breaks_off_is_tried_again(
    client_of: ClientOf, context: FakeContext
) -> None:
    with _listening(lambda _peer: None) as port:
        error = failure(client_of(f"https://127.0.0.1:{port}"), context)

    assert isinstance(error, NetworkError)
    assert error.retryable


def test_cancelling_ends_a_handshake(client_of: ClientOf, context: FakeContext) -> None:
    begun, end = threading.Event(), threading.Event()

    def mute(_peer: socket.socket) -> None:
        begun.set()
        end.wait(30)

    with _listening(mute) as port:
        client = client_of(f"https://127.0.0.1:{port}", connect_timeout_seconds=600)

        def cancel() -> None:
            begun.wait(10)
            context.cancel()

        threading.Thread(target=cancel, daemon=True).start()
        error = failure(client, context)
        end.set()

    assert isinstance(error, RunInterruptedError)


def test_reset_under_tls_is_tried_again(
    client_of: ClientOf, context: FakeContext, trusted: Certificate
) -> None:
    with (
        Stub(answer(b"7" * 500_000), certificate=trusted) as stub,
        TcpProxy("127.0.0.1", stub.port) as proxy,
    ):
        client = client_of(f"https://127.0.0.1:{proxy.port}", timeout_seconds=20)
        for kind in (FaultKind.RESET, FaultKind.HALF_CLOSE):
            proxy.arm(Fault(kind=kind, after_bytes=100_000))
            error = failure(client, context)
            proxy.heal()

            assert isinstance(error, NetworkError)
            assert error.retryable
        assert len(client.get(context, "/v1/charges").body) == 500_000


def test_proxy_of_the_environment_is_used_for_tls(
    client_of: ClientOf,
    context: FakeContext,
    trusted: Certificate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[bytes] = []
    with Stub(answer(b"[]"), certificate=trusted) as stub:

        def tunnel(peer: socket.socket) -> None:
            seen.append(peer.recv(65536))
            with socket.create_connection(("127.0.0.1", stub.port)) as behind:
                peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                threading.Thread(target=_pump, args=(peer, behind), daemon=True).start()
                _pump(behind, peer)

        with _listening(tunnel) as port:
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{port}")
            target = stub.port
            body = client_of(f"https://127.0.0.1:{target}").get(context, "/v1/charges").body
            context.close()

    assert body == b"[]"
    assert seen[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1" % target)
    assert b"Proxy-Authorization: Basic bWU6c2VjcmV0" in seen[0]
    assert b"sk_test" not in seen[0]


def test_proxy_that_refuses_is_said_without_its_password(
    client_of: ClientOf, context: FakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with _listening(refuse) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{port}")
        error = failure(client_of("https://127.0.0.1:1"), context)

    assert isinstance(error, NetworkError)
    assert "407" in error.message
    assert "secret" not in f"{error.to_dict()}"


def test_proxy_is_not_used_without_tls_or_where_the_environment_says_so(
    client_of: ClientOf, context: FakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "localhost")
    with Stub(answer(b"[]")) as stub:
        assert client_of(stub.url).get(context, "/v1/charges").body == b"[]"
        context.close()

    with _listening(lambda peer: peer.sendall(b"no TLS")) as port:
        error = failure(client_of(f"https://localhost:{port}"), context)
    assert "no TLS with localhost" in error.message


@pytest.mark.parametrize(
    "address",
    ["me:secret@nowhere", "socks5://me:secret@host:1", "https://me:secret@host:1", "http://host:x"],
)
def test_proxy_that_is_no_address(
    client_of: ClientOf, context: FakeContext, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)

    with pytest.raises(ConfigurationError, match="no http:// address") as caught:
        client_of("https://127.0.0.1:1").get(context, "/v1/charges")

    assert "secret" not in f"{caught.value.to_dict()}"


class _listening:  # noqa: N801 - reads like the context manager that it is
    """A listener on loopback that gives each connection to a function, in threads."""

    def __init__(self, talk: Callable[[socket.socket], None]) -> None:
        self._talk = talk
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        threading.Thread(target=self._listen, daemon=True).start()
        port: int = self._listener.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with suppress(OSError), peer:
            self._talk(peer)
            time.sleep(0.05)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
