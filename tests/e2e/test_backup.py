"""A target that was restored from an older backup gets back what it lost, in every write mode."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
from dativo_command import Command, WorkFolder

import dativo_writer_parquet
from dativo_test_support.postgres import Address

APPENDED, MERGED, REPLACED = "public.events", "public.orders", "public.stock"

SETUP = """
CREATE TABLE events (id int PRIMARY KEY, at timestamptz NOT NULL);
CREATE TABLE orders (id int PRIMARY KEY, status text, at timestamptz NOT NULL);
CREATE TABLE stock (id int PRIMARY KEY, status text);
INSERT INTO events SELECT i, timestamptz '2026-01-01Z' + i * interval '1 s'
  FROM generate_series(1, 300) i;
INSERT INTO orders SELECT id, 'new', at FROM events;
INSERT INTO stock SELECT id, 'full' FROM events;
"""

CHANGES = """
INSERT INTO events SELECT i, timestamptz '2026-01-02Z' + i * interval '1 s'
  FROM generate_series(301, 400) i;
INSERT INTO orders SELECT id, 'new', at FROM events WHERE id > 300;
UPDATE orders SET status = 'paid', at = timestamptz '2026-01-03Z' WHERE id % 7 = 0;
DELETE FROM orders WHERE id % 5 = 0;
UPDATE stock SET status = 'empty' WHERE id % 3 = 0;
"""


def job_of(address: Address) -> dict[str, Any]:
    incremental = {"mode": "incremental", "cursor": "at", "primary_key": ["id"]}
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
            },
        },
        "streams": [
            {"name": APPENDED, **incremental, "write_mode": "append"},
            {"name": MERGED, **incremental, "write_mode": "merge", "deletes": "key_scan"},
            {"name": REPLACED, "mode": "full", "write_mode": "replace"},
        ],
        "writer": {"connector": "parquet", "config": {"path": "./lake"}},
        "run": {"parallelism": 2},
    }


def published(work: WorkFolder) -> dict[str, list[tuple[Any, ...]]]:
    merged = dativo_writer_parquet.scan(work.lake / MERGED).select("id", "status").collect()
    plain = {name: pl.read_parquet(work.glob(name)) for name in (APPENDED, REPLACED)}
    return {
        APPENDED: sorted(plain[APPENDED].select("id").rows()),
        MERGED: sorted(merged.rows()),
        REPLACED: sorted(plain[REPLACED].select("id", "status").rows()),
    }


def in_source(address: Address) -> dict[str, list[tuple[Any, ...]]]:
    wanted = {APPENDED: "id", MERGED: "id, status", REPLACED: "id, status"}
    return {
        name: [tuple(row) for row in address.execute(f"SELECT {columns} FROM {name} ORDER BY id")]
        for name, columns in wanted.items()
    }


def test_a_target_from_a_backup_is_refused_set_back_and_complete_again(
    work: WorkFolder, postgres_database: Address, tmp_path: Path
) -> None:
    postgres_database.execute(SETUP)
    work.write_job(job_of(postgres_database))
    dativo = Command(work.path, variables={"SHOP_PASSWORD": postgres_database.password})
    dativo("run", code=0)
    backup = published(work)
    shutil.copytree(work.lake, tmp_path / "backup")
    postgres_database.execute(CHANGES)
    dativo("run", code=0)
    shutil.rmtree(work.lake)
    (tmp_path / "backup").rename(work.lake)

    both = ("-s", APPENDED, "-s", MERGED, "--json")
    refused = dativo("run", *both, code=60)
    shown = dativo("state", "show", "--published", *both, code=60)
    rebuilt = dativo("state", "rebuild", "--json", code=0)

    assert published(work) == backup
    for name in (APPENDED, MERGED):
        error = refused.stream(name)["error"]
        assert error["message"] == shown.stream(name)["error"]["message"]
        assert (error["code"], error["stream"]) == ("STATE", name)
        assert "dativo state rebuild --config" in error["fix"]
        assert (error["details"]["stored_epoch"], error["details"]["published_epoch"]) == (2, 1)
    for stream in rebuilt.document["streams"]:
        assert (stream["before"]["epoch"], stream["published"]["epoch"]) == (2, 1), str(rebuilt)
        assert stream["went_back"], str(rebuilt)
    again = dativo("run", "--json", code=0)
    assert published(work) == in_source(postgres_database)
    assert again.stream(APPENDED)["rows"] == 100
    assert work.staged() == []
    after = dativo("state", "show", "--published", "--json", code=0)
    fences = [stream["stored"]["fence"] for stream in after.document["streams"]]
    assert min(fences) > max(stream["before"]["fence"] for stream in rebuilt.document["streams"])
