"""How much memory a read takes, measured in a process of its own."""

from __future__ import annotations

import contextlib
import gc
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from dativo.contract import ReadMode, Role, Stream
from dativo.engine._arrow import lazy
from dativo.testing._bench import Bench, open_bench
from dativo.testing._cases import Settings
from dativo.testing._subject import limits_of

__all__ = ["LIMITS", "peak"]

LIMITS: Mapping[str, int] = {"parallelism": 1, "memory_bytes": 16 << 20, "batch_rows": 65_536}

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


def peak(request: Mapping[str, Any]) -> dict[str, object]:
    """Read a stream and say how much was read and how far memory rose above what it was before.

    *request* has ``connector``, ``settings``, ``stream``, ``selection``, and ``other``: a stream
    that is read first, so that what is loaded once does not count, or null.
    """
    settings = cast("Settings", request["settings"])
    limits = limits_of(**LIMITS)
    with open_bench(str(request["connector"]), Role.SOURCE, settings, limits=limits) as bench:
        streams = {stream.name: stream for stream in bench.discover()}
        other = streams.get(str(request["other"]))
        if other is not None:
            _read(bench, other, {})
        stream = streams[str(request["stream"])]
        selection = cast("Settings", request["selection"])
        size, resident = _resident(lambda: _read(bench, stream, selection))
        _, traced = _traced(lambda: _read(bench, stream, selection))
    return {"bytes": size, "resident": resident, "traced": traced}


def _read(bench: Bench, stream: Stream, selection: Settings) -> int:
    """Drain *stream* and keep nothing; return its bytes."""
    size = 0
    request = bench.request(stream, selection, ReadMode.FULL)
    context = bench.context(stream=stream.name)
    with bench.side.extract(request, None, context) as batches:
        for batch in batches:
            with contextlib.closing(lazy(batch.data).batches()) as parts:
                for part in parts:
                    size += _bytes(part)
    return size


def _bytes(part: Any) -> int:
    import pyarrow as pa  # noqa: PLC0415 - not before the connector has loaded what it needs

    return int(pa.record_batch(part).nbytes)


def _resident(work: Callable[[], int]) -> tuple[int, int]:
    """Do *work*; return its result and by how many bytes the resident set rose at the most."""
    gc.collect()
    _RESET.write_text("5")  # the peak begins anew
    before = _status("VmRSS")
    size = work()
    return size, _status("VmHWM") - before


def _traced(work: Callable[[], int]) -> tuple[int, int]:
    """Do *work*; return its result and the most bytes that Python objects took."""
    gc.collect()
    tracemalloc.start()
    try:
        size = work()
        return size, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _status(name: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) << 10
    raise LookupError(name)
