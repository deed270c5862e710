"""In a child: what a connector logs, and which names lead to the addresses that it connects to.

Like what uses it, it imports neither pyarrow nor the rest of the kit.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import attrs

__all__ = ["Logs", "Names"]

_FIELDS = {*vars(logging.makeLogRecord({})), "message", "asctime"}


class Logs(logging.Handler):
    """Notes what is logged through the standard library, tracebacks included."""

    def __init__(self, texts: list[tuple[str, str]]) -> None:
        super().__init__(logging.DEBUG)
        self._texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        """Note *record* with the fields that it has beside its text."""
        more = {name: value for name, value in vars(record).items() if name not in _FIELDS}
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - the arguments may not fit; Python prints them then
            text = f"{record.msg} {record.args}"
        self._texts.append((f"a log record of {record.name!r}", f"{text} {more or ''}".strip()))

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Take all records, of every level."""
        root = logging.getLogger()
        level = root.level
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.setLevel(level)
            root.removeHandler(self)


@attrs.define
class Names:
    """Notes which names lead to an address, as sockets connect to addresses."""

    by_address: dict[str, set[str]] = attrs.field(factory=dict)

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Note what ``socket.getaddrinfo`` and its like answer."""
        originals = {name: getattr(socket, name) for name in ("getaddrinfo", "gethostbyname")}
        for name, original in originals.items():
            setattr(socket, name, self._noted(original))
        try:
            yield
        finally:
            for name, original in originals.items():
                setattr(socket, name, original)

    def _noted(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(host: Any, *arguments: Any, **named: Any) -> Any:
            answer = original(host, *arguments, **named)
            name = host.decode() if isinstance(host, bytes) else str(host)
            for one in [answer] if isinstance(answer, str) else [item[4][0] for item in answer]:
                self.by_address.setdefault(one, set()).add(name)
            return answer

        return call
