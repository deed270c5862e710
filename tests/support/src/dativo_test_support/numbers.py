"""A source of numbered records whose faults a job file scripts; for tests of the engine and CLI."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pyarrow as pa

from dativo import errors
from dativo.contract import (
    Batch,
    CheckItem,
    Checkpoint,
    ConnectionTestResult,
    ConnectorInfo,
    Context,
    Operation,
    ReadMode,
    Replay,
    RowCount,
    Secret,
    SourceInfo,
    Stream,
    StreamRequest,
    hookimpl,
    setting,
)

__all__ = ["SCHEMA", "NumbersConfig", "check_connection", "describe", "discover", "extract"]

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False, metadata={"key": "value"}),
        pa.field("label", pa.string()),
        pa.field("amount", pa.decimal256(60, 10)),
    ]
)


@attrs.frozen
class NumbersConfig:
    """What the source gives and how it fails."""

    streams: tuple[str, ...] = setting("The streams.", default=("numbers",))
    rows: int = setting("Records per stream.", default=100, minimum=0)
    rows_of: tuple[int, ...] = setting("Records of each stream, if they differ.", default=())
    batch_rows: int = setting("Records per batch.", default=10, minimum=1)
    checkpoint_every: int = setting("Batches per checkpoint; 0 for none.", default=1, minimum=0)
    readers: int = setting("Lazy readers that are yielded one after the other.", default=1)
    lazy: bool = setting("Whether batches are lazy readers.", default=True)
    delay_seconds: float = setting("Sleep before each batch.", default=0.0)
    fail_at: int | None = setting("Fail before the record with this id.", default=None)
    fail_times: int = setting("Fail so often; counted in `folder`.", default=1)
    fail_with: str = setting("The class of dativo.errors, or `bug`.", default="NetworkError")
    hang: bool = setting("Wait for ever, deaf to cancellation, in place of failing.", default=False)
    unreadable: tuple[str, ...] = setting("Streams that may not be read.", default=())
    yields_nothing: bool = setting("Yield not even an empty batch.", default=False)
    password: Secret | None = setting("A secret.", default=None)
    leak: bool = setting("Print, log and raise with the secret.", default=False)
    folder: Path | None = setting("Where failures are counted.", default=None)
    twist: str = setting("A way in which the source breaks the contract.", default="")
    keys: int = setting("So many ids come round again and again; 0 for all new.", default=0)
    noise_bytes: int = setting("Text without pattern at the end of each label.", default=0)
    drop_at: int | None = setting("Lose the batch with this id but count it.", default=None)
    counts: str = setting("How to count: call, given, none, raises or wrong.", default="call")
    gone: tuple[int, ...] = setting("Ids that do not exist any more.", default=())
    label: str = setting("What labels begin with; * is the stream's name.", default="n")
    op: Operation = setting("What the records do.", default=Operation.UPSERT)
    deletes_if_taken: bool = setting("Whether records are deletions if asked.", default=False)
    region: str = setting("Part of the source's identity.", default="", identity=True)


@hookimpl
def describe() -> ConnectorInfo:
    """Describe the source."""
    return ConnectorInfo(
        title="Numbers",
        source=SourceInfo(
            config=NumbersConfig,
            read_modes=(ReadMode.FULL, ReadMode.INCREMENTAL),
            replay=Replay.EXACT,
            parallel=True,
            ranges=True,
            key_scans=True,
        ),
    )


@hookimpl
def check_connection(config: NumbersConfig, context: Context) -> ConnectionTestResult:
    """Check each stream."""
    if config.twist == "check_raises":
        raise ZeroDivisionError("the check has a bug")
    if config.twist == "check_missing":
        raise errors.CapabilityMissingError("there is no check")
    items = [CheckItem.ok("host", "always there")]
    for request in context.streams:
        if request.stream in config.unreadable:
            error = errors.InsufficientPermissionsError(
                f"may not read {request.stream}", fix=f"GRANT SELECT ON {request.stream}"
            )
            items.append(CheckItem.failed(f"stream {request.stream}", error))
        else:
            items.append(CheckItem.ok(f"stream {request.stream}"))
    return ConnectionTestResult(tuple(items))


@hookimpl
def discover(config: NumbersConfig, context: Context) -> Iterator[Stream]:
    """Yield the streams."""
    if config.twist == "discover_fails":
        _fail(config, context)
    for name in config.streams:
        yield Stream(
            name=name,
            schema=SCHEMA,
            primary_key=("id",),
            cursors=("id",),
            read_modes=(ReadMode.FULL, ReadMode.INCREMENTAL),
            estimated_rows=_of_stream(config, name).rows,
        )


@hookimpl
def extract(
    config: NumbersConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> Iterator[Batch]:
    """Yield the records from the one after the checkpoint on."""
    config = _of_stream(config, request.stream)
    if request.stream in config.unreadable:
        msg = f"may not read {request.stream}"
        raise errors.InsufficientPermissionsError(msg)
    is_scan = request.columns == ("id",)
    if config.yields_nothing or (is_scan and config.twist == "no_keys"):
        return
    position = _resource(context)
    first = int(str(state.value["id"])) + 1 if state is not None else 1
    first = max(first, int(request.lower or first))
    end = min(config.rows + 1, int(request.upper or config.rows + 1))
    starts = list(range(first, end, config.batch_rows)) or [first]
    step = config.checkpoint_every
    for number, start in enumerate(starts, 1):
        stop = min(start + config.batch_rows, end)
        checkpoint = Checkpoint({"id": stop - 1}) if step and number % step == 0 else None
        if number == len(starts) and request.mode is ReadMode.INCREMENTAL:
            checkpoint = Checkpoint({"id": max(stop, first) - 1})
        parts = list(_parts(start, stop, config.readers))
        for part in parts:
            batch = _batch(config, request, context, part)
            if part == parts[-1]:
                batch = attrs.evolve(batch, checkpoint=checkpoint)
            yield (
                _twisted_scan(config.twist, number, batch)
                if is_scan
                else _twisted(config.twist, number, batch)
            )
    assert position


def _of_stream(config: NumbersConfig, stream: str) -> NumbersConfig:
    rows = config.rows_of[config.streams.index(stream)] if config.rows_of else config.rows
    return attrs.evolve(config, label=config.label.replace("*", stream), rows=rows)


def _batch(
    config: NumbersConfig, request: StreamRequest, context: Context, part: tuple[int, int]
) -> Batch:
    columns = list(request.columns or SCHEMA.names)
    schema = pa.schema([SCHEMA.field(name) for name in columns])
    batches = (batch.select(columns) for batch in _records(config, context, *part))
    data = context.reader(schema, batches) if config.lazy else _table(batches, schema)
    is_deletion = config.deletes_if_taken and request.deletes
    op = Operation.DELETE if is_deletion else config.op
    note = "as asked for" if config.lazy else "all at once"
    return Batch(data, op=op, rows=_count(config, *part), note=note)


def _count(config: NumbersConfig, start: int, stop: int) -> RowCount | None:
    count = max(0, stop - start) - sum(start <= number < stop for number in config.gone)

    def fail() -> int:
        raise ZeroDivisionError("the count failed")

    counts: dict[str, RowCount | None] = {
        "call": lambda: count,
        "given": count,
        "none": None,
        "raises": fail,
        "wrong": lambda: "many",  # type: ignore[dict-item,return-value] # breaks the contract
    }
    return counts[config.counts]


def _twisted(twist: str, number: int, batch: Batch) -> Batch:
    if twist == "duplicate_field":
        return Batch(pa.table([[1], [2]], names=["a", "a"]), rows=1)
    if twist == "other_schema" and number > 1:
        return Batch(pa.table({"id": ["now a text"]}), rows=1)
    if twist == "bad_checkpoint":
        return Batch(batch.data, Checkpoint({"id": object()}), rows=batch.rows)  # type: ignore[dict-item]
    if twist == "deletes_by_key" and number > 1:
        keys = pa.table(batch.data).select(["id"])
        return attrs.evolve(batch, data=keys, op=Operation.DELETE)
    return batch


def _twisted_scan(twist: str, number: int, batch: Batch) -> Batch:
    if twist == "all_columns":
        return Batch(_table(iter(()), SCHEMA), rows=0)
    if twist == "key_types" and number > 1:
        return Batch(pa.table({"id": ["now a text"]}), rows=1)
    if twist == "delete_keys":
        return attrs.evolve(batch, op=Operation.DELETE)
    return batch


def _parts(start: int, stop: int, readers: int) -> Iterator[tuple[int, int]]:
    size = max(1, -(-(stop - start) // readers))
    yield from ((low, min(low + size, stop)) for low in range(start, max(stop, start + 1), size))


def _records(
    config: NumbersConfig, context: Context, start: int, stop: int
) -> Iterator[pa.RecordBatch]:
    if config.delay_seconds:
        time.sleep(config.delay_seconds)
    if config.twist == "closes_when_cancelled" and start > config.rows // 2:
        closed = threading.Event()
        context.log("waiting for the server")
        with context.on_cancel(closed.set):
            closed.wait(60)
        msg = "the connection was closed"
        raise errors.NetworkError(msg)
    if config.fail_at is not None and start <= config.fail_at < max(stop, start + 1):
        _fail(config, context)
    if config.drop_at is not None and start <= config.drop_at < stop and _is_first(config):
        return
    numbers = [number for number in range(start, stop) if number not in config.gone]
    ids = [(number - 1) % config.keys + 1 for number in numbers] if config.keys else numbers
    yield pa.RecordBatch.from_arrays(
        [
            pa.array(ids, pa.int64()),
            pa.array([_label(config, number) for number in numbers], pa.string()),
            pa.array(numbers, pa.decimal256(60, 10)),
        ],
        schema=SCHEMA,
    )


def _label(config: NumbersConfig, number: int) -> str:
    noise = random.Random(number).randbytes(config.noise_bytes // 2).hex()
    return f"{config.label}{number}{noise and ':'}{noise}"


def _table(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches(list(batches), schema=schema)


def _is_first(config: NumbersConfig) -> bool:
    """Say whether there were fewer failures than wanted, and count one."""
    if config.folder is None:
        return True
    config.folder.mkdir(parents=True, exist_ok=True)
    failures = len(list(config.folder.iterdir()))
    if failures >= config.fail_times:
        return False
    (config.folder / f"failure-{failures}-{time.monotonic_ns()}").touch()
    return True


def _fail(config: NumbersConfig, context: Context) -> None:
    if not _is_first(config):
        return
    if config.hang:
        time.sleep(3600)
    text = "the source failed"
    if config.leak and config.password is not None:
        text = f"cannot connect to db://user:{config.password.reveal()}@host"
        print(text, flush=True)  # noqa: T201 - what a careless plugin does
        context.log(text, level="warning", dsn=text)
    if config.fail_with == "bug":
        raise ZeroDivisionError(text)
    error: type[errors.DativoError] = getattr(errors, config.fail_with)
    raise error(text, details={"text": text})


def _resource(context: Context) -> str:
    @contextlib.contextmanager
    def snapshot() -> Iterator[str]:
        yield "snapshot"

    return context.resource("snapshot", snapshot)
