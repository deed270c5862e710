"""Stripe to Parquet from a fake on this machine: how near to its limits it is read, and how fast.

What arrives is counted and its amounts are added up: a copy that is not exact fails the benchmark.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import attrs
from process import Command, Cost, interleaved, measure
from report import Goal, Table, mebibytes, ratio, seconds

__all__ = ["measure_charges"]

_FOLDER = Path(__file__).parent
_LATENCY_SECONDS = 0.1
_PAGE_SIZE = 100
_UNIT = "one page after the other, thrown away"
_OURS = "dativo"
_PEER = "dlt, REST API source"
_DEFAULT_PART = 0.4
_DEFAULT_RATE = 20.0
"""What a live key may ask of one endpoint, unless the job says otherwise."""
_RAISED_RATE = 100.0
_RAISED = f"""\
requests_per_second: {_RAISED_RATE:g}
    endpoint_requests_per_second: {_RAISED_RATE:g}
    concurrency: 32"""

_JOB = """\
name: charges
source:
  connector: stripe
  config:
    api_key: ${{env:STRIPE_API_KEY}}
    api_base: ${{env:STRIPE_API_BASE}}
    {settings}
streams:
  - name: charges
    mode: incremental
writer:
  connector: parquet
  config:
    path: ./lake
    compression: zstd
  mode: merge
run:
  memory: 256MB
"""


@attrs.frozen(kw_only=True)
class _Charges:
    """The charges since a moment, and what a copy of them must add up to."""

    since: int
    rows: int
    total: int

    @property
    def start(self) -> str:
        """The setting that leaves out the others."""
        return f"start: {dt.datetime.fromtimestamp(self.since, dt.UTC).isoformat()}"

    @property
    def pages(self) -> int:
        """How many requests they take at least."""
        return -(-self.rows // _PAGE_SIZE)


class _Fake:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        said = self._hear()
        self.environment = {"STRIPE_API_BASE": said["url"], "STRIPE_API_KEY": said["key"]}
        self.all, self.newest = (_Charges(**one) for one in said["charges"])

    def asked(self) -> _Asked:
        """Return the requests for charges since the last time."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return _Asked(**self._hear())

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said


@attrs.frozen(kw_only=True)
class _Way:
    """How one tool reads *charges*, into an empty folder unless it throws them away."""

    command: Callable[[Path], Command]
    charges: _Charges
    rate: float | None = None
    """The most requests a second that it may send."""
    writes: bool = True


