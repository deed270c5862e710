"""What can go wrong with a TCP connection, and after which byte."""

from __future__ import annotations

from enum import StrEnum

import attrs

__all__ = ["CRAWL_BYTES_PER_SECOND", "Direction", "Fault", "FaultKind"]

CRAWL_BYTES_PER_SECOND = 1024


class FaultKind(StrEnum):
    """What happens to a connection."""

    RESET = "reset"
    """Both sides get an RST, as from a firewall that forgot the connection."""
    STALL = "stall"
    """It stays open, and nothing is passed on in the fault's direction."""
    HALF_CLOSE = "half_close"
    """The receiver in the fault's direction sees the end of the stream; the other way goes on."""
    CRAWL = "crawl"
    """About 1 KB per second goes on in the fault's direction."""
    DARKNESS = "darkness"
    """All connections stay open, also new ones, and nothing is passed on in any direction."""
    REFUSE = "refuse"
    """As a reset of all connections, and new ones are refused."""


class Direction(StrEnum):
    """Where bytes go."""

    TO_CLIENT = "to_client"
    TO_SERVER = "to_server"


@attrs.frozen(kw_only=True)
class Fault:
    """What is to happen, and after which byte.

    Attributes:
        kind: What happens.
        after_bytes: It strikes the connection whose bytes go beyond this number.
        direction: Which bytes count, and which way a stall, a half-close or a crawl works.
        connection: Count only in the connection of this number, from 0 in the order in which they
            were opened since the fault was armed; ``None`` counts the bytes of all together.
        seconds: After so long the proxy is back to normal by itself; ``None`` waits for `heal`.
    """

    kind: FaultKind
    after_bytes: int = 0
    direction: Direction = Direction.TO_CLIENT
    connection: int | None = None
    seconds: float | None = None
