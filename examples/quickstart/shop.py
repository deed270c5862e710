"""Open a shell with a shop database of its own; the server is gone when the shell is left.

Run it with `uv run python examples/quickstart/shop.py`, or with a command to run in place of a
shell.  `--orders N` makes the shop smaller or larger.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from dativo_test_support.postgres import Address, EmbeddedPostgres
from dativo_test_support.shop import load_shop


def main() -> int:
    """Start the server, load the shop, and run the shell or the command."""
    arguments = parse_arguments()
    with EmbeddedPostgres() as server:
        shop = server.create_database("shop")
        rows = sum(load_shop(shop, orders=arguments.orders).values())
        tell(f"A shop of {rows:,} rows at {shop.host}:{shop.port}, as PG* in the environment.")
        if not arguments.command:
            tell("Leave with `exit`; the server and its data are gone then.")
        command = arguments.command or [os.environ.get("SHELL", "/bin/sh")]
        return subprocess.run(command, env=environment(shop), check=False).returncode


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--orders", type=int, default=60_000, help="how many orders there are")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="run this in place of a shell")
    return parser.parse_args()


def environment(shop: Address) -> dict[str, str]:
    """The environment of the shell: the address of the shop, and `dativo` on the path."""
    programs = str(Path(sys.executable).parent)
    path = os.pathsep.join((programs, os.environ.get("PATH", os.defpath)))
    return os.environ | shop.environment() | {"PATH": path}


def tell(text: str) -> None:
    """Print a line on standard error, so that a command's output stays its own."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
