"""Read a JSON API with a connector of third parties, into JSON Lines and into Parquet.

It starts a fake API on this machine, which is gone at the end; the files stay in
`examples/restjson/lake`.  Run it with `uv run nox -s demo -- restjson`.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow.dataset as ds

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LAKE = HERE / "lake"
JOBS = ("to_jsonl", "to_parquet")
LONGEST_SECONDS = 120

sys.path.insert(0, str(ROOT / "examples/dativo-connector-restjson/tests"))

from fake_api import TOKEN, FakeApi  # noqa: E402 - the fake of the connector's own tests


def main() -> None:
    """Show the way from an API to two lakes that follow it."""
    for leftover in (LAKE, HERE / ".dativo"):
        shutil.rmtree(leftover, ignore_errors=True)
    with FakeApi() as api:
        api.size = 200
        add_orders(api, 2_000)
        for job in JOBS:
            dativo(api, "check", job)
            dativo(api, "run", job)
        compare(2_000)
        add_orders(api, 3)
        print("\nThree orders are new; the same jobs again")
        for job in JOBS:
            dativo(api, "run", job)
        compare(2_003)
    print(f"\nThe files are in {LAKE.relative_to(ROOT)}")


def add_orders(api: FakeApi, count: int) -> None:
    """Add orders, of which many have the same time, and totals that no float holds."""
    first = len(api.records.get("orders", ()))
    for number in range(first, first + count):
        minute = f"{number // 3600:02}:{number // 60 % 60:02}"
        order = {"id": number, "updated_at": f"2026-01-01T{minute}:00Z", "customer": {"n": number}}
        api.add("orders", f'{json.dumps(order)[:-1]}, "total": {number + 1}00000000000.10}}')


def dativo(api: FakeApi, command: str, job: str) -> None:
    """Run the `dativo` command as a person would; the token is in the environment only."""
    arguments = [command, "--config", str((HERE / f"{job}.yaml").relative_to(ROOT))]
    print(f"\n$ dativo {shlex.join(arguments)}", flush=True)
    done = subprocess.run(
        [Path(sys.executable).with_name("dativo"), *arguments],
        cwd=ROOT,
        env=os.environ | {"SHOP_API": api.url, "SHOP_TOKEN": TOKEN},
        check=False,
        timeout=LONGEST_SECONDS,
    )
    if done.returncode != 0:
        sys.exit(f"dativo ended with exit code {done.returncode}")


def compare(count: int) -> None:
    """Compare both lakes with what the API has: each order once, each total to the cent."""
    expected = {number: Decimal(f"{number + 1}00000000000.10") for number in range(count)}
    table = ds.dataset(LAKE / "parquet" / "orders").to_table(columns=["id", "total"])
    files = (LAKE / "jsonl").glob("orders/*/*.jsonl")
    records = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    lakes = {
        "parquet": list(zip(table["id"].to_pylist(), table["total"].to_pylist(), strict=True)),
        "jsonl": [(one["id"], Decimal(one["total"])) for one in records],
    }
    for name, found in lakes.items():
        if sorted(found) != sorted(expected.items()):
            sys.exit(f"the orders in {name} differ from those of the API")
        print(f"  {name:<8} {len(found):>6,} orders, each once and to the cent")


if __name__ == "__main__":
    main()
