"""One connection through a proxy: its two sides, and what is wrong with either way."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

import attrs

from dativo_test_support._tcp_faults import Direction, FaultKind

__all__ = ["Link", "Side"]

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


@attrs.define(eq=False)
class Side:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def reset(self) -> None:
        """Close with an RST in place of an orderly end."""
        with suppress(OSError):
            raw: socket.socket = self.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        self.writer.transport.abort()


@attrs.define(eq=False)
class Link:
    """One connection through the proxy: what its two sides are, and how each way works."""

    number: int
    client: Side
    server: Side
    ways: dict[Direction, FaultKind] = attrs.field(factory=dict)

    def towards(self, direction: Direction) -> tuple[Side, Side]:
        sides = (self.server, self.client)
        return sides if direction is Direction.TO_CLIENT else (sides[1], sides[0])

    def reset(self) -> None:
        for side in (self.client, self.server):
            side.reset()
