"""Where a database is, and how to talk to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import attrs
import psycopg

__all__ = ["Address"]


@attrs.frozen
class Address:
    """Where a database is, and how to log in."""

    host: str
    port: int
    user: str
    password: str = attrs.field(repr=False)
    database: str

    @property
    def dsn(self) -> str:
        """The address as a URL, password included."""
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        name = quote(self.database, safe="")
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{name}"

    def environment(self) -> dict[str, str]:
        """The address as the environment variables that PostgreSQL's own clients read."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.database,
        }

    def connect(self, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection that commits by itself unless told otherwise."""
        options.setdefault("autocommit", True)
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self.database,
            **options,
        )

    def execute(self, text: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run *text* in a connection of its own and return the rows of its last result.

        Several statements may be given at once if there are no parameters.
        """
        with self.connect() as connection:
            cursor = connection.execute(text.encode(), parameters)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []
