"""The tables that everybody is measured on, made on the spot.

They are lineitem of TPC-H, whose cost is its numbers, and a wide one of many types.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import attrs

from dativo_test_support.postgres import Address, EmbeddedPostgres

__all__ = ["Dataset", "load", "load_wide", "read_back", "server"]

_SETTINGS = {
    "autovacuum": "off",
    "shared_buffers": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
_TABLE = """
CREATE TABLE lineitem (
    l_orderkey bigint NOT NULL, l_partkey bigint NOT NULL, l_suppkey bigint NOT NULL,
    l_linenumber int NOT NULL,
    l_quantity numeric(15,2) NOT NULL, l_extendedprice numeric(15,2) NOT NULL,
    l_discount numeric(15,2) NOT NULL, l_tax numeric(15,2) NOT NULL,
    l_returnflag text NOT NULL, l_linestatus text NOT NULL,
    l_shipdate date NOT NULL, l_commitdate date NOT NULL, l_receiptdate date NOT NULL,
    l_shipinstruct text NOT NULL, l_shipmode text NOT NULL, l_comment text NOT NULL
)
"""
_WIDE = """
CREATE TABLE wide (
    id bigint PRIMARY KEY, public_id uuid NOT NULL, title text NOT NULL, body text,
    attributes jsonb NOT NULL, created_at timestamptz NOT NULL, local_time timestamp NOT NULL,
    due date, amount numeric(18,4) NOT NULL, rate double precision, quantity int, points bigint,
    is_active boolean, labels text[]
);
INSERT INTO wide
SELECT n, md5('id' || n)::uuid, 'order ' || n, nullif(repeat(md5(n::text), (n % 6)::int), ''),
    jsonb_build_object('number', n, 'kind', 'k' || n % 4, 'sizes', jsonb_build_array(n % 9, n),
        'place', jsonb_build_object('row', n % 200, 'shelf', 's' || n % 30)),
    timestamptz '2019-05-01' + n * interval '47.000321 seconds',
    timestamp '2019-05-01' + n * interval '11 seconds',
    CASE WHEN n % 9 > 0 THEN date '2019-05-01' + (n % 2000)::int END,
    n * 0.7391, CASE WHEN n % 10 > 0 THEN n / 3.0::float8 END,
    CASE WHEN n % 4 > 0 THEN n % 700 END, CASE WHEN n % 6 > 0 THEN n * 31 END,
    CASE WHEN n % 8 > 0 THEN n % 2 = 1 END,
    CASE WHEN n % 12 > 0 THEN ARRAY['a' || n % 15, 'b' || n % 50, NULL] END
FROM generate_series(1, {rows}::bigint) AS n
"""
_CHUNK_BYTES = 1024 * 1024


@attrs.frozen(kw_only=True)
class Dataset:
    """A loaded table, and what a copy of it must add up to."""

    table: str
    address: Address
    rows: int
    summed: str
    """A column with decimals."""
    total: Decimal
    """Its sum."""


@contextmanager
def server() -> Iterator[EmbeddedPostgres]:
    """Run a server that keeps the table in memory and does not wait for the disk."""
    with EmbeddedPostgres(_SETTINGS) as running:
        yield running


def load(running: EmbeddedPostgres, generator: Path, scale: str) -> Dataset:
    """Make a database that holds lineitem at *scale*; *generator* is the tpchgen-cli program."""
    address = running.create_database(f"scale_{scale.replace('.', '_')}")
    command: list[str | Path] = [generator, "csv", "-s", scale, "-T", "lineitem"]
    command += ["--stdout", "--quiet"]
    copy = "COPY lineitem FROM STDIN (FORMAT csv, HEADER true, FREEZE true)"
    with (
        address.connect(autocommit=False) as connection,
        subprocess.Popen(command, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        connection.execute(_TABLE)
        with connection.cursor().copy(copy) as target:
            while chunk := process.stdout.read(_CHUNK_BYTES):
                target.write(chunk)
        if process.wait() != 0:
            raise RuntimeError(f"{generator.name} failed")
    return _dataset(address, "lineitem", "l_extendedprice")


def load_wide(running: EmbeddedPostgres, rows: int) -> Dataset:
    """Make a database that holds a table of *rows* rows with the types that most tables have."""
    address = running.create_database("wide")
    address.execute(_WIDE.format(rows=rows))
    return _dataset(address, "wide", "amount")


def _dataset(address: Address, table: str, summed: str) -> Dataset:
    address.execute(f"VACUUM (ANALYZE) {table}")
    ((rows, total),) = address.execute(f"SELECT count(*), sum({summed}) FROM {table}")
    return Dataset(table=table, address=address, rows=rows, summed=summed, total=total)


def read_back(name: str, folder: Path, dataset: Dataset) -> int:
    """Compare the copy with the table and return its size.

    Raises:
        RuntimeError: It is not the same.
    """
    import polars as pl  # noqa: PLC0415 - the process that measures others starts small

    files = [path for path in (folder / "lake").rglob("*.parquet") if path.is_file()]
    decimals = pl.col(dataset.summed)
    copy = pl.scan_parquet(files).select(pl.len(), decimals.sum().alias("total"))
    rows, total = copy.collect().row(0)
    if (rows, total) != (dataset.rows, dataset.total):
        raise RuntimeError(
            f"{name} wrote {rows} rows that add up to {total}; "
            f"the table has {dataset.rows} that add up to {dataset.total}"
        )
    return sum(path.stat().st_size for path in files)
