"""Run the benchmarks and print their figures; `nox -s bench` makes the environments for it."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from charges import measure_charges
from copies import Setting, measure_scales, measure_wide
from extensions import measure_extensions
from report import Table, against_goals, describe_machine, save
from small import measure_discovery, measure_empty, measure_tables
from startup import measure_startup
from versions import describe_versions

__all__: list[str] = []

_README = Path(__file__).with_name("README.md")


def main() -> None:
    """Run what the arguments choose; print one table of the goals at the end, and one of each."""
    given = _arguments()
    with tempfile.TemporaryDirectory(prefix="dativo-bench-") as name:
        tables = [
            table for chosen in given.benchmarks for table in _BENCHMARKS[chosen](given, Path(name))
        ]
    versions = describe_versions(given.environments / "dativo", given.environments / "peers")
    shown = [against_goals(tables), *tables]
    parts = [f"{describe_machine()}\n{versions}\n", *(table.markdown() for table in shown)]
    text = "\n".join(parts)
    print(f"\n{text}")
    if given.save:
        save(text, _README)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument(
        "benchmarks",
        nargs="*",
        choices=[*_BENCHMARKS, []],
        help=f"which of {', '.join(_BENCHMARKS)}; all without it",
    )
    parser.add_argument(
        "--scale", nargs="+", default=["0.1", "1"], help="scale factors of lineitem"
    )
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="how many rows the wide table has"
    )
    parser.add_argument(
        "--charges", type=int, default=100_000, help="how many charges of Stripe are read"
    )
    parser.add_argument(
        "--tables", type=int, default=2_000, help="how many small tables; ten times as discovered"
    )
    parser.add_argument(
        "--runs", type=int, default=3, help="how often all but start-up is measured"
    )
    parser.add_argument(
        "--starts", type=int, default=15, help="how often the start of each command is measured"
    )
    parser.add_argument(
        "--setting",
        nargs="+",
        type=_setting,
        default=[Setting()],
        help="parallelism and memory of our job, such as 2:256MB",
    )
    parser.add_argument("--save", action="store_true", help="put the figures into the README")
    parser.add_argument("--environments", type=Path, required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.benchmarks = given.benchmarks or list(_BENCHMARKS)
    given.environments = given.environments.absolute()
    return given


def _setting(text: str) -> Setting:
    parallelism, _, memory = text.partition(":")
    return Setting(parallelism=int(parallelism), memory=memory or Setting().memory)


def _startup(given: argparse.Namespace, _workspace: Path) -> list[Table]:
    folders = [given.environments / name / "bin" for name in ("dativo", "many")]
    return measure_startup(*folders, runs=given.starts)


def _lineitem(given: argparse.Namespace, workspace: Path) -> list[Table]:
    return measure_scales(
        given.scale,
        ours=given.environments / "dativo" / "bin",
        peers=given.environments / "peers" / "bin",
        workspace=workspace,
        runs=given.runs,
        settings=given.setting,
    )


def _wide(given: argparse.Namespace, workspace: Path) -> list[Table]:
    return measure_wide(
        given.rows,
        ours=given.environments / "dativo" / "bin",
        peers=given.environments / "peers" / "bin",
        workspace=workspace,
        runs=given.runs,
    )


def _charges(given: argparse.Namespace, workspace: Path) -> list[Table]:
    return measure_charges(
        given.charges,
        ours=given.environments / "dativo" / "bin",
        peers=given.environments / "peers" / "bin",
        workspace=workspace,
        runs=given.runs,
    )


def _tables(given: argparse.Namespace, workspace: Path) -> list[Table]:
    return measure_tables(
        given.tables,
        ours=given.environments / "dativo" / "bin",
        peers=given.environments / "peers" / "bin",
        workspace=workspace,
        runs=given.runs,
    )


def _empty(given: argparse.Namespace, workspace: Path) -> list[Table]:
    ours = given.environments / "dativo" / "bin"
    return measure_empty(given.tables, ours=ours, workspace=workspace, runs=given.runs)


def _discover(given: argparse.Namespace, _workspace: Path) -> list[Table]:
    ours = given.environments / "dativo" / "bin"
    return measure_discovery(given.tables * 10, ours=ours, runs=given.runs)


def _extensions(given: argparse.Namespace, _workspace: Path) -> list[Table]:
    return measure_extensions(given.runs)


_BENCHMARKS: dict[str, Callable[[argparse.Namespace, Path], list[Table]]] = {
    "startup": _startup,
    "lineitem": _lineitem,
    "wide": _wide,
    "charges": _charges,
    "tables": _tables,
    "empty": _empty,
    "discover": _discover,
    "extensions": _extensions,
}

if __name__ == "__main__":
    main()
