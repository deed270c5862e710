"""What a run that finds nothing new does not import: that is most of what it takes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from dativo_command import Command, WorkFolder

from dativo_test_support.postgres import Address

_FOR_RECORDS = (
    "pyarrow.compute",
    "pyarrow.dataset",
    "dativo_writer_parquet._deletions",
    "dativo_writer_parquet._read",
    "dativo_writer_parquet._state",
)
"""What is imported for records, of which there are none."""
_NEVER = ("cattrs", "numpy", "polars", "pydantic", "rich", "sqlalchemy", "unittest")
_OTHER_COMMANDS = tuple(
    f"dativo.engine._{name}"
    for name in (
        *("cat", "change", "check", "compact", "discover", "forecast", "inspect", "preview"),
        *("reports", "state_reports", "views"),
    )
)

_PROGRAM = """
import atexit, sys
before = {*sys.modules}  # what measures coverage is there already
atexit.register(lambda: open("modules", "w").write(" ".join({*sys.modules} - before)))
from dativo.cli import main
main(["run"])
"""


def _job(address: Address, reader: str) -> dict[str, Any]:
    return {
        "name": "shop_to_lake",
        "source": {
            "connector": "postgres",
            "config": {
                "host": address.host,
                "port": address.port,
                "database": address.database,
                "user": address.user,
                "password": "${env:SHOP_PASSWORD}",
                "reader": reader,
            },
        },
        "streams": [{"name": "public.orders", "mode": "incremental", "cursor": "updated_at"}],
        "writer": {"connector": "parquet", "config": {"path": "./lake"}},
    }


@pytest.mark.parametrize("reader", ["auto", "adbc"])
def test_an_increment_that_finds_nothing_imports_nothing_for_records(
    work: WorkFolder, shop_database: Address, reader: str
) -> None:
    work.write_job(_job(shop_database, reader))
    command = Command(work.path, variables={"SHOP_PASSWORD": shop_database.password})
    assert command("run", "--json").stream("public.orders")["rows"] > 0

    subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=work.path,
        env=command.environment(),
        check=True,
        timeout=90,
    )

    found = set((work.path / "modules").read_text().split())
    top = {name.partition(".")[0] for name in found}
    assert {"psycopg", "dativo.engine", "dativo_writer_parquet._write"} <= found
    assert not found & {*_FOR_RECORDS, *_OTHER_COMMANDS}
    assert not top & {*_NEVER}
    assert reader == "adbc" or "dativo_pgcopy" not in top or "adbc_driver_manager" not in top
