"""Run the fault tests: a sample within some minutes, or every case that is demanded.

``python tests/faults/run.py [--full] [--row NAME ...] [--case N ...] [--seed N] [--minutes 20]``
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

import fault_journal
import fault_report
from fault_frame import (
    Result,
    Row,
    all_rows,
    chosen_numbers,
    interleaved,
    replay_command,
    run_case,
)

_PRINTING = threading.Lock()


def main() -> int:
    """Run what the arguments ask for; return 0 only if all rows ran and no case failed."""
    asked = _arguments()
    rows = _selected(all_rows(), asked.row)
    if asked.list:
        for row in rows:
            _say(f"{row.name:32} {row.about}")
        return 0
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    _say(f"seed {seed}; the same cases again: --seed {seed}{' --full' if asked.full else ''}")
    missing = {row.name: _missing(row) for row in rows}
    plans = [
        (row, asked.case or chosen_numbers(row, seed, full=asked.full))
        for row in rows
        if missing[row.name] is None
    ]
    started = time.monotonic()
    deadline = None if asked.full else started + asked.minutes * 60
    known = fault_journal.passed(asked.journal) if asked.journal else {}
    cases = list(interleaved(plans, seed))
    results = [known[row.name, number] for row, number in cases if (row.name, number) in known]
    results += _run(
        [(row, number) for row, number in cases if (row.name, number) not in known],
        asked=asked,
        deadline=deadline,
    )
    summaries = [
        fault_report.Summary(
            row=row,
            demanded=row.count() if missing[row.name] is None else 0,
            results=tuple(result for result in results if result.row == row.name),
            missing=missing[row.name],
        )
        for row in rows
    ]
    _say("", *(_failure(result) for result in results if result.failure))
    _say(fault_report.table(summaries))
    minutes = (time.monotonic() - started) / 60
    if asked.write:
        reused = sum((row.name, number) in known for row, number in cases)
        fault_report.page(summaries, full=asked.full, seed=seed, minutes=minutes, known=reused)
    proven = fault_report.is_proven(summaries)
    _say(f"seed {seed}, {minutes:.1f} minutes: {'proven' if proven else 'NOT proven'}")
    return 0 if proven else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the fault tests.")
    parser.add_argument("--full", action="store_true", help="all demanded cases, without a limit")
    parser.add_argument("--row", nargs="+", default=[], help="rows, or the beginnings of names")
    parser.add_argument("--case", nargs="+", type=int, default=[], help="these numbers only")
    parser.add_argument("--seed", type=int, help="which cases, in which order; random if missing")
    parser.add_argument("--minutes", type=float, default=20, help="the time of a sample")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--keep", action="store_true", help="keep the folders of failing cases")
    parser.add_argument(
        "--journal",
        type=Path,
        help="add every result to this file; cases that passed by it do not run again",
    )
    parser.add_argument("--write", action="store_true", help="renew the table in docs/faults.md")
    parser.add_argument("--list", action="store_true", help="print the rows and end")
    return parser.parse_args()


def _selected(rows: Sequence[Row], names: Sequence[str]) -> list[Row]:
    chosen = [row for row in rows if not names or row.name.startswith(tuple(names))]
    unknown = [name for name in names if not any(row.name.startswith(name) for row in rows)]
    if unknown or not chosen:
        sys.exit(f"no such row: {', '.join(unknown)}; see --list")
    return chosen


def _missing(row: Row) -> str | None:
    """Return why *row* cannot run; one whose cases cannot be found out has a bug, and says so."""
    if (why := row.missing()) is not None:
        return why
    try:
        row.count()
    except Exception as error:  # noqa: BLE001 - the other rows shall run all the same
        _say(f"{row.name}: {error}")
        return "its cases cannot be counted"
    return None


def _run(
    cases: Sequence[tuple[Row, int]], *, asked: argparse.Namespace, deadline: float | None
) -> list[Result]:
    """Run *cases* in their order, a few side by side, until the time is up."""
    results: list[Result] = []
    with ThreadPoolExecutor(asked.jobs) as pool:
        running: set[Future[Result]] = set()
        for row, number in cases:
            if deadline is not None and time.monotonic() > deadline:
                break
            running.add(pool.submit(run_case, row, number, keep=asked.keep))
            if len(running) < asked.jobs:
                continue
            done, running = wait(running, return_when=FIRST_COMPLETED)
            results.extend(_told(future.result(), asked.journal) for future in done)
        results.extend(_told(future.result(), asked.journal) for future in running)
    return results


def _told(result: Result, journal: Path | None) -> Result:
    if journal is not None:
        fault_journal.add(journal, result)
    verdict = "FAILED" if result.failure else "ok"
    _say(f"{result.row} {result.number}: {verdict} in {result.seconds:.1f} s")
    if result.failure:
        _say(_failure(result))
    return result


def _failure(result: Result) -> str:
    folder = f"\n  kept: {result.folder}" if result.folder else ""
    return (
        f"{result.row} {result.number}: {result.failure}\n  again: {replay_command(result)}{folder}"
    )


def _say(*lines: str) -> None:
    with _PRINTING:
        for line in lines:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
