"""Copy a table to a Parquet file with DuckDB's postgres extension, from a wheel on this disk."""

# This runs in the environment of the peers, not in the project's own.
# pyright: reportMissingImports=false

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import duckdb_extension_postgres_scanner as wheel


def main() -> None:
    """Copy from the database in the environment; the arguments name a folder and the table."""
    folder, name = sys.argv[1:]
    (extension,) = Path(wheel.__path__[0]).rglob("*.duckdb_extension")
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(f"LOAD '{extension}'")
    connection.execute("ATTACH '' AS source (TYPE postgres, READ_ONLY)")
    connection.execute(
        f"COPY (FROM source.public.{name}) TO '{folder}/lake/{name}.parquet' "
        "(FORMAT parquet, COMPRESSION zstd)"
    )


if __name__ == "__main__":
    main()
