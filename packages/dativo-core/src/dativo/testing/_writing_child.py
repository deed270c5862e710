"""In a child: writers that are killed in the middle, and what staging takes of memory."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import pyarrow as pa

from dativo.contract import WriteMode
from dativo.engine._arrow import LazyReader
from dativo.plugins import describe_exception
from dativo.testing._polling import is_system_call
from dativo.testing._target import Target, orders

__all__ = ["die", "last_record", "parts_of", "peak"]

_AT_RANDOM = 5
_PARTS = 2
_ROWS = 12
_KIB = 1024
_BATCH_BYTES = 1 << 20
_FAILED = 3


def parts_of(epoch: int) -> tuple[pa.Table, ...]:
    """Return what a child publishes as *epoch*, as the tables that it stages."""
    first = _PARTS * _ROWS * epoch
    return tuple(
        orders(range(first + part * _ROWS, first + (part + 1) * _ROWS), f"epoch {epoch}")
        for part in range(_PARTS)
    )


def last_record(request: Mapping[str, Any]) -> str | None:
    """Return what a fresh process learns from ``last_commit``."""
    record = _target(request["target"]).last_commit(fence=request["fence"])
    return None if record is None else record.to_json()


def die(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Publish again and again, each time in a fork that is killed at another moment.

    Each round writes two epochs into a stream of its own and yields the stream, how many receipts
    there were and how the fork ended. The first round is not killed; it says how long one takes and
    of how many calls of the operating system its second epoch consists. Of the others every fifth
    one dies at a random time, and the rest just after such a call, spread over all of them.
    """
    target = _target(request["target"])
    source = random.Random(request["seed"])  # noqa: S311 - no secret depends on it
    whole = _forked(target.having(stream=f"{target.stream}_0"))
    yield whole
    if whole["ended"] != 0:
        return
    for number in range(1, request["rounds"] + 1):
        moment: dict[str, Any]
        if number % _AT_RANDOM == 0 or not whole["steps"]:
            moment = {"die_after": source.uniform(0, 0.95) * whole["seconds"]}
        else:
            share = (number - source.random()) / request["rounds"]
            moment = {"die_at": max(1, round(share * whole["steps"]))}
        yield _forked(target.having(stream=f"{target.stream}_{number}"), **moment) | moment


def peak(request: Mapping[str, Any]) -> dict[str, int]:
    """Stage a lazy reader of ``size_bytes``, commit it, and return how far the memory grew."""
    target = _target(request["target"])
    with target.run() as run:
        run.publish(1, orders(range(10)))  # loads what the first use loads
        before = _peak_bytes()
        staged = run.stage(_much(request["size_bytes"], request["seed"]), sequence=1)
        receipt = run.session.commit(run.identity(2), [staged])
    return {"grown_bytes": _peak_bytes() - before, "rows": receipt.record.rows}


def _target(told: Mapping[str, Any]) -> Target:
    known = {**told, "mode": WriteMode(told["mode"]), "primary_key": tuple(told["primary_key"])}
    return Target(**known)


def _forked(target: Target, *, die_at: int = 0, die_after: float | None = None) -> dict[str, Any]:
    """Let a fork publish; it has loaded nothing of the connector when it begins.

    Kill it *die_after* seconds after it has opened its session.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _publish(target, writing, die_at)
    os.close(writing)
    with os.fdopen(reading) as told:
        told.readline()
        started = time.monotonic()
        if die_after is not None:
            time.sleep(die_after)
            os.kill(child, signal.SIGKILL)
        lines = told.read().splitlines()
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    return {
        "stream": target.stream,
        "ended": ended,
        "steps": int(lines[-1]) if ended == 0 else 0,
        # One that is killed at its very end has told its steps as well.
        "receipts": lines.count("receipt"),
        "seconds": time.monotonic() - started,
    }


def _publish(target: Target, told: int, die_at: int) -> NoReturn:
    """Publish in a fork; tell when the session is open, each receipt, and the last steps."""
    try:
        with target.run(fence=1) as run:
            os.write(told, b"open\n")
            run.publish(1, *parts_of(1))
            os.write(told, b"receipt\n")
            with _dying(die_at) as steps:
                run.publish(2, *parts_of(2))
            os.write(told, b"receipt\n")
        os.write(told, f"{steps[0]}\n".encode())
    except BaseException as error:  # noqa: BLE001 - the last line of what the child prints
        sys.stderr.write(f"{describe_exception(error)}\n")
        sys.stderr.flush()
        os._exit(_FAILED)
    os._exit(0)


@contextlib.contextmanager
def _dying(at: int) -> Iterator[list[int]]:
    """Count this thread's calls of the operating system, and die at one of them."""
    steps = [0]

    def step(_frame: FrameType, event: str, called: Any) -> None:
        if event == "c_return" and is_system_call(called):
            steps[0] += 1
            if steps[0] == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(step)
    try:
        yield steps
    finally:
        sys.setprofile(None)


def _much(size_bytes: int, seed: int) -> LazyReader:
    """Records of 1 KiB of text that cannot be compressed well, made as they are pulled."""
    rows = _BATCH_BYTES // _KIB
    schema = orders(()).schema

    def batches() -> Iterator[pa.RecordBatch]:
        source = random.Random(seed)  # noqa: S311 - no secret depends on it
        for first in range(0, size_bytes // _KIB, rows):
            text = source.randbytes(rows * _KIB // 2).hex()
            notes = [text[place : place + _KIB] for place in range(0, len(text), _KIB)]
            yield pa.record_batch([list(range(first, first + rows)), notes], schema=schema)

    return LazyReader(schema, batches())


def _peak_bytes() -> int:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * _KIB
    # On Linux it counts what the parent had when this process began, so it is second best.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * _KIB
