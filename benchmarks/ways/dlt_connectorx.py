"""Copy a table to Parquet files with dlt and its connectorx backend, streaming: its best."""

# This runs in the environment of the peers, not in the project's own.
# pyright: reportMissingImports=false

from __future__ import annotations

import os
import sys

import dlt
from dlt.sources.sql_database import sql_table


def main() -> None:
    """Copy from the database in the environment; the arguments name a folder and the table."""
    folder, name = sys.argv[1:]
    address = "postgresql://{PGUSER}:{PGPASSWORD}@{PGHOST}:{PGPORT}/{PGDATABASE}".format_map(
        os.environ
    )
    table = sql_table(
        credentials=address.replace("postgresql:", "postgresql+psycopg2:"),
        table=name,
        backend="connectorx",
        backend_kwargs={"conn": address, "return_type": "arrow_stream"},
    )
    pipeline = dlt.pipeline(
        name,
        pipelines_dir=f"{folder}/state",
        destination=dlt.destinations.filesystem(f"file://{folder}/lake"),
        dataset_name="lake",
    )
    pipeline.run(table, loader_file_format="parquet", write_disposition="replace")


if __name__ == "__main__":
    main()
