"""A small shop and the job that publishes it: what tests break in one place and mend again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from typing import Any

import attrs
import polars as pl
from dativo_command import Answer, Command, WorkFolder

from dativo_test_support.postgres import Address

__all__ = ["BOTH", "CUSTOMERS", "ORDERS", "PASSWORD", "SETUP", "Scene", "job_of"]

ORDERS, CUSTOMERS = "public.orders", "public.customers"
BOTH = (ORDERS, CUSTOMERS)
PASSWORD = "reader-of-the-shop"

SETUP = f"""
CREATE TABLE orders (id int PRIMARY KEY, total numeric(12, 2), updated_at timestamptz NOT NULL);
CREATE TABLE customers (id int PRIMARY KEY, name text);
INSERT INTO orders
  SELECT i, i * 1.5, timestamptz '2026-01-01 00:00Z' + i * interval '1 s'
  FROM generate_series(1, 3000) i;
INSERT INTO customers SELECT i, repeat(md5(i::text), 8) FROM generate_series(1, 2000) i;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'reader') THEN
    CREATE ROLE reader LOGIN;
  END IF;
END $$;
ALTER ROLE reader PASSWORD '{PASSWORD}';
GRANT USAGE ON SCHEMA public TO reader;
GRANT SELECT ON orders, customers TO reader;
"""


def job_of(address: Address, **settings: Any) -> dict[str, Any]:
    """Describe a job that appends new orders and replaces the customers."""
    config = {
        "host": address.host,
        "port": address.port,
        "database": address.database,
        "user": "reader",
        "password": "${env:SHOP_PASSWORD}",
    }
    return {
        "name": "shop_to_lake",
        "source": {"connector": "postgres", "config": {**config, **settings}},
        "streams": [
            {
                "name": ORDERS,
                "mode": "incremental",
                "cursor": "updated_at",
                "primary_key": ["id"],
                "write_mode": "append",
            },
            {"name": CUSTOMERS, "mode": "full"},
        ],
        "writer": {"connector": "parquet", "config": {"path": "./lake"}, "mode": "replace"},
        "run": {"parallelism": 2, "retries": 0},
    }


@attrs.define
class Scene:
    """A job whose data was published once, before something broke."""

    work: WorkFolder
    dativo: Command
    shop: Address

    def configure(self, **settings: Any) -> None:
        """Write the job with other settings of the source."""
        self.work.write_job(job_of(self.shop, **settings))

    def sessions(self) -> int:
        """How many of our sessions the server has, five seconds at most after the last command."""
        sql = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name = 'dativo' AND datname = %s"
        )
        deadline = time.monotonic() + 5
        while (found := int(self.shop.execute(sql, [self.shop.database])[0][0])) > 0:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        return found

    def published(self, stream: str) -> Mapping[str, bytes]:
        """The visible files of one stream."""
        return {name: data for name, data in self.work.visible().items() if name.startswith(stream)}

    def all_is_published(self) -> None:
        """Compare the lake with the source, and see that no run has left anything."""
        for stream in BOTH:
            ids = pl.read_parquet(self.work.glob(stream))["id"].to_list()
            assert sorted(ids) == [
                row[0] for row in self.shop.execute(f"SELECT id FROM {stream} ORDER BY id")
            ]
        assert self.work.staged() == []
        assert self.work.leftovers() == []

    def forget(self) -> None:
        """Begin anew: a checkpoint holds for one host and one database only."""
        for folder in (self.work.lake, self.work.path / ".dativo"):
            shutil.rmtree(folder)

    def recovers(self, *, rows: int = 1) -> None:
        """Run the mended job: everything arrives once, and nothing is left behind."""
        self.configure()
        self.shop.execute(
            "INSERT INTO orders SELECT max(id) + 1, 1, max(updated_at) + interval '1 s' FROM orders"
        )
        answer = self.dativo("run", "--json", code=0)
        assert answer.stream(ORDERS)["rows"] == rows, str(answer)
        self.all_is_published()

    def fails(
        self,
        code: str,
        exit_code: int,
        *,
        says: str,
        fix: str,
        streams: tuple[str, ...] = BOTH,
        connector: str = "postgres",
        checks: bool = True,
        plain: bool = False,
    ) -> tuple[Answer, Answer]:
        """Prove that `check` and `run` fail as they should for *streams* and change nothing.

        Without *checks* the failure cannot show before data flows, so that `check` passes. With
        *plain* the run is done once more, as a person sees it.
        """
        before = {stream: self.published(stream) for stream in streams}
        check, run = self.dativo.all(["check", "--json"], ["run", "--json"])
        if checks:
            told = _failed_items(check, code, connector)
            assert (check.code, says in told, fix in told) == (exit_code, True, True), str(check)
        else:
            assert check.code == 0, str(check)
        assert run.code == (exit_code if streams == BOTH else 31), str(run)
        for stream in streams:
            error = run.stream(stream)["error"]
            assert (error["code"], error["exit_code"]) == (code, exit_code), str(run)
            assert (error["connector"], error["stream"]) == (connector, stream), str(run)
            assert error["phase"] in {"extract", "write", "commit"}, str(run)
            assert says in error["message"], str(run)
            assert fix in error["fix"], str(run)
        assert run.error["code"] == (code if streams == BOTH else "PARTIAL_FAILURE")
        if plain:
            text = self.dativo("run", *(word for stream in streams for word in ("-s", stream)))
            shown = text.out + text.err
            assert text.code == exit_code, str(text)
            assert all(part in shown for part in (f"[{code}]", says, fix)), str(text)
        assert {stream: self.published(stream) for stream in streams} == before
        assert self.work.leftovers() == []
        assert self.sessions() == 0
        return check, run


def _failed_items(check: Answer, code: str, connector: str) -> str:
    """Return what the failed items of a check say, each of which must be located."""
    assert check.error["code"] == code, str(check)
    failed = check.failed_items()
    assert failed, str(check)
    for item in failed:
        assert item["error"]["connector"] == connector, str(check)
        assert item["error"]["phase"] == "check", str(check)
        assert item["fix"], str(check)
    return " ".join(item["message"] + item["fix"] for item in failed)
