"""Move a whole shop from PostgreSQL to Parquet with the `dativo` command, and read it back.

It starts a PostgreSQL server of its own, which is gone at the end; the Parquet files stay in
`examples/quickstart/lake`.  Run it with `uv run nox -s demo`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import polars as pl

from dativo_test_support.postgres import Address, EmbeddedPostgres
from dativo_test_support.shop import TABLES, VIEWS, change_orders, count_rows, load_shop

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
JOB = HERE / "job.yaml"
LAKE = HERE / "lake"
CHANGED, ADDED = 1_000, 500


def main() -> None:
    """Show the way from an empty folder to a lake that follows its database."""
    for leftover in (LAKE, HERE / ".dativo"):
        shutil.rmtree(leftover, ignore_errors=True)
    started = time.perf_counter()
    with EmbeddedPostgres() as server:
        shop = server.create_database("shop")
        rows = load_shop(shop)
        size = sum(rows[name] for name in TABLES)
        tell(f"A PostgreSQL server of our own, with a shop of {size:,} rows in tables", started)
        dativo(shop, "plugins", "list")
        for command in ("check", "discover"):
            dativo(shop, command, "--config", job())
        run_once(shop)
        check_arrival(rows)
        check_prices(shop)
        change_orders(shop, changed=CHANGED, added=ADDED)
        tell(f"{CHANGED:,} orders have changed and {ADDED:,} are new; the same job again")
        run_once(shop)
        check_arrival(count_rows(shop) | {"orders": rows["orders"] + CHANGED + ADDED})
    tell(f"The files are in {LAKE.relative_to(ROOT)}", started)


def run_once(shop: Address) -> None:
    """Run the job and say how fast it was, the start of the program included."""
    started = time.perf_counter()
    dativo(shop, "run", "--config", job())
    tell("That run", started)


def dativo(shop: Address, *arguments: str) -> None:
    """Run the `dativo` command as a person would; the password is in the environment only."""
    print(f"\n$ dativo {shlex.join(arguments)}", flush=True)
    program = Path(sys.executable).with_name("dativo")
    environment = os.environ | shop.environment()
    done = subprocess.run([program, *arguments], cwd=ROOT, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"dativo ended with exit code {done.returncode}")


def check_arrival(expected: dict[str, int]) -> None:
    """Read every stream back with polars and compare it with what the database holds."""
    names = sorted((*TABLES, *VIEWS))
    files = {name: files_of(name) for name in names}
    frames = {name: pl.scan_parquet(paths) for name, paths in files.items() if paths}
    arrived = {name: frame.select(pl.len()).collect().item() for name, frame in frames.items()}
    print("\n  stream                     rows      bytes  columns")
    for name, frame in frames.items():
        size = sum(path.stat().st_size for path in files[name])
        columns = len(frame.collect_schema())
        print(f"  {'public.' + name:<20} {arrived[name]:>10,} {size:>10,} {columns:>8}")
    if arrived != expected:
        sys.exit(f"the lake differs from the database, which has {expected}")
    print("  Every row of the database has arrived, read with polars.")


def check_prices(shop: Address) -> None:
    """Compare the sum of all prices, exactly, with the one that the database computes."""
    ((expected,),) = shop.execute("SELECT sum(unit_price) FROM order_items")
    prices = pl.scan_parquet(files_of("order_items")).select(pl.col("unit_price").sum())
    arrived = prices.collect().item()
    if arrived != expected:
        sys.exit(f"the prices in the lake add up to {arrived}, those in the database to {expected}")
    print(f"  The prices of all items add up to {arrived:,}, as they do in the database.")


def files_of(name: str) -> list[Path]:
    """The Parquet files of a table or view."""
    return sorted((LAKE / f"public.{name}").rglob("*.parquet"))


def job() -> str:
    """The job file as it is named from the root of the project."""
    return str(JOB.relative_to(ROOT))


def tell(text: str, started: float | None = None) -> None:
    """Print a line, and how long it took."""
    took = "" if started is None else f" ({time.perf_counter() - started:.1f} s)"
    print(f"\n{text}{took}", flush=True)


if __name__ == "__main__":
    main()
