"""Readers that poll the stream's folder while it is written see whole epochs and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from parquet_lake import Lake, by

from dativo.contract import Batch, WriteMode
from dativo_test_support.context import FakeContext
from dativo_test_support.figures import figure
from dativo_writer_parquet import compact

ROWS = 60
SECONDS = figure(1.0, 20.0)
PATIENCE_SECONDS = 60.0
Rows = Iterable[tuple[int, int]]


def _polars_folder(lake: Lake) -> Rows:
    return pl.scan_parquet(lake.data).select("epoch", "number").collect().rows()


def _polars_glob(lake: Lake) -> Rows:
    frame = pl.scan_parquet(lake.data / "**/*.parquet").select("epoch", "number")
    return frame.collect().rows()


def _pyarrow(lake: Lake) -> Rows:
    dataset = ds.dataset(lake.data, format="parquet", partitioning="hive")
    if not dataset.files:
        # It lists folder by folder, and takes one that has just been replaced for an empty one.
        raise FileNotFoundError(lake.data)
    table = dataset.to_table()
    return zip(table["epoch"].to_pylist(), table["number"].to_pylist(), strict=True)


def _duckdb(lake: Lake) -> Rows:
    with duckdb.connect() as connection:
        query = "select epoch, number from read_parquet(?)"
        return connection.execute(query, [str(lake.data / "**/*.parquet")]).fetchall()


def _read_back(lake: Lake) -> Rows:
    table = lake.read()
    return zip(table["epoch"].to_pylist(), table["number"].to_pylist(), strict=True)


READERS: dict[str, Callable[[Lake], Rows]] = {
    "polars_folder": _polars_folder,
    "polars_glob": _polars_glob,
    "pyarrow": _pyarrow,
    "duckdb": _duckdb,
    "read_back": _read_back,
}

VANISHED = (
    FileNotFoundError,
    duckdb.IOException,
    pl.exceptions.ComputeError,
    pa.ArrowInvalid,  # the ConcurrencyError of read_back, as it crosses Arrow
)
"""What a reader may meet that has listed files just before they were replaced."""


def _records(epoch: int) -> pa.Table:
    groups = pa.array([i % 3 for i in range(ROWS)])
    return pa.table({"epoch": [epoch] * ROWS, "number": range(ROWS), "part": groups})


def _poll(lake: Lake, name: str, counts: dict[str, int], stop: threading.Event) -> list[str]:
    """Read until told to stop, and count it; return what was wrong."""
    problems, highest = [], 0
    while not stop.is_set():
        try:
            rows = list(READERS[name](lake))
        except VANISHED as error:
            if lake.mode is WriteMode.APPEND:
                problems.append(repr(error))
            continue
        counts[name] += 1
        epochs = {epoch for epoch, _ in rows}
        expected = {(epoch, number) for epoch in epochs for number in range(ROWS)}
        if len(rows) != len(expected) or set(rows) != expected or not rows:
            problems.append(f"{len(rows)} rows of {sorted(epochs)}")
        newest = max(epochs, default=0)
        if newest < highest or (lake.mode is WriteMode.REPLACE and len(epochs) > 1):
            problems.append(f"{sorted(epochs)} after {highest}")
        highest = max(newest, highest)
    return problems


def _goes_on(start: float, *, enough: bool) -> bool:
    """Say whether to write more: for SECONDS, and longer where that was not enough to judge."""
    return time.monotonic() - start < (SECONDS if enough else PATIENCE_SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.MERGE], ids=str)
def test_readers_of_a_stream_that_is_compacted_see_whole_epochs(
    merged: Lake, mode: WriteMode
) -> None:
    """Every epoch updates all records in merge mode, so that a mix of two would be seen."""
    lake = merged.having(mode=mode, primary_key=("number",), settings={"grace_seconds": 30})
    lake.publish(1, _records(1))
    stop = threading.Event()
    problems: list[str] = []
    reads = []

    def poll() -> None:
        highest = 0
        while not stop.is_set():
            epochs = lake.read()["epoch"].to_pylist()
            seen, newest = set(epochs), max(epochs)
            whole = len(epochs) == ROWS * len(seen)
            complete = seen == ({newest} if mode is WriteMode.MERGE else set(range(1, newest + 1)))
            if not (whole and complete) or newest < highest:
                problems.append(f"{len(epochs)} rows of {sorted(seen)} after {highest}")
            highest = newest
            reads.append(newest)

    threads = [threading.Thread(target=poll) for _ in range(2)]
    for thread in threads:
        thread.start()
    epoch, compactions, start = 1, 0, time.monotonic()
    with lake.session() as session:
        while _goes_on(start, enough=len(reads) > 5 and compactions > 5):
            epoch += 1
            session.commit(lake.identity(epoch), [session.stage(Batch(_records(epoch)))])
            result = compact(lake.config, lake.request, FakeContext())
            assert result is not None
            compactions += result.files_after < result.files_before
    stop.set()
    for thread in threads:
        thread.join()

    assert problems == []
    assert len(reads) > 5
    assert compactions > 5


@pytest.mark.slow
@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE], ids=str)
def test_readers_see_whole_epochs_only(lake: Lake, mode: WriteMode) -> None:
    lake = lake.having(mode=mode, options=by("part"), settings={"file_rows": 7})
    lake.publish(1, _records(1))
    stop = threading.Event()
    outcomes: dict[str, list[str]] = {}
    counts = dict.fromkeys(READERS, 0)
    threads = [
        threading.Thread(
            target=lambda n=name: outcomes.update({n: _poll(lake, n, counts, stop)}),
        )
        for name in READERS
    ]
    for thread in threads:
        thread.start()
    epoch, start = 1, time.monotonic()
    with lake.session() as session:
        while _goes_on(start, enough=epoch > 10 and all(counts.values())):
            epoch += 1
            session.commit(lake.identity(epoch), [session.stage(Batch(_records(epoch)))])
    stop.set()
    for thread in threads:
        thread.join()

    assert epoch > 10
    assert outcomes == {name: [] for name in READERS}
    assert all(counts.values()), counts
