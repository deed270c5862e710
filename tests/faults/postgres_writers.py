"""Rows: incremental runs while others insert, update, delete and commit late."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fault_frame import Row, Workspace, dice
from fault_process import Dativo
from fault_rows import compare, published
from fault_servers import PASSWORD, READER, WATCHER, lent_database, lent_server
from fault_writers import Play, writing

from dativo.contract import WriteMode
from dativo_test_support.postgres import Address

__all__ = ["ROWS"]

_STREAM = "public.events"

_SETUP = f"""
CREATE TABLE events (
  id bigserial PRIMARY KEY, at timestamptz NOT NULL, amount int NOT NULL, label text
);
CREATE INDEX ON events (at);
INSERT INTO events (at, amount)
  SELECT now() - interval '1 hour' + i / 3 * interval '1 s', i FROM generate_series(1, 300) i;
GRANT SELECT ON events TO {READER}, {WATCHER};
"""


_PLAYS = (
    Play(
        what="merge_lag",
        about="backdated rows within the lag, ties, updates and deletions arrive by merge",
        lag_seconds=6,
        deletes=True,
    ),
    Play(
        what="merge_clock",
        about="rows with the time of their transaction, however long it is, arrive by merge",
        deletes=True,
    ),
    Play(
        what="append_lag",
        about="backdated rows within the lag are appended once",
        mode=WriteMode.APPEND,
        lag_seconds=6,
    ),
    Play(
        what="append_serial",
        about="rows of a serial column that commit out of order are appended once",
        mode=WriteMode.APPEND,
        cursor="id",
    ),
)


def _case(play: Play) -> Callable[[int, Workspace], None]:
    name = f"writers.{play.what}"

    def case(number: int, workspace: Workspace) -> None:
        source = dice(name, number)
        with lent_server() as server, lent_database(server, _SETUP) as database:
            dativo = _job(workspace, database, play, role=source.choice((READER, WATCHER)))
            with writing(database, play, source):
                until = time.monotonic() + source.uniform(3, 5)
                while time.monotonic() < until:
                    begun = time.monotonic()
                    dativo("run", "--json", code=0)
                    time.sleep(max(0.0, begun + 0.5 - time.monotonic()))
            time.sleep(play.lag_seconds + 0.1 if play.lag_seconds else 0)
            ended = dativo("run", "--json", code=0)
            rows = database.execute("SELECT id, at, amount, label FROM events")
            found = published(dativo.folder / "lake", _STREAM, play.mode)
            compare(f"when all is quiet, {ended}", rows, found)

    return case


def _job(workspace: Workspace, database: Address, play: Play, *, role: str) -> Dativo:
    """Write the job and return what starts its commands."""
    stream: dict[str, Any] = {
        "name": _STREAM,
        "mode": "incremental",
        "cursor": play.cursor,
        "primary_key": ["id"],
        "write_mode": play.mode.value,
    }
    if play.lag_seconds:
        stream["options"] = {"lag": f"{play.lag_seconds}s"}
    if play.deletes:
        stream["deletes"] = "key_scan"
    config = {
        "host": database.host,
        "port": database.port,
        "database": database.database,
        "user": role,
        "password": PASSWORD,
    }
    job = {
        "name": "events_to_lake",
        "source": {"connector": "postgres", "config": config},
        "streams": [stream],
        "writer": {"connector": "parquet", "config": {"path": "./lake"}},
        "run": {"parallelism": 2, "retries": 2},
    }
    folder: Path = workspace.path / "work"
    folder.mkdir()
    (folder / "job.yaml").write_text(json.dumps(job, indent=1), encoding="utf-8")
    return Dativo(workspace, folder)


def _beyond(number: int, workspace: Workspace) -> None:
    """See that what the promise does not cover is said: late rows, held back rows, no cursor."""
    source = dice("writers.assumptions", number)
    play = Play(what="assumptions", about="", lag_seconds=source.randint(1, 600))
    setup = f"{_SETUP}; ALTER TABLE events ALTER at DROP NOT NULL"
    with lent_server() as server, lent_database(server, setup) as database:
        dativo = _job(workspace, database, play, role=source.choice((READER, WATCHER)))
        dativo("run", "--json", code=0)
        before = published(dativo.folder / "lake", _STREAM, play.mode)
        database.execute(
            "INSERT INTO events (at, amount) "
            f"VALUES (now() - interval '{3600 + source.randrange(9999)} s', 1), (NULL, 2)"
        )
        said = dativo("run", code=0).err
        assert "1 rows have no value in the cursor 'at'" in said, said
        after = published(dativo.folder / "lake", _STREAM, play.mode)
        compare("late rows are not looked for", before, after)
        _is_told(dativo, f"commits with at more than {play.lag_seconds}s before", "without a value")
    _held_back(source, workspace)


def _held_back(source: random.Random, workspace: Workspace) -> None:
    """See that a run says which rows wait for a transaction that is still open."""
    inner = Workspace(workspace.path / "held")
    inner.path.mkdir()
    play = Play(what="assumptions", about="")
    with lent_server() as server, lent_database(server, _SETUP) as database:
        dativo = _job(inner, database, play, role=source.choice((READER, WATCHER)))
        with database.connect(autocommit=False) as late:
            late.execute("INSERT INTO events (at, amount) VALUES (now(), 1)")
            database.execute(
                "INSERT INTO events (at, amount) SELECT clock_timestamp(), 2 "
                f"FROM generate_series(1, {source.randint(1, 9)})"
            )
            said = dativo("run", code=0).err
            assert "wait for the next run, because" in said, said
            found = published(dativo.folder / "lake", _STREAM, play.mode)
            # Who may not see when a transaction began has to hold back more.
            assert {row[0] for row in found} <= set(range(1, 301)), found[-3:]
            late.commit()
        dativo("run", code=0)
        rows = database.execute("SELECT id, at, amount, label FROM events")
        compare("once it has ended", rows, published(dativo.folder / "lake", _STREAM, play.mode))
        _is_told(dativo, "each change of a row of public.events raises its at")


def _is_told(dativo: Dativo, *assumptions: str) -> None:
    told = dativo("plan", "--json", code=0).out
    for text in assumptions:
        assert text in told, told


ROWS = (
    *(
        Row(
            name=f"writers.{play.what}",
            about=f"Concurrent writers: {play.about}",
            demanded=50,
            case=_case(play),
            sampled=6,
            quick=1 if play.what == "merge_clock" else 0,
        )
        for play in _PLAYS
    ),
    Row(
        name="writers.assumptions",
        about="Concurrent writers: late rows, held back rows and rows without a cursor are told",
        demanded=10,
        case=_beyond,
        sampled=2,
    ),
)
