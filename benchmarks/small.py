"""Many small tables, increments that find nothing, and catalogs of many tables."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import attrs
from process import Command, Cost, interleaved, measure
from report import Goal, Table, mebibytes, milliseconds, ratio, seconds

from dativo_test_support.postgres import Address, EmbeddedPostgres

__all__ = ["measure_discovery", "measure_empty", "measure_tables"]

_WAYS = Path(__file__).with_name("ways")
_LOOP = "each table queried, by psycopg"
_SCRIPT = "typer, psycopg and one query"
_ONE = "dativo run, one table"
_PEER_TABLES = 50  # dlt keeps a connection for each, and a server has a hundred

_JOB = """\
name: small
source:
  connector: postgres
  config:
    host: ${{env:PGHOST}}
    port: ${{env:PGPORT}}
    database: ${{env:PGDATABASE}}
    user: ${{env:PGUSER}}
    password: ${{env:PGPASSWORD}}
streams:
  - name: {streams}
    {mode}
writer:
  connector: parquet
  config: {{path: ./lake}}
run: {{parallelism: 2, memory: 256MB}}
"""
_INCREMENTAL = "mode: incremental\n    cursor: updated_at"
_TABLE = "(id bigint PRIMARY KEY, name text NOT NULL, amount numeric(12,2), updated_at timestamptz)"
_WIDE = (
    "(id bigint PRIMARY KEY, a text, b int, c numeric(10,2), d timestamptz, e jsonb, f uuid, "
    "g bool, h date, i text)"
)
_FILL = (
    "INSERT INTO {} SELECT n, 'name ' || n, n * 1.25, timestamptz '2024-01-01' + n * interval '1h' "
    "FROM generate_series(1, 10) AS n"
)
_PER_TRANSACTION = 500


def measure_tables(
    count: int, *, ours: Path, peers: Path, workspace: Path, runs: int
) -> list[Table]:
    """Measure the copying of *count* tables of 10 rows, each time into an empty folder."""
    with _database(count, _TABLE, _FILL) as address:
        environment = address.environment()

        def run(*words: str | Path) -> Cost:
            folder = _fresh(workspace / "tables", "t*", "mode: full")
            return measure(Command(words=words, environment=environment, folder=folder))

        ways = {
            _LOOP: partial(run, ours / "python", _WAYS / "psycopg_tables.py"),
            "dativo": partial(run, ours / "dativo", "run"),
        }
        costs = interleaved(ways, runs)
        tables = dict.fromkeys(costs, count)
        if (peers / "dlt").exists():
            name, few = "dlt, pyarrow", min(count, _PEER_TABLES)
            costs[name] = run(peers / "python", _WAYS / "dlt_tables.py", str(few))
            tables[name] = few
    loop = costs[_LOOP]
    rows = [
        (
            name,
            tables[name],
            seconds(cost.seconds),
            f"{_beyond(cost.seconds, tables[name], loop.seconds / count):.1f} ms",
            f"{_beyond(cost.cpu_seconds, tables[name], loop.cpu_seconds / count):.1f} ms",
            mebibytes(cost.peak_bytes),
        )
        for name, cost in costs.items()
    ]
    heads = ("way", "tables", "wall", "a table beyond its query", "CPU of that", "peak")
    title = f"{count:,} tables of 10 rows, medians of {runs}"
    beyond = _beyond(costs["dativo"].seconds, count, loop.seconds / count)
    goal = Goal(what="a small table beyond its query", figure=beyond, limit=5, unit="ms")
    return [Table(title=title, heads=heads, rows=rows, goals=[goal])]


def _beyond(taken: float, count: int, query: float) -> float:
    return (taken / count - query) * 1000


def measure_empty(count: int, *, ours: Path, workspace: Path, runs: int) -> list[Table]:
    """Measure runs that find nothing new: of one table, and of *count*."""
    with _database(count, _TABLE, _FILL) as address:
        environment = address.environment()

        def command(words: Sequence[str | Path], folder: Path) -> Callable[[], Cost]:
            made = Command(words=words, environment=environment, folder=folder)
            return partial(measure, made)

        one = _fresh(workspace / "one", "t00000", _INCREMENTAL)
        many = _fresh(workspace / "many", "t*", _INCREMENTAL)
        for folder in (one, many):
            command([ours / "dativo", "run"], folder)()
        counted = [ours / "python", _WAYS / "counted_run.py"]
        name = f"dativo run, {count:,} tables"
        ways = {
            _SCRIPT: command([ours / "python", _WAYS / "one_query.py"], one),
            _ONE: command([ours / "dativo", "run"], one),
            name: command(counted, many),
        }
        costs = interleaved(ways, runs)
        transactions = (many / "transactions").read_text()
    unit = costs[_SCRIPT]
    rows = [
        (
            way,
            milliseconds(cost.seconds),
            ratio(cost.seconds, unit.seconds),
            milliseconds(cost.cpu_seconds),
            ratio(cost.cpu_seconds, unit.cpu_seconds),
            f"{cost.seconds / count * 1000:.2f} ms" if way == name else "",
            transactions if way == name else "",
        )
        for way, cost in costs.items()
    ]
    heads = ("way", "wall", "x script", "CPU", "x script", "wall a table", "state transactions")
    empty = costs[_ONE].seconds / unit.seconds
    goals = [
        Goal(what="a run that finds nothing, x script", figure=empty, limit=1.5),
        Goal(
            what=f"the state's transactions for {count:,} of them",
            figure=float(transactions),
            limit=1,
            unit="",
        ),
    ]
    return [Table(title=f"Nothing new, medians of {runs}", heads=heads, rows=rows, goals=goals)]


def measure_discovery(count: int, *, ours: Path, runs: int) -> list[Table]:
    """Measure `dativo discover` of *count* tables, and of a tenth."""
    rows, peaks = [], []
    for number in (max(1, count // 10), count):
        with _database(number, _WIDE) as address:
            found = [_discover(ours, address) for _ in range(runs)]
        first, last, cpu, peak = (
            statistics.median(values) for values in zip(*map(attrs.astuple, found), strict=True)
        )
        peaks.append(peak)
        row = (f"{number:,}", seconds(first), seconds(last), seconds(cpu), mebibytes(peak))
        rows.append(row)
    heads = ("tables", "first", "all", "CPU", "peak")
    goals = [
        Goal(what=f"discovery of {count:,} tables, first", figure=first, limit=2, unit="s"),
        Goal(what=f"discovery of {count:,} tables, all", figure=last, limit=15, unit="s"),
        Goal(what="its peak, x that of a tenth", figure=peaks[-1] / peaks[0], limit=1.15),
    ]
    return [Table(title=f"dativo discover, medians of {runs}", heads=heads, rows=rows, goals=goals)]


@attrs.frozen
class _Discovery:
    first: float
    last: float
    cpu_seconds: float
    peak_bytes: int


def _discover(ours: Path, address: Address) -> _Discovery:
    settings = {
        "host": address.host,
        "port": address.port,
        "database": address.database,
        "user": address.user,
        "password": "${env:PGPASSWORD}",
    }
    words = [str(ours / "dativo"), "discover", "--connector", "postgres"]
    words += [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    environment = os.environ | address.environment()
    started = time.perf_counter()
    first = 0.0
    with subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        for _ in process.stdout:
            first = first or time.perf_counter() - started
        _, status, usage = os.wait4(process.pid, 0)
        last = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"dativo discover ended with {process.returncode}")
    return _Discovery(first, last, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


@contextmanager
def _database(count: int, columns: str, fill: str = "") -> Iterator[Address]:
    """Run a server with *count* tables."""
    print(f"making {count:,} tables", flush=True)
    with EmbeddedPostgres({"autovacuum": "off"}) as running:
        address = running.create_database("small")
        with address.connect(autocommit=False) as connection:
            for number in range(count):
                name = f"t{number:05d}"
                connection.execute(f"CREATE TABLE {name} {columns}".encode())
                if fill:
                    connection.execute(fill.format(name).encode())
                if number % _PER_TRANSACTION == 0:
                    connection.commit()
        address.execute("VACUUM (ANALYZE)")
        yield address


def _fresh(folder: Path, streams: str, mode: str) -> Path:
    """Return a new folder beside *folder* that holds the job.

    The last one stays until all is measured: a file system may take its time to make files just
    after as many were removed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    (folder / "job.yaml").write_text(_JOB.format(streams=f"public.{streams}", mode=mode))
    return folder
