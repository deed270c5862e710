"""A TCP proxy that breaks connections at a byte of choice: reset, stall, half-close and so on.

It listens on loopback, passes bytes on in both directions and counts them, so that a fault strikes
at the same byte whenever a test is repeated.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import attrs

from dativo_test_support._tcp_faults import CRAWL_BYTES_PER_SECOND, Direction, Fault, FaultKind
from dativo_test_support._tcp_link import Link, Side

__all__ = ["CRAWL_BYTES_PER_SECOND", "Direction", "Fault", "FaultKind", "TcpProxy"]

_CHUNK_BYTES = 1 << 16
_CRAWL_STEPS_PER_SECOND = 8
_PATIENCE_SECONDS = 10


@attrs.define
class _Armed:
    fault: Fault
    first_connection: int
    seen_bytes: int = 0


class TcpProxy:
    """Listens on a port of its own and passes connections on to *host* and *port*."""

    def __init__(self, host: str, port: int) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.struck: list[Fault] = []
        self.passed = dict.fromkeys(Direction, 0)
        self.connections = 0
        self._behind = (host, port)
        self._armed: list[_Armed] = []
        self._is_dark = False
        self._links: set[Link] = set()
        self._ready, self._has_struck = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        if not self._ready.wait(_PATIENCE_SECONDS):
            raise RuntimeError("the proxy does not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Drop all connections and stop to listen."""
        self._call(self._end.set)
        self._thread.join(_PATIENCE_SECONDS)

    def arm(self, *faults: Fault) -> None:
        """Let each of *faults* strike once; bytes count from now on."""
        self._has_struck.clear()
        self._call(lambda: self._arm(faults))

    def strike(self, kind: FaultKind, direction: Direction = Direction.TO_CLIENT) -> None:
        """Do it to every open connection now."""
        self._call(lambda: self._strike_all(kind, direction))

    def wait_until_struck(self, seconds: float = _PATIENCE_SECONDS) -> bool:
        """Wait until something has struck since the last `arm`; return whether it has."""
        return self._has_struck.wait(seconds)

    def refuse(self) -> None:
        """Refuse new connections until `heal`; the open ones go on."""
        self._call(self._stop_listening)

    def heal(self) -> None:
        """Go back to normal: what stalls or crawls goes on, and nothing is armed any more."""
        self._call(self._heal)

    @property
    def open_connections(self) -> int:
        """How many connections it passes on right now."""
        return len(self._links)

    def _call(self, act: Callable[[], object]) -> None:
        """Let the proxy's thread do something, and wait until it is done."""
        done = threading.Event()

        def do() -> None:
            act()
            done.set()

        self._loop.call_soon_threadsafe(do)
        if not done.wait(_PATIENCE_SECONDS):
            raise RuntimeError("the proxy does not answer")

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end, self._changed = asyncio.Event(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        # Only a port that was asked for by number is kept when the listening ends.
        self._listener = socket.create_server((self.host, _free_port()))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._is_listening = True
        self._loop.add_reader(self._listener, self._accept)
        self._ready.set()
        await self._end.wait()
        self._stop_listening()
        self._listener.close()
        for link in list(self._links):
            link.reset()
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self) -> None:
        with suppress(OSError):
            raw, _ = self._listener.accept()
            raw.setblocking(False)
            task = self._loop.create_task(self._serve(raw))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, raw: socket.socket) -> None:
        client = Side(*await asyncio.open_connection(sock=raw))
        try:
            server = Side(*await asyncio.open_connection(*self._behind))
        except OSError:
            client.reset()
            return
        link = Link(self.connections, client, server)
        self.connections += 1
        self._links.add(link)
        pumps = [self._loop.create_task(self._pump(link, way)) for way in Direction]
        try:
            await asyncio.wait(pumps)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._links.discard(link)
            for side in (client, server):
                side.writer.transport.abort()

    async def _pump(self, link: Link, way: Direction) -> None:
        """Pass on what comes in one direction, until it ends or a fault does."""
        origin, target = link.towards(way)
        with suppress(OSError, asyncio.IncompleteReadError):
            while data := await origin.reader.read(_CHUNK_BYTES):
                while data:
                    size = self._before_next_fault(link, way, len(data))
                    await self._send(link, way, data[:size])
                    data = data[size:]
                    self._count(link, way, size)
            target.writer.write_eof()
            return
        # One side is gone: an orderly end would hide it from the other.
        link.reset()

    async def _send(self, link: Link, way: Direction, data: bytes) -> None:
        target = link.towards(way)[1].writer
        while data:
            state = link.ways.get(way)
            if state is FaultKind.HALF_CLOSE:
                return  # swallowed: the receiver has seen the end
            if state is FaultKind.STALL or self._is_dark:
                await self._change()
                continue
            size = len(data)
            if state is FaultKind.CRAWL:
                size = CRAWL_BYTES_PER_SECOND // _CRAWL_STEPS_PER_SECOND
                with suppress(TimeoutError):  # which is the rule; a change is looked at first
                    await asyncio.wait_for(self._change(), 1 / _CRAWL_STEPS_PER_SECOND)
                    continue
            target.write(data[:size])
            await target.drain()
            self.passed[way] += len(data[:size])
            data = data[size:]

    async def _change(self) -> None:
        await self._changed.wait()

    def _before_next_fault(self, link: Link, way: Direction, size: int) -> int:
        """Return how many of *size* bytes are before the byte at which a fault strikes."""
        left = [one.fault.after_bytes - one.seen_bytes for one in self._counting(link, way)]
        return min([size, *(bytes_ for bytes_ in left if bytes_ > 0)])

    def _count(self, link: Link, way: Direction, size: int) -> None:
        for one in self._counting(link, way):
            one.seen_bytes += size
            if one.seen_bytes >= one.fault.after_bytes:
                self._armed.remove(one)
                self._strike(link, one.fault)

    def _counting(self, link: Link, way: Direction) -> list[_Armed]:
        return [
            one
            for one in self._armed
            if one.fault.direction is way
            and one.fault.connection in {None, link.number - one.first_connection}
        ]

    def _arm(self, faults: tuple[Fault, ...]) -> None:
        self._armed += [_Armed(fault, self.connections) for fault in faults]

    def _strike(self, link: Link, fault: Fault) -> None:
        self.struck.append(fault)
        if fault.kind in {FaultKind.DARKNESS, FaultKind.REFUSE}:
            self._strike_all(fault.kind, fault.direction)
        else:
            self._hit(link, fault.kind, fault.direction)
        if fault.seconds is not None:
            self._loop.call_later(fault.seconds, self._heal)
        self._has_struck.set()

    def _strike_all(self, kind: FaultKind, way: Direction) -> None:
        if kind is FaultKind.REFUSE:
            self._stop_listening()
        if kind is FaultKind.DARKNESS:
            self._is_dark = True
            return
        for link in list(self._links):
            self._hit(link, kind, way)

    def _hit(self, link: Link, kind: FaultKind, way: Direction) -> None:
        if kind in {FaultKind.RESET, FaultKind.REFUSE}:
            link.reset()
            return
        link.ways[way] = kind
        if kind is FaultKind.HALF_CLOSE:
            with suppress(OSError):
                link.towards(way)[1].writer.write_eof()

    def _heal(self) -> None:
        self._armed.clear()
        self._is_dark = False
        for link in self._links:
            # Who has seen the end of a stream cannot be told otherwise.
            link.ways = {
                way: kind for way, kind in link.ways.items() if kind is FaultKind.HALF_CLOSE
            }
        self._changed.set()
        self._changed = asyncio.Event()
        if not self._is_listening:
            self._listener.listen()
            self._loop.add_reader(self._listener, self._accept)
            self._is_listening = True

    def _stop_listening(self) -> None:
        if not self._is_listening:
            return
        self._is_listening = False
        self._loop.remove_reader(self._listener)
        with suppress(OSError):
            # On Linux this ends the listening and keeps the port, unlike a close.
            self._listener.shutdown(socket.SHUT_RDWR)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