@attrs.frozen(kw_only=True)
class _Asked:
    """What a process has asked of the server."""

    requests: int
    seconds: float
    """From the first request to the last one."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return (self.requests - 1) / self.seconds


def measure_charges(
    count: int, *, ours: Path, peers: Path, workspace: Path, runs: int
) -> list[Table]:
    """Measure all ways and return the table.

    Args:
        count: How many charges there are.
        ours: The folder of programs of the environment that holds dativo.
        peers: That of the environment of the peers.
        workspace: Where the copies are written.
        runs: How often everything is measured.
    """
    with _server(count) as fake:
        ways = _ways(fake, ours, peers)
        print(f"charges: {count:,}; {runs} runs of {len(ways)} ways", flush=True)
        asked: dict[str, list[_Asked]] = {name: [] for name in ways}
        calls = {
            name: partial(_once, name, way, fake=fake, workspace=workspace, asked=asked[name])
            for name, way in ways.items()
        }
        costs = interleaved(calls, runs)
    return [_table(ways, costs, asked, runs)]


@contextmanager
def _server(count: int) -> Iterator[_Fake]:
    program = [sys.executable, str(_FOLDER / "charges_fake.py")]
    given = [f"{count}", f"{_LATENCY_SECONDS}", f"{_DEFAULT_PART}"]
    with subprocess.Popen(
        [*program, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield _Fake(process)


# --- one way, once ------------------------------------------------------------------------------


def _once(name: str, way: _Way, *, fake: _Fake, workspace: Path, asked: list[_Asked]) -> Cost:
    with ExitStack() as stack:
        folder = workspace / "copy"
        (folder / "lake").mkdir(parents=True)
        stack.callback(shutil.rmtree, folder)
        cost = measure(way.command(folder))
        asked.append(fake.asked())
        print(
            f"  {name}: {cost.seconds:.1f} s, {mebibytes(cost.peak_bytes)}, "
            f"{asked[-1].requests} requests at {asked[-1].rate:.1f}/s",
            flush=True,
        )
        if not way.writes:
            return cost
        return attrs.evolve(cost, written_bytes=_read_back(name, folder, way.charges))


def _read_back(name: str, folder: Path, charges: _Charges) -> int:
    """Compare the copy with what there is and return its size.

    Raises:
        RuntimeError: It is not the same.
    """
    import polars as pl  # noqa: PLC0415 - the process that measures others starts small

    files = [path for path in (folder / "lake").rglob("*.parquet") if path.is_file()]
    sums = pl.len(), pl.col("id").n_unique().alias("ids"), pl.col("amount").sum()
    found = pl.scan_parquet(files).select(*sums).collect().row(0)
    if found != (charges.rows, charges.rows, charges.total):
        raise RuntimeError(
            f"{name} wrote (rows, ids, amounts) {found}; "
            f"there are {charges.rows} charges that add up to {charges.total}"
        )
    return sum(path.stat().st_size for path in files)


# --- the ways -----------------------------------------------------------------------------------


def _ways(fake: _Fake, ours: Path, peers: Path) -> Mapping[str, _Way]:
    ways = {
        _UNIT: _pager(fake, ours),
        f"{_OURS}, {_RAISED_RATE:g} requests/s": _dativo(
            fake, ours, fake.all, settings=_RAISED, rate=_RAISED_RATE
        ),
        f"{_OURS}, default limits, {fake.newest.rows:,} charges": _dativo(
            fake, ours, fake.newest, settings=fake.newest.start, rate=_DEFAULT_RATE
        ),
    }
    if any((peers.parent / "lib").glob("python*/site-packages/dlt")):
        ways[_PEER] = _dlt(fake, peers)
    else:
        print(f"{_PEER}: not installed, not measured", flush=True)
    return ways


def _pager(fake: _Fake, programs: Path) -> _Way:
    def command(_folder: Path) -> Command:
        truth = {"ROWS": f"{fake.all.rows}", "TOTAL": f"{fake.all.total}"}
        words = [programs / "python", _FOLDER / "ways" / "pager.py"]
        return Command(words=words, environment={**fake.environment, **truth})

    return _Way(command=command, charges=fake.all, writes=False)


def _dativo(fake: _Fake, programs: Path, charges: _Charges, *, settings: str, rate: float) -> _Way:
    def command(folder: Path) -> Command:
        (folder / "job.yaml").write_text(_JOB.format(settings=settings))
        return Command(
            words=[programs / "dativo", "run", "-c", "job.yaml"],
            environment=fake.environment,
            folder=folder,
        )

    return _Way(command=command, charges=charges, rate=rate)


def _dlt(fake: _Fake, programs: Path) -> _Way:
    def command(folder: Path) -> Command:
        words = [programs / "python", _FOLDER / "ways" / "dlt_rest_api.py", folder]
        quiet = {"RUNTIME__DLTHUB_TELEMETRY": "false", "NO_PROXY": "127.0.0.1"}
        return Command(words=words, environment={**fake.environment, **quiet})

    return _Way(command=command, charges=fake.all)


# --- the table ----------------------------------------------------------------------------------


def _table(
    ways: Mapping[str, _Way],
    costs: Mapping[str, Cost],
    asked: Mapping[str, Sequence[_Asked]],
    runs: int,
) -> Table:
    unit = costs[_UNIT]
    rows: list[Sequence[Any]] = []
    goals: list[Goal] = []
    for name, way in ways.items():
        cost, rate = costs[name], median(one.rate for one in asked[name])
        requests = median(one.requests for one in asked[name])
        is_all = way.charges.rows == ways[_UNIT].charges.rows
        if way.rate:
            goals += _goals(name, cost, rate / way.rate, unit if is_all else None)
        rows.append(
            (
                name,
                seconds(cost.seconds),
                f"{unit.seconds / cost.seconds:.1f} x" if is_all else "",
                f"{requests:.0f}",
                ratio(requests, way.charges.pages),
                f"{rate:.1f}",
                f"{rate / way.rate:.1%}" if way.rate else "",
                seconds(cost.cpu_seconds),
                mebibytes(cost.peak_bytes),
                mebibytes(cost.written_bytes) if way.writes else "",
            )
        )
    count = ways[_UNIT].charges.rows
    heads = ("way", "wall", "speed", "requests", "x pages", "per second", "of the limit")
    return Table(
        title=f"{count:,} charges of Stripe, 0.1 s an answer, medians of {runs}",
        heads=(*heads, "CPU", "peak", "written"),
        rows=rows,
        goals=goals,
    )


def _goals(name: str, cost: Cost, used: float, unit: Cost | None) -> Iterator[Goal]:
    limit = f"{name}: requests/s, of the limit"
    yield Goal(what=limit, figure=100 * used, limit=95, unit="%", is_least=True)
    if unit is not None:
        speed = unit.seconds / cost.seconds
        yield Goal(what=f"{name}: speed, x pager", figure=speed, limit=8, is_least=True)
        yield Goal(what=f"{name}: peak", figure=cost.peak_bytes / 1e6, limit=250, unit="MB")
