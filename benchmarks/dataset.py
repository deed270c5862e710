"""The table that everybody is measured on: TPC-H lineitem, generated on the spot and loaded."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import attrs

from dativo_test_support.postgres import Address, EmbeddedPostgres

__all__ = ["Dataset", "load", "server"]

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
_CHUNK_BYTES = 1024 * 1024


@attrs.frozen(kw_only=True)
class Dataset:
    """A loaded table, and what a copy of it must add up to."""

    scale: str
    address: Address
    rows: int
    total: Decimal
    """The sum of l_extendedprice."""


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
    address.execute("VACUUM (ANALYZE) lineitem")
    ((rows, total),) = address.execute("SELECT count(*), sum(l_extendedprice) FROM lineitem")
    return Dataset(scale=scale, address=address, rows=rows, total=total)
