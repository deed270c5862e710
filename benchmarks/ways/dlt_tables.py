"""Copy as many tables as the argument says to Parquet files with dlt and pyarrow."""

# This runs in the environment of the peers, not in the project's own.
# pyright: reportMissingImports=false

from __future__ import annotations

import os
import sys

import dlt
from dlt.sources.sql_database import sql_database


def main() -> None:
    """Copy from the database in the environment into this folder."""
    address = "postgresql+psycopg2://{PGUSER}:{PGPASSWORD}@{PGHOST}:{PGPORT}/{PGDATABASE}"
    names = [f"t{number:05d}" for number in range(int(sys.argv[1]))]
    tables = sql_database(
        credentials=address.format_map(os.environ), table_names=names, backend="pyarrow"
    )
    folder = os.getcwd()  # noqa: PTH109 - a text is wanted
    pipeline = dlt.pipeline(
        "tables",
        pipelines_dir=f"{folder}/state",
        destination=dlt.destinations.filesystem(f"file://{folder}/lake"),
        dataset_name="lake",
    )
    pipeline.run(tables, loader_file_format="parquet", write_disposition="replace")


if __name__ == "__main__":
    main()
