"""A TLS front for a PostgreSQL server: the wheel's binaries are built without TLS.

It speaks the start of the PostgreSQL protocol, takes TLS off and passes the rest on, so that a
client sees a server that offers, refuses or demands TLS.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
import struct
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dativo_test_support.postgres import Address

__all__ = ["Certificate", "TlsFront"]

_SSL_REQUEST = struct.pack("!II", 8, 80877103)
_GSS_REQUEST = struct.pack("!II", 8, 80877104)
_CHUNK_BYTES = 1 << 16


@attrs.frozen
class Certificate:
    """A self-signed certificate and its key as files; a client may trust `certificate`."""

    certificate: Path
    key: Path

    @classmethod
    def make(
        cls,
        folder: Path,
        *,
        names: tuple[str, ...] = ("localhost",),
        addresses: tuple[str, ...] = ("127.0.0.1",),
        days: int = 30,
    ) -> Certificate:
        """Write a new certificate for *names* and *addresses*; fewer than 0 days is expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dativo test")])
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(text)) for text in addresses]
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=60))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        files = cls(folder / "server.crt", folder / "server.key")
        files.key.touch(mode=0o600)
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        files.certificate.touch(mode=0o600)
        files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return files


class TlsFront:
    """Listens on a port of its own and passes connections on to *server*, TLS taken off.

    Without a certificate it refuses TLS.  With `demand` it drops who does not ask for TLS.
    """

    def __init__(
        self, server: Address, certificate: Certificate | None, *, demand: bool = False
    ) -> None:
        self._server = server
        self._demand = demand
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate.certificate, certificate.key)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self.encrypted_connections = 0

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the TLS front does not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drop all connections."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    @property
    def address(self) -> Address:
        """The server's address by way of this front."""
        return attrs.evolve(self._server, port=self._port)

    async def _main(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = int(listener.sockets[0].getsockname()[1])
        self._ready.set()
        await self._end.wait()
        listener.close()
        # A connection that has just been accepted has its task only after a turn of the loop.
        await asyncio.sleep(0)
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._serve(reader, writer)
        await _close(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        start = await reader.readexactly(8)
        while start in {_SSL_REQUEST, _GSS_REQUEST}:
            if start == _SSL_REQUEST and self._tls is not None:
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(self._tls)
                self.encrypted_connections += 1
            else:
                writer.write(b"N")
                await writer.drain()
            start = await reader.readexactly(8)
        if self._demand and writer.get_extra_info("ssl_object") is None:
            return
        back_reader, back_writer = await asyncio.open_connection(
            self._server.host, self._server.port
        )
        back_writer.write(start)
        there = asyncio.create_task(_pump(reader, back_writer))
        back = asyncio.create_task(_pump(back_reader, writer))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            await _close(back_writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close; do not wait for a peer that never answers the end of TLS."""
    writer.close()
    with suppress(OSError, TimeoutError, asyncio.CancelledError):
        await asyncio.wait_for(writer.wait_closed(), 1)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
