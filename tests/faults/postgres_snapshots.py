"""Row: the sum of all accounts is the same in every full snapshot, whatever is transferred."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fault_frame import Damage, Row, Workspace, dice
from fault_process import Dativo
from fault_rows import published
from fault_servers import PASSWORD, READER, lent_database, lent_server

from dativo_test_support.postgres import Address

__all__ = ["ROWS"]

_NAME = "snapshots.transfers"
_TABLES = ("accounts", "savings")
_ACCOUNTS, _START = 2_000, 1_000
_WRITERS, _RUNS = 3, 2
_SUM = len(_TABLES) * _ACCOUNTS * _START

_SETUP = "".join(
    f"""
    CREATE TABLE {table} (id int PRIMARY KEY, amount int NOT NULL, label text NOT NULL);
    INSERT INTO {table}
      SELECT i, {_START}, repeat('x', 60 + i % 90) FROM generate_series(1, {_ACCOUNTS}) i;
    GRANT SELECT ON {table} TO {READER};
    """
    for table in _TABLES
)


def _case(number: int, workspace: Workspace) -> None:
    source = dice(_NAME, number)
    with lent_server() as server, lent_database(server, _SETUP) as database:
        dativo = _job(workspace, database, partitions=source.randint(1, 5))
        with _transferring(database, source) as transfers:
            for _ in range(_RUNS):
                ended = dativo("run", "--json", code=0)
                assert ended.document["snapshots"] == 1, str(ended)
                _is_balanced(dativo, f"after {ended}")
        assert sum(transfers) > 0, "nothing was transferred meanwhile"


def _is_balanced(dativo: Dativo, what: str) -> None:
    rows = [
        row for table in _TABLES for row in published(dativo.folder / "lake", f"public.{table}")
    ]
    amount = sum(int(row[1]) for row in rows)
    if len(rows) != len(_TABLES) * _ACCOUNTS or amount != _SUM:
        lost = len(_TABLES) * _ACCOUNTS - len(rows)
        text = f"{amount} in {len(rows)} accounts in place of {_SUM} {what}"
        raise Damage(text, lost=max(0, lost), doubled=max(0, -lost), partial=1)


def _job(workspace: Workspace, database: Address, *, partitions: int) -> Dativo:
    config = {
        "host": database.host,
        "port": database.port,
        "database": database.database,
        "user": READER,
        "password": PASSWORD,
    }
    streams = [
        {"name": f"public.{table}", "mode": "full", "options": {"partitions": partitions}}
        for table in _TABLES
    ]
    job = {
        "name": "accounts_to_lake",
        "source": {"connector": "postgres", "config": config},
        "streams": streams,
        "writer": {"connector": "parquet", "config": {"path": "./lake"}, "mode": "replace"},
        "run": {"parallelism": 3, "require_one_snapshot": True},
    }
    folder = workspace.path / "work"
    folder.mkdir()
    (folder / "job.yaml").write_text(json.dumps(job, indent=1), encoding="utf-8")
    return Dativo(workspace, folder)


@contextmanager
def _transferring(database: Address, source: random.Random) -> Iterator[list[int]]:
    """Move amounts between random accounts of both tables for the length of a block."""
    end = threading.Event()
    transfers = [0] * _WRITERS

    def transfer(number: int, chance: random.Random) -> None:
        with database.connect(autocommit=False) as connection:
            while not end.is_set():
                amount = chance.randint(1, 100)
                # In one order, so that two writers never wait for each other.
                places = sorted(
                    (chance.choice(_TABLES), chance.randint(1, _ACCOUNTS)) for _ in range(2)
                )
                for (table, place), sign in zip(places, (-1, 1), strict=True):
                    connection.execute(
                        f"UPDATE {table} SET amount = amount + %s, label = repeat('x', %s) "
                        "WHERE id = %s".encode(),
                        [sign * amount, chance.randint(1, 150), place],
                    )
                    end.wait(chance.choice((0, 0, 0.01)))
                connection.commit()
                transfers[number] += 1

    threads = [
        threading.Thread(target=transfer, args=(number, random.Random(source.getrandbits(32))))
        for number in range(_WRITERS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield transfers
    finally:
        end.set()
        for thread in threads:
            thread.join()


ROWS = (
    Row(
        name=_NAME,
        about="Full snapshots: the sum of two tables is constant while others transfer",
        demanded=50,
        case=_case,
        sampled=6,
        quick=1,
    ),
)
