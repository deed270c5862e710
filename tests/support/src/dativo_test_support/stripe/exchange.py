"""A request and its answer, between the socket and the API."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import NoReturn, Protocol

import attrs

from dativo_test_support.stripe.parameters import Given, parse

__all__ = ["Answer", "Line", "Request", "Seen"]


@attrs.frozen
class Request:
    """What a client asks.

    Attributes:
        method: The method.
        path: The path without its query.
        query: The query as it came.
        headers: By name in small letters.
        ordinal: Counts requests from 0, in the order in which they came.
        id: What the answer's `Request-Id` will be.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    ordinal: int = 0
    id: str = ""

    @property
    def params(self) -> dict[str, Given]:
        return parse(self.query)

    @property
    def takes_gzip(self) -> bool:
        return "gzip" in self.headers.get("accept-encoding", "")


class Line(Protocol):
    """What a delivery may do with the connection."""

    def send(self, data: bytes) -> None: ...
    def reset(self) -> NoReturn:
        """End it with an RST."""
        ...

    def end(self) -> NoReturn:
        """End it in order."""
        ...

    def wait(self, seconds: float) -> None:
        """Wait; shorter if the server ends."""
        ...

    def refuse(self, seconds: float) -> None:
        """Let nobody connect for a while."""
        ...


@attrs.define
class Answer:
    """What a client gets; `body` is plain, and packed when it is delivered.

    `deliver` sends it, in place of `send`, if something is to go wrong on the way.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    deliver: Callable[[Answer, Line], None] | None = None
    is_packed: bool = False

    def pack(self) -> None:
        """Compress the body, if it is to be and is not yet."""
        if self.headers.get("Content-Encoding") == "gzip" and not self.is_packed:
            packer = zlib.compressobj(1, wbits=31)
            self.body = packer.compress(self.body) + packer.flush()
            self.is_packed = True

    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    @property
    def retry_after_seconds(self) -> float | None:
        """How long it tells to wait, from its own `Date`; ``None`` if it does not."""
        value = self.headers.get("Retry-After")
        if value is None or value.replace(".", "", 1).isdigit():
            return None if value is None else float(value)
        until = parsedate_to_datetime(value)
        return (until - parsedate_to_datetime(self.headers["Date"])).total_seconds()

    def send(self, line: Line) -> None:
        """Send it as a whole."""
        self.pack()
        self.headers["Content-Length"] = str(len(self.body))
        line.send(self.head() + self.body)


@attrs.frozen
class Seen:
    """One request in the log.

    Attributes:
        request: What was asked.
        arrived: When it had come, on the monotonic clock.
        answered: When its answer was on its way.
        status: The status of the answer.
        retry_after_seconds: How long the answer told to wait; ``None`` if it did not.
    """

    request: Request
    arrived: float
    answered: float
    status: int
    retry_after_seconds: float | None = None

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def path(self) -> str:
        return self.request.path

    @property
    def headers(self) -> Mapping[str, str]:
        return self.request.headers

    @property
    def params(self) -> Mapping[str, str]:
        """The parameters as they came, brackets included; of equal names the last."""
        return {
            given.name + "".join(f"[{key}]" for key in keys): value
            for given in self.request.params.values()
            for keys, value in given.values
        }


_REASONS = {
    200: "OK",
    301: "Moved Permanently",
    302: "Found",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    409: "Conflict",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
