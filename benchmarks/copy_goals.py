"""What a copy of a table should cost, beside one COPY and beside what others need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from process import Cost
from report import Goal

__all__ = ["lineitem_goals", "no_goals", "wide_goals"]


def lineitem_goals(
    costs: Mapping[str, Cost], *, unit: str, rival: str, adbc: str, compiled: str
) -> Iterator[Goal]:
    """Yield the goals for lineitem at scale factor 1, of those ways that were measured.

    Args:
        costs: By the titles of the ways.
        unit: One COPY that is thrown away.
        rival: DuckDB's extension.
        adbc: Ours without compiled code.
        compiled: Ours with it.
    """
    if compiled in costs:
        ours, name = costs[compiled], "lineitem, compiled reader"
        if rival in costs:
            theirs = costs[rival]
            wall, cpu = ours.seconds / theirs.seconds, ours.cpu_seconds / theirs.cpu_seconds
            size = ours.written_bytes / theirs.written_bytes
            yield Goal(what=f"{name}: wall, x DuckDB", figure=wall, limit=1)
            yield Goal(what=f"{name}: client CPU, x DuckDB", figure=cpu, limit=1)
            yield Goal(what=f"{name}: size of Parquet, x DuckDB", figure=size, limit=1.05)
        yield _peak(name, ours, 250)
    if adbc in costs:
        ours, name = costs[adbc], "lineitem, ADBC"
        wall = ours.seconds / costs[unit].seconds
        yield Goal(what=f"{name}: wall, x COPY", figure=wall, limit=1.3)
        yield Goal(what=f"{name}: client CPU", figure=ours.cpu_seconds, limit=19, unit="s")
        yield _peak(name, ours, 280)


def wide_goals(costs: Mapping[str, Cost], *, peers: Sequence[str], compiled: str) -> Iterator[Goal]:
    """Yield the goal for the table of many types: to be ahead of each peer."""
    measured = [costs[name].seconds for name in peers if name in costs]
    if compiled in costs and measured:
        wall = costs[compiled].seconds / min(measured)
        what = "wide table, compiled reader: wall, x the fastest peer"
        yield Goal(what=what, figure=wall, limit=1)


def no_goals(_: Mapping[str, Cost]) -> Iterator[Goal]:
    """Yield none: at other sizes the start of the programs weighs too much."""
    return iter(())


def _peak(name: str, cost: Cost, megabytes: int) -> Goal:
    return Goal(what=f"{name}: peak", figure=cost.peak_bytes / 1e6, limit=megabytes, unit="MB")
