"""Move a Stripe account to Parquet with the `dativo` command, change it, and follow the changes.

It starts a fake of Stripe on this machine, which is gone at the end; the Parquet files stay in
`examples/stripe/lake`.  Run it with `uv run nox -s demo -- stripe`.
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

import dativo_writer_parquet
from dativo_test_support.stripe import FakeStripe

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
JOB = HERE / "job.yaml"
LAKE = HERE / "lake"
STREAMS = {
    "customers": "customer",
    "charges": "charge",
    "invoices": "invoice",
    "invoice_line_items": "line_item",
}
LONGEST_SECONDS = 120


def main() -> None:
    """Show the way from an empty folder to a lake that follows its account."""
    for leftover in (LAKE, HERE / ".dativo"):
        shutil.rmtree(leftover, ignore_errors=True)
    started = time.perf_counter()
    with FakeStripe() as account:
        fill(account)
        tell("A fake of Stripe, with an account of " + words(account), started)
        dativo(account, "check", "--config", job())
        run_once(account)
        check_arrival(account)
        change(account)
        tell("One customer has changed, one is deleted, three charges are new; the same job again")
        run_once(account)
        check_arrival(account)
    tell(f"The files are in {LAKE.relative_to(ROOT)}", started)


def fill(account: FakeStripe) -> None:
    """Make objects of the last half year."""
    since = account.clock.now - 180 * 86_400
    customers = account.add_many("customer", 400, start=since)
    account.add_many("charge", 2_000, start=since, links={"customer": customers})
    invoices = account.add_many("invoice", 300, start=since, links={"customer": customers})
    account.add_many("line_item", 900, start=since, links={"invoice": invoices})


def change(account: FakeStripe) -> None:
    """Let an hour pass in which something happens."""
    account.clock.advance(3_600)
    changed, deleted, *_ = account.ids("customer")
    account.update(changed, name="Ada Lovelace")
    account.delete(deleted)
    for amount in (1_000, 2_500, 4_999):
        account.add("charge", amount=amount, currency="eur")
    account.clock.advance(60)


def run_once(account: FakeStripe) -> None:
    """Run the job and say how fast it was, and how much it has asked."""
    started, before = time.perf_counter(), len(account.requests)
    dativo(account, "run", "--config", job())
    tell(f"That run, with {len(account.requests) - before} requests", started)


def dativo(account: FakeStripe, *arguments: str) -> None:
    """Run the `dativo` command as a person would; the key is in the environment only."""
    print(f"\n$ dativo {shlex.join(arguments)}", flush=True)
    program = Path(sys.executable).with_name("dativo")
    address = {"STRIPE_API_KEY": account.key, "STRIPE_API_BASE": account.url}
    done = subprocess.run(
        [program, *arguments],
        cwd=ROOT,
        env=os.environ | address,
        check=False,
        timeout=LONGEST_SECONDS,
    )
    if done.returncode != 0:
        sys.exit(f"dativo ended with exit code {done.returncode}")


def check_arrival(account: FakeStripe) -> None:
    """Read every stream back and compare it with what the account holds."""
    print("\n  stream                   rows")
    for stream, kind in STREAMS.items():
        arrived = rows_of(stream)
        print(f"  {stream:<20} {arrived.height:>8,}")
        if sorted(arrived["id"]) != sorted(account.ids(kind)):
            sys.exit(f"{stream} in the lake differ from those of the account")
    names = {one["id"]: one["name"] for one in map(account.read, account.ids("customer"))}
    if dict(rows_of("customers").select("id", "name").rows()) != names:
        sys.exit("the customers in the lake have other names than those of the account")
    expected = sum(account.read(name)["amount"] for name in account.ids("charge"))
    total = rows_of("charges")["amount"].sum()
    if total != expected:
        sys.exit(f"the charges in the lake add up to {total}, those of the account to {expected}")
    print(f"  All ids and names are the account's, and its charges add up to {total:,} cents.")


def rows_of(stream: str) -> pl.DataFrame:
    """The last version of each object of a stream."""
    return dativo_writer_parquet.scan(LAKE / stream).collect()


def words(account: FakeStripe) -> str:
    """What the account has, for people."""
    return ", ".join(f"{len(account.ids(kind)):,} {stream}" for stream, kind in STREAMS.items())


def job() -> str:
    """The job file as it is named from the root of the project."""
    return str(JOB.relative_to(ROOT))


def tell(text: str, started: float | None = None) -> None:
    """Print a line, and how long it took."""
    took = "" if started is None else f" ({time.perf_counter() - started:.1f} s)"
    print(f"\n{text}{took}", flush=True)


if __name__ == "__main__":
    main()
