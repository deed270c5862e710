"""What the engine and its extensions cost for each record batch, beside writing it as Parquet."""

from __future__ import annotations

import contextlib
import io
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from report import Goal, Table

from dativo.config import ExtensionUse, ProblemList, settings_node
from dativo.contract import BatchRead
from dativo.engine._arrow import LazyReader, Tap
from dativo.engine._control import Limits, RunControl
from dativo.engine._extensions import LoadedExtension, load_extensions
from dativo.engine._observing import _Watch
from dativo.engine._retry import RetryPolicy
from dativo.engine._transform import Transforming
from dativo_test_support.examples import example_plugin
from dativo_test_support.wheels import install

__all__ = ["measure_extensions"]

_ROWS = 65_536
_BATCHES = 40
_ALONE = "engine, no extension"
_THREE = "three: dropped, redacted, lineage"
_STREAM = "lineitem"

Settings = Mapping[str, object]

_DROP: Settings = {"fields": ["comment"], "action": "drop"}
_REDACT: Settings = {"fields": ["shipmode"], "action": "redact"}
_HASH: Settings = {"fields": ["name"], "action": "hash"}
_KEEP: Settings = {"fields": ["name"], "action": "keep_last"}


def measure_extensions(runs: int) -> list[Table]:
    """Measure the CPU time of a batch of 65,536 rows with 16 columns on each way."""
    batch = _batch()
    with _installed(), tempfile.TemporaryDirectory(prefix="dativo-bench-") as folder:
        events = str(Path(folder, "events.jsonl"))
        elsewhere = _mask({**_DROP, "streams": "other"}, leave=["*"])
        lineage = ("openlineage", {"path": events})
        ways: dict[str, Callable[[], float]] = {
            "written as Parquet, zstd": lambda: _write(batch),
            _ALONE: lambda: _pass(batch, []),
            "a transformer for other streams": lambda: _pass(batch, [elsewhere]),
            "one: a field dropped": lambda: _pass(batch, [_mask(_DROP)]),
            _THREE: lambda: _pass(batch, [_mask(_DROP), _mask(_REDACT), lineage]),
            "one: the end of a text kept": lambda: _pass(batch, [_mask(_KEEP)]),
            "one: 65,536 different texts hashed": lambda: _pass(batch, [_mask(_HASH)]),
        }
        # In turns, so that what else the machine does concerns all alike.
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(runs):
            for name, way in ways.items():
                taken[name].append(way())
    medians = {name: statistics.median(found) for name, found in taken.items()}
    unit = medians["written as Parquet, zstd"]
    rows = [_row(name, median, unit) for name, median in medians.items()]
    goals = [
        Goal(
            what=f"{name}: of writing a batch",
            figure=100 * medians[name] / unit,
            limit=most,
            unit="%",
        )
        for name, most in {_ALONE: 1, _THREE: 5}.items()
    ]
    title = f"A record batch of {_ROWS:,} rows, 16 columns: medians of {runs} x {_BATCHES}"
    return [
        Table(title=title, heads=("way", "CPU per batch", "of writing it"), rows=rows, goals=goals)
    ]


def _row(name: str, seconds: float, unit: float) -> tuple[str, str, str]:
    return name, f"{seconds * 1000:.2f} ms", f"{seconds / unit:.1%}"


def _mask(*rules: Settings, **more: object) -> tuple[str, Settings]:
    named = [{"streams": _STREAM, **rule} for rule in rules]
    return "mask", {"rules": named, "key": "a-key-of-the-benchmark", **more}


def _write(batch: pa.RecordBatch) -> float:
    """Write one row group a batch, as the writer does."""

    def write() -> None:
        with pq.ParquetWriter(io.BytesIO(), batch.schema, compression="zstd") as writer:
            for _ in range(_BATCHES):
                writer.write_batch(batch)

    return _timed(write)


def _pass(batch: pa.RecordBatch, extensions: Sequence[tuple[str, Settings]]) -> float:
    """Drain batches through the engine's tap to where the writer would take them."""
    with _control() as control:
        loaded = _load(extensions)
        transformers = tuple(one for one in loaded if one.extension.is_transformer)
        watches = [_Watch(one, control, frozenset()) for one in loaded if one not in transformers]
        for watch in watches:
            control.watch(watch.put)

        def tell(rows: int, size_bytes: int) -> None:
            control.tell(BatchRead(job="bench", stream=_STREAM, rows=rows, size_bytes=size_bytes))

        def drain() -> None:
            reader = LazyReader(batch.schema, iter([batch] * _BATCHES))
            transforming = Transforming(
                transformers=transformers, control=control, source="bench", stream=_STREAM
            )
            change = transforming.change(reader.schema)
            check = control.cancellation.raise_if_set
            tap = Tap(reader, tell=tell, check=check, change=change)
            rows = sum(len(taken) for taken in pa.RecordBatchReader.from_stream(tap))
            assert rows == _ROWS * _BATCHES
            for watch in watches:
                watch.end()
                watch.join(time.monotonic() + 10)

        return _timed(drain)


def _timed(work: Callable[[], None]) -> float:
    """Return the CPU time of all threads for one batch."""
    before = time.process_time()
    work()
    return (time.process_time() - before) / _BATCHES


def _load(extensions: Sequence[tuple[str, Settings]]) -> tuple[LoadedExtension, ...]:
    problems = ProblemList()
    uses = [
        ExtensionUse(name, settings_node(settings, folder=Path.cwd()))
        for name, settings in extensions
    ]
    loaded = load_extensions(uses, problems)
    problems.raise_if_any()
    return loaded


@contextlib.contextmanager
def _installed() -> Iterator[None]:
    """Have the example extensions on the path of modules."""
    names = ("dativo-extension-mask", "dativo-extension-openlineage")
    with tempfile.TemporaryDirectory(prefix="dativo-bench-") as folder:
        sys.path.insert(0, str(install(Path(folder), *map(example_plugin, names))))
        yield
        sys.path.pop(0)


@contextlib.contextmanager
def _control() -> Iterator[RunControl]:
    with tempfile.TemporaryDirectory(prefix="dativo-bench-") as folder:
        yield RunControl(
            job="bench",
            run_id="0" * 32,
            limits=Limits(parallelism=2, memory_bytes=256_000_000),
            retry=RetryPolicy(),
            workdir=Path(folder),
            redact=str,
        )


def _batch() -> pa.RecordBatch:
    """Make records like those of lineitem: keys, prices, dates, flags and texts."""
    chance = random.Random(20261123)

    def numbers(low: int, high: int) -> list[int]:
        return [chance.randint(low, high) for _ in range(_ROWS)]

    def choices(values: Sequence[str]) -> list[str]:
        return chance.choices(values, k=_ROWS)

    columns: dict[str, Any] = {
        "orderkey": sorted(numbers(1, 6_000_000)),
        "partkey": numbers(1, 200_000),
        "suppkey": numbers(1, 10_000),
        "linenumber": pa.array(numbers(1, 7), pa.int32()),
    }
    for name, highest in (("quantity", 50), ("price", 100_000), ("discount", 10), ("tax", 8)):
        cents = [Decimal(one) / 100 for one in numbers(0, highest * 100)]
        columns[name] = pa.array(cents, pa.decimal128(15, 2))
    for name in ("shipdate", "commitdate", "receiptdate"):
        columns[name] = pa.array(numbers(8_000, 10_500), pa.int32()).cast(pa.date32())
    columns["flag"], columns["status"] = choices("ANR"), choices("FO")
    columns["shipmode"] = choices(("AIR", "MAIL", "RAIL", "SHIP", "TRUCK"))
    columns["name"] = [f"customer-{number:09}" for number in chance.sample(range(10**9), _ROWS)]
    words = [f"word{number}" for number in range(5_000)]
    columns["comment"] = [" ".join(chance.choices(words, k=4)) for _ in range(_ROWS)]
    return pa.record_batch(columns)


if __name__ == "__main__":
    print("\n".join(table.markdown() for table in measure_extensions(int(sys.argv[1]))))
