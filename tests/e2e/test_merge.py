"""A table that is updated and deleted from arrives in the lake as it is, run by run."""

from __future__ import annotations

from typing import Any

import pytest
from dativo_command import Command, WorkFolder

import dativo_writer_parquet
from dativo_test_support.postgres import Address

ORDERS = "public.orders"

SETUP = """
CREATE TABLE orders (id int PRIMARY KEY, status text, updated_at timestamptz NOT NULL);
INSERT INTO orders
  SELECT i, 'new', timestamptz '2026-01-01 00:00Z' + i * interval '1 minute'
  FROM generate_series(1, 500) i;
"""

CHANGES = """
UPDATE orders SET status = 'paid', updated_at = timestamptz '2026-02-01 00:00Z' WHERE id % 7 = 0;
DELETE FROM orders WHERE id % 5 = 0;
INSERT INTO orders
  SELECT i, 'new', timestamptz '2026-02-02 00:00Z' FROM generate_series(501, 550) i;
"""

FORGOTTEN = "UPDATE orders SET status = 'mended' WHERE id BETWEEN 101 AND 110"
"""A change that leaves the cursor as it is, so that no increment sees it."""


def job_of(address: Address) -> dict[str, Any]:
    return {
        "name": "orders_to_lake",
        "require": "exactly_once",
        "source": {
            "connector": "postgres",
            "config": {
                "host": address.host,
                "port": address.port,
                "database": address.database,
                "user": address.user,
                "password": "${env:SHOP_PASSWORD}",
            },
        },
        "streams": [
            {
                "name": ORDERS,
                "mode": "incremental",
                "cursor": "updated_at",
                "primary_key": ["id"],
                "deletes": "key_scan",
            }
        ],
        "writer": {"connector": "parquet", "config": {"path": "./lake"}, "mode": "merge"},
        "run": {"parallelism": 2},
    }


@pytest.fixture
def dativo(work: WorkFolder, postgres_database: Address) -> Command:
    postgres_database.execute(SETUP)
    work.write_job(job_of(postgres_database))
    return Command(work.path, variables={"SHOP_PASSWORD": postgres_database.password})


def published(work: WorkFolder) -> list[tuple[Any, ...]]:
    frame = dativo_writer_parquet.scan(work.lake / ORDERS).select("id", "status").collect()
    return sorted(frame.rows())


def in_source(address: Address) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in address.execute("SELECT id, status FROM orders ORDER BY id")]


def test_target_is_the_source_after_each_run(
    work: WorkFolder, dativo: Command, postgres_database: Address
) -> None:
    dativo("run", code=0)
    assert published(work) == in_source(postgres_database)

    postgres_database.execute(CHANGES)
    answer = dativo("run", "--json", code=0)
    assert published(work) == in_source(postgres_database)
    assert answer.stream(ORDERS)["epochs"] == 1

    postgres_database.execute(FORGOTTEN)
    range_of_it = ("--from", "2026-01-01 01:00:00+00", "--to", "2026-01-01 02:00:00+00")
    backfill = dativo("run", *range_of_it, "--json", code=0)
    assert backfill.stream(ORDERS)["rows"] > 0
    assert published(work) == in_source(postgres_database)

    postgres_database.execute("DELETE FROM orders WHERE id < 50")
    dativo("run", "--full-refresh", code=0)
    assert published(work) == in_source(postgres_database)

    postgres_database.execute("DELETE FROM orders WHERE id > 540")
    dativo("run", code=0)
    dativo("compact", code=0)
    assert published(work) == in_source(postgres_database)
    assert work.staged() == []
    assert work.leftovers() == []


def test_append_that_became_a_merge_asks_for_a_refresh(
    work: WorkFolder, dativo: Command, postgres_database: Address
) -> None:
    job = job_of(postgres_database)
    append = {**job, "writer": {**job["writer"], "mode": "append"}}
    append["streams"] = [{**job["streams"][0], "deletes": "none"}]
    work.write_job(append)
    dativo("run", code=0)
    work.write_job(job)

    refused = dativo("run", "--json", code=10)
    dativo("run", "--full-refresh", code=0)
    dativo("run", code=0)

    assert "is appended, not merged" in refused.stream(ORDERS)["error"]["message"]
    assert published(work) == in_source(postgres_database)
