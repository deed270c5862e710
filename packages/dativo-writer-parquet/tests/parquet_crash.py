"""A program: die at every step of the protocol, look at what is left, and go on.

Each round forks. The child publishes epochs and is ended without notice, either just before or
just after its n-th system call of the kind that changes the disk, or by SIGKILL at a random time.
The parent then checks what a reader sees, reopens the stream as a new run, and publishes on.

``python parquet_crash.py FOLDER MODE calls|kills|points NUMBER SEED``

MODE is append, replace or merge; with ``+compact`` the child also compacts after each epoch.

``calls 1 0`` visits every call, ``calls 7 3`` every seventh; ``kills 40 1`` kills 40 times;
``points 2 0`` ends a child at each fail point when it is passed for the second time.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from parquet_lake import Lake

import dativo_writer_parquet
from dativo.contract import Batch, WriteMode, _failpoints
from dativo_test_support.context import FakeContext
from dativo_writer_parquet import _publish, compact

ROWS = 40
EPOCHS = 4
DIED = 137


def records(epoch: int, mode: WriteMode) -> pa.Table:
    """What an epoch writes: all numbers; in merge mode all but one, which is deleted."""
    gone = epoch if mode is WriteMode.MERGE else None
    numbers = [number for number in range(ROWS) if number != gone]
    return pa.table({"epoch": [epoch] * len(numbers), "number": numbers})


class Countdown:
    """Ends the process at the n-th call, before or after it is done."""

    def __init__(self, calls: int, *, after: bool) -> None:
        self.left = calls
        self.after = after

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            if self.left == 0 and not self.after:
                os._exit(DIED)
            result = call(*args, **kwargs)
            if self.left == 0:
                os._exit(DIED)
            return result

        return counted

    def arm(self) -> None:
        for name in ("fsync", "open", "mkdir", "chmod", "fchmod", "rename", "replace", "unlink"):
            setattr(os, name, self.around(getattr(os, name)))
        for name in ("rmdir", "ftruncate"):
            setattr(os, name, self.around(getattr(os, name)))
        _publish._rename = self.around(_publish._rename)
        pq.ParquetWriter.close = self.around(pq.ParquetWriter.close)


def publish(lake: Lake, first: int, told: int, fence: int, *, compacts: bool = False) -> None:
    """Publish epochs from *first* on; tell each receipt through the pipe."""
    context: dict[str, Any] = {"run_id": f"run{fence}", "fence": fence}
    with lake.session(**context) as session:
        for epoch in range(first, EPOCHS + 1):
            table = records(epoch, lake.mode)
            staged = [session.stage(Batch(table.slice(0, 15))), session.stage(Batch(table[15:]))]
            if lake.mode is WriteMode.MERGE:
                keys = Batch(table.select(["number"]))
                staged.append(session.delete_missing(keys))  # type: ignore[attr-defined]
            session.commit(lake.identity(epoch, f"c{epoch}-{fence}", **context), staged)
            os.write(told, bytes([epoch]))
            if compacts:
                compact(lake.config, lake.request, FakeContext(**context))


def visible(lake: Lake) -> list[int]:
    """The epochs that a reader sees; each must be whole."""
    if not lake.data.exists():
        return []
    files = sorted(lake.data.rglob("*"))
    assert all(path.suffix == ".parquet" for path in files if path.is_file()), files
    if lake.mode is WriteMode.MERGE:
        table = lake.read()
    else:  # a plain reader
        table = pa.concat_tables(pq.read_table(path) for path in files if path.is_file())
    epochs = sorted(set(table["epoch"].to_pylist()))
    rows = sorted(table.to_pylist(), key=lambda row: (row["epoch"], row["number"]))
    expected = [row for epoch in epochs for row in records(epoch, lake.mode).to_pylist()]
    assert rows == expected, (rows, expected)
    return epochs


def check(lake: Lake, receipts: bytes, fence: int) -> int:
    """Compare what is visible with what the writer tells; return the newest epoch."""
    seen = visible(lake)
    newest = seen[-1] if seen else 0
    told = receipts[-1] if receipts else 0
    assert newest in (told, told + 1), (seen, told)
    expected = list(range(1, newest + 1)) if lake.mode is WriteMode.APPEND else [newest][:newest]
    assert seen == expected, (seen, expected)
    with lake.session(run_id=f"look{fence}", fence=fence) as session:
        last = session.last_commit()
        assert (last.commit.epoch if last else 0) == newest
    assert list(lake.staging.iterdir()) == []
    probes = [name for name in lake.staging.parent.iterdir() if name.name.startswith("probe")]
    assert len(probes) <= 2, probes
    return newest


def round_of(
    lake: Lake,
    prepare: Callable[[], None],
    after_fork: Callable[[int], None],
    *,
    compacts: bool,
) -> bool:
    """Run one child to its end; return whether it was ended early."""
    shutil.rmtree(lake.path, ignore_errors=True)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            prepare()
            publish(lake, 1, write, fence=1, compacts=compacts)
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    after_fork(child)
    _, status = os.waitpid(child, 0)
    receipts = os.read(read, EPOCHS)
    os.close(read)
    died = os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == DIED
    assert died or status == 0, status
    newest = check(lake, receipts, fence=2) if lake.staging.exists() else 0
    sink = os.open(os.devnull, os.O_WRONLY)
    publish(lake, newest + 1, sink, fence=3)
    os.close(sink)
    assert visible(lake)[-1] == EPOCHS
    return died


def calls(lake: Lake, step: int, seed: int, *, compacts: bool) -> int:
    """End a child at every *step*-th call, before and after it, until one survives."""
    deaths = 0
    for after in (False, True):
        number = 1 + (seed + after) % step
        while round_of(
            lake, Countdown(number, after=after).arm, lambda _child: None, compacts=compacts
        ):
            deaths += 1
            number += step
    return deaths


def points(lake: Lake, passes: int, _seed: int, *, compacts: bool) -> int:
    """End a child at each fail point of the writer, and tell which ones it never came to."""

    def arm(name: str) -> Callable[[], None]:
        # The variable is looked at when a process starts, and this one is forked.
        return lambda: setattr(_failpoints, "_wanted", f"{name}:{passes}")

    sources = Path(dativo_writer_parquet.__file__).parent.glob("*.py")
    text = "".join(source.read_text() for source in sources)
    names = re.findall(r'failpoint\("([a-z_.]+)"\)', text)
    assert len(names) == len(set(names)), names
    reached = [
        name for name in names if round_of(lake, arm(name), lambda _child: None, compacts=compacts)
    ]
    sys.stdout.write(f"not reached: {' '.join(sorted({*names} - {*reached}))}\n")
    return len(reached)


def kills(lake: Lake, rounds: int, seed: int, *, compacts: bool) -> int:
    """Kill a child at random moments of the time that one takes which nobody kills."""
    source = random.Random(seed)
    seconds: list[float] = []

    def watch(child: int) -> None:
        start = time.monotonic()
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        seconds.append(time.monotonic() - start)

    def kill(child: int) -> None:
        time.sleep(source.uniform(0, max(seconds)))
        os.kill(child, signal.SIGKILL)

    for _ in range(2):  # the first one loads what the others find in memory
        round_of(lake, lambda: None, watch, compacts=compacts)
    del seconds[0]
    return sum(round_of(lake, lambda: None, kill, compacts=compacts) for _ in range(rounds))


def main() -> None:
    folder, mode, way, rounds, seed = sys.argv[1:]
    name, _, more = mode.partition("+")
    lake = Lake(
        Path(folder) / "lake",
        mode=WriteMode(name),
        primary_key=("number",) if name == "merge" else (),
        settings={"grace_seconds": 0} if more else {"file_rows": 7},
    )
    ways = {"calls": calls, "kills": kills, "points": points}
    deaths = ways[way](lake, int(rounds), int(seed), compacts=more == "compact")
    sys.stdout.write(f"deaths: {deaths}\n")


if __name__ == "__main__":
    main()
