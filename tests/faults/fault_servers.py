"""PostgreSQL servers of the fault tests: lent to one case at a time, with two roles to read as."""

from __future__ import annotations

import atexit
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dativo_test_support.postgres import Address, EmbeddedPostgres

__all__ = ["PASSWORD", "READER", "WATCHER", "lent_database", "lent_server"]

READER, WATCHER = "reader", "watcher"
"""Two roles that may log in; the second may see what other sessions do."""
PASSWORD = "reader-of-the-faults"


@contextmanager
def lent_database(server: EmbeddedPostgres, setup: str) -> Iterator[Address]:
    """Make a database for the length of a block."""
    name = f"fault_{secrets.token_hex(6)}"
    database = server.create_database(name)
    database.execute(setup)
    yield database
    server.drop_database(name)


class _Servers:
    """Servers that are started when they are needed, lent to one case at a time, and kept."""

    def __init__(self) -> None:
        self._idle: list[EmbeddedPostgres] = []
        self._lock = threading.Lock()

    @contextmanager
    def lent(self) -> Iterator[EmbeddedPostgres]:
        """Lend a server that nobody else uses meanwhile, with both roles."""
        with self._lock:
            server = self._idle.pop() if self._idle else None
        if server is None:
            server = EmbeddedPostgres({"max_connections": "40"}).__enter__()
            atexit.register(server.__exit__, None, None, None)
            for role in (READER, WATCHER):
                server.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
            server.execute(f"GRANT pg_monitor TO {WATCHER}")
        # A case that fails may leave its server in any state, so only a good one comes back.
        yield server
        with self._lock:
            self._idle.append(server)


lent_server = _Servers().lent
