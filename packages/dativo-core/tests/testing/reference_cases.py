"""The suite of the reference source; a mutant's suite is a subclass with another address."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import ClassVar

from installed import address_of
from reference_api import ALL, DOWN, EXPIRED, NO_CUSTOMERS, SLOW, THROTTLED, WORKSPACE, FakeApi
from reference_source import ReferenceSource

from dativo.testing import Denied, Inapplicable, SourceCases, SourceConformance, Waiting

__all__ = ["ReferenceSuite", "suite_of"]


class ReferenceSuite(SourceConformance):
    """All rules for the reference source, each against an API of its own.

    ``large_rows`` is how many records of 64 KiB the stream for the rule about memory has; without
    it there is none, which keeps the other rules short.
    """

    connector = address_of(ReferenceSource)
    large_rows: ClassVar[int] = 0

    @contextlib.contextmanager
    def cases(self) -> Iterator[SourceCases]:
        with FakeApi(large_rows=self.large_rows) as api, _closed_port() as port:
            good = {"port": api.port, "token": ALL, "workspace": WORKSPACE}
            yield SourceCases(
                good=good,
                bad_credentials={**good, "token": "tok-wrong-0d1e2f3a4b"},
                unreachable={**good, "port": port, "timeout_seconds": 0.5},
                missing_privilege=Denied(
                    config={**good, "token": NO_CUSTOMERS}, stream="customers"
                ),
                errors={
                    "TOKEN_EXPIRED": {**good, "token": EXPIRED},
                    "RATE_LIMIT": {**good, "token": THROTTLED},
                    "SERVICE_UNAVAILABLE": {**good, "token": DOWN},
                    "RESOURCE_NOT_FOUND": {**good, "workspace": "nowhere"},
                    "CONFIGURATION": Inapplicable("only a range can be wrong"),
                },
                streams=tuple(api.offers),
                change=api.change,
                large="archive" if self.large_rows else None,
                conditions={"orders": "paid=true"},
                empty="refunds",
                waiting=Waiting(config={**good, "token": SLOW}, stream="orders"),
            )


def suite_of(connector: type, *, large_rows: int = 0) -> ReferenceSuite:
    """Make the suite of a mutant."""
    about = {"connector": address_of(connector), "large_rows": large_rows}
    suite: ReferenceSuite = type(f"{connector.__name__}Suite", (ReferenceSuite,), about)()
    return suite


@contextlib.contextmanager
def _closed_port() -> Iterator[int]:
    """Keep a port to which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
