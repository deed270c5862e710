"""What is printed and kept of a run of the fault tests."""

from __future__ import annotations

import importlib.metadata
import platform
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
from fault_frame import Result, Row

__all__ = ["Summary", "is_proven", "page", "table"]

_PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"
_HEADINGS = ("row", "run / demanded", "failed", "kills", "lost", "doubled", "partial", "seconds")
_LIBRARIES = ("dativo-core", "dativo-writer-parquet", "pyarrow", "obstore", "psycopg")


@attrs.frozen(kw_only=True)
class Summary:
    """One row's results; ``missing`` says why there are none."""

    row: Row
    demanded: int
    results: tuple[Result, ...]
    missing: str | None = None

    @property
    def failures(self) -> int:
        """How many of its cases failed."""
        return sum(1 for result in self.results if result.failure)

    def cells(self) -> tuple[str, ...]:
        """Return the row's line of the table."""
        if self.missing is not None:
            return (self.row.name, f"not run: {self.missing}", *["-"] * 6)
        results = self.results
        return (
            self.row.name,
            f"{len(results)} / {self.demanded}",
            str(self.failures),
            str(sum(result.kills for result in results)),
            str(sum(result.lost for result in results)),
            str(sum(result.doubled for result in results)),
            str(sum(result.partial for result in results)),
            f"{sum(result.seconds for result in results):.0f}",
        )


def is_proven(summaries: Sequence[Summary]) -> bool:
    """Whether every row ran at least one case and none failed."""
    return all(one.results and not one.failures for one in summaries)


def table(summaries: Sequence[Summary]) -> str:
    """Return the table as Markdown that can be read on a terminal too."""
    lines = [_HEADINGS, *(one.cells() for one in summaries), _total(summaries)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(_HEADINGS))]
    text = [_line(line, widths) for line in lines]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join((text[0], rule, *text[1:]))


def page(
    summaries: Sequence[Summary], *, full: bool, seed: int, minutes: float, known: int
) -> None:
    """Put the table, and what it was measured with, into ``docs/faults.md``."""
    text = _PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    kind = "all demanded cases" if full else "a sample"
    duration = f"in {minutes:.0f} minutes"
    if known:
        duration = f"in several parts, the last of which found {known} of them in the journal"
    told = (
        f"Run on {time.strftime('%Y-%m-%d', time.gmtime())} with seed {seed}: {kind} "
        f"{duration}, with {_versions()}, on {platform.system()} "
        f"({platform.machine()}).\n"
    )
    _PAGE.write_text(
        f"{before}{_BEGIN}\n{told}\n{table(summaries)}\n{_END}{after}", encoding="utf-8"
    )


def _versions() -> str:
    found: dict[str, str] = {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
    found.update(_installed())
    return ", ".join(f"{name} {version}" for name, version in found.items())


def _installed() -> Mapping[str, str]:
    versions: dict[str, str] = {}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _total(summaries: Sequence[Summary]) -> tuple[str, ...]:
    results = [result for one in summaries for result in one.results]
    return (
        "all",
        f"{len(results)} / {sum(one.demanded for one in summaries)}",
        str(sum(one.failures for one in summaries)),
        str(sum(result.kills for result in results)),
        str(sum(result.lost for result in results)),
        str(sum(result.doubled for result in results)),
        str(sum(result.partial for result in results)),
        f"{sum(result.seconds for result in results):.0f}",
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {first} | {' | '.join(others)} |"
