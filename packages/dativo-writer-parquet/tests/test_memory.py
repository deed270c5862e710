from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dativo_test_support.unmeasured import unmeasured

PROGRAM = """
import os, sys, threading
sys.path.insert(0, {tests!r})
from pathlib import Path
import psutil, pyarrow as pa, pyarrow.compute
from parquet_lake import Lake, by
from dativo.contract import Batch

ROWS, BATCHES, THREADS = 65_536, {batches}, 2
schema = pa.schema([("id", pa.int64()), ("text", pa.string()), ("key", pa.int8())])

def batches(first):
    for number in range(BATCHES):
        start = (first * BATCHES + number) * ROWS
        ids = pa.array(range(start, start + ROWS), pa.int64())
        texts = pa.compute.binary_join_element_wise(ids.cast(pa.string()), "x" * 40, "-")
        is_rare = pa.compute.equal(pa.compute.bit_wise_and(ids, 8191), 0)
        keys = pa.compute.if_else(is_rare, -1, pa.compute.bit_wise_and(ids, 7)).cast(pa.int8())
        yield pa.record_batch([ids, texts, keys], schema=schema)

process = psutil.Process()
lake = Lake(Path({folder!r}), options=by(*{levels!r}), context={{"buffer_bytes": 32 << 20}})
with lake.session() as session:
    before = process.memory_info().rss
    peak, done, staged = before, threading.Event(), []
    def watch():
        global peak
        while not done.wait(0.005):
            peak = max(peak, process.memory_info().rss)
    def stage(first):
        reader = pa.RecordBatchReader.from_batches(schema, batches(first))
        staged.append(session.stage(Batch(reader)))
    watcher = threading.Thread(target=watch); watcher.start()
    threads = [threading.Thread(target=stage, args=(n,)) for n in range(THREADS)]
    [t.start() for t in threads]; [t.join() for t in threads]
    receipt = session.commit(lake.identity(1), staged)
    done.set(); watcher.join()
assert receipt.record.rows == ROWS * BATCHES * THREADS
print((peak - before) >> 20, (ROWS * BATCHES * THREADS * 65) >> 20)
"""


@pytest.mark.slow
@pytest.mark.parametrize("levels", [[], ["key"]], ids=["plain", "partitioned"])
def test_memory_depends_on_the_budget_and_not_on_the_stream(
    tmp_path: Path, levels: list[str]
) -> None:
    def grown(batches: int) -> tuple[int, int]:
        folder = str(tmp_path / f"lake{batches}")
        tests = str(Path(__file__).parent)
        program = PROGRAM.format(tests=tests, batches=batches, folder=folder, levels=levels)
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=False,
            env=unmeasured(),
        )
        assert done.returncode == 0, done.stderr
        growth, size = map(int, done.stdout.split())
        return growth, size

    small, _ = grown(15)
    large, size = grown(62)

    assert size >= 480
    assert large < 200  # two threads with 32 MiB each, and what the allocator keeps
    assert large < small * 1.5 + 20
