"""Query each table of the database in the environment, one after the other, over one connection."""

from __future__ import annotations

import psycopg


def main() -> None:
    """Read and throw away."""
    with psycopg.connect() as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (name,) in names.fetchall():
            connection.execute(f"SELECT * FROM {name}".encode()).fetchall()


if __name__ == "__main__":
    main()
