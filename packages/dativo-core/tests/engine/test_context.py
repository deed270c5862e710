"""What a hook gets from the engine."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dativo import engine
from dativo.contract import CONTRACT_VERSION, StreamRequest
from dativo.engine._context import EngineContext
from dativo.engine._control import Limits, RunControl
from dativo.engine._resources import Resources
from dativo.engine._retry import RetryPolicy
from dativo.errors import NetworkError, RunInterruptedError

MIB = 1024 * 1024


@pytest.fixture
def events() -> list[engine.Event]:
    return []


@pytest.fixture
def control(tmp_path: Path, events: list[engine.Event]) -> RunControl:
    return RunControl(
        job="job",
        run_id="run-1",
        fence=7,
        limits=Limits(parallelism=4, memory_bytes=512 * MIB),
        retry=RetryPolicy(retries=2, base_seconds=0.001),
        workdir=tmp_path,
        redact=lambda text: text.replace("hunter2", "****"),
        observer=events.append,
        timeout_seconds=60,
    )


@pytest.fixture
def context(control: RunControl) -> EngineContext:
    return EngineContext(
        control=control,
        resources=Resources(),
        connector="acme",
        part="source",
        stream="s",
        attempt=3,
        fence=7,
        streams=(StreamRequest(stream="s"),),
        patterns=("a*",),
        limit=5,
    )


def test_says_where_the_call_belongs(context: EngineContext, control: RunControl) -> None:
    assert context.contract == CONTRACT_VERSION
    assert context.features == frozenset()
    assert (context.job_id, context.run_id, context.fence) == ("job", "run-1", 7)
    assert (context.attempt, context.limit, context.patterns) == (3, 5, ("a*",))
    assert context.streams == (StreamRequest(stream="s"),)
    assert context.deadline == control.deadline


def test_shares_of_the_memory_budget_fit_into_it(context: EngineContext) -> None:
    assert context.parallelism == 4
    assert context.batch_rows == 65_536
    assert context.batch_bytes == 8 * MIB
    assert context.buffer_bytes == 32 * MIB
    assert context.parallelism * (context.buffer_bytes + context.batch_bytes) < 512 * MIB


def test_workdir_is_private_and_per_role(context: EngineContext, tmp_path: Path) -> None:
    assert context.workdir == tmp_path / "source"
    assert context.workdir.stat().st_mode & 0o777 == 0o700


def test_log_is_redacted_and_located(context: EngineContext, events: list[engine.Event]) -> None:
    context.log("password hunter2", level="warning", dsn="db://hunter2@host", rows=5)

    assert events == [
        engine.Message(
            job="job",
            run_id="run-1",
            level="warning",
            text="password ****",
            connector="acme",
            stream="s",
            fields={"dsn": "db://****@host", "rows": 5},
        )
    ]


def test_progress_feeds_the_watchdog(
    context: EngineContext, control: RunControl, events: list[engine.Event]
) -> None:
    control.moved_at = 0

    context.progress()
    context.progress("page 5")

    assert control.moved_at > 0
    assert [event.text for event in events if isinstance(event, engine.Message)] == ["page 5"]


def test_resource_is_shared_and_can_be_discarded(context: EngineContext) -> None:
    @contextlib.contextmanager
    def opened() -> Iterator[object]:
        yield object()

    first = context.resource("k", opened)
    assert context.resource("k", opened) is first

    context.discard("k", first)
    assert context.resource("k", opened) is not first


def test_retry_is_told_and_is_no_stall(
    context: EngineContext, events: list[engine.Event], control: RunControl
) -> None:
    failures: list[Any] = [NetworkError("hunter2 refused"), NetworkError("again")]

    def call() -> str:
        if failures:
            raise failures.pop(0)
        return "done"

    assert context.retry(call) == "done"

    retries = [event for event in events if isinstance(event, engine.RetryScheduled)]
    assert [retry.attempt for retry in retries] == [1, 2]
    assert retries[0].error.message == "**** refused"
    assert control.seconds_left() is not None


def test_cancellation_reaches_the_hook(context: EngineContext, control: RunControl) -> None:
    told: list[str] = []
    assert not context.cancelled()

    with context.on_cancel(lambda: told.append("now")):
        control.cancellation.cancel()

    assert context.cancelled()
    assert told == ["now"]
    with pytest.raises(RunInterruptedError):
        context.retry(lambda: None)


def test_reader_is_an_arrow_stream(context: EngineContext) -> None:
    batch = pa.record_batch({"a": [1]})

    reader = context.reader(batch.schema, [batch])

    assert pa.RecordBatchReader.from_stream(reader).read_all().num_rows == 1


def test_details_of_an_error_are_redacted_at_every_depth(control: RunControl) -> None:
    error = NetworkError("x", details={"a": {"b": ["hunter2", 5]}, "c": ("hunter2",), "d": None})

    redacted = control.redacted(error)

    assert redacted.details == {"a": {"b": ["****", 5]}, "c": ["****"], "d": None}


def test_control_without_an_observer_tells_nobody(tmp_path: Path) -> None:
    control = RunControl(
        job="",
        run_id="r",
        limits=Limits(parallelism=1, memory_bytes=1),
        retry=RetryPolicy(),
        workdir=tmp_path,
        redact=str,
    )

    control.message("nobody hears")

    assert control.seconds_left() is None
    assert control.limits.batch_bytes == MIB


def test_an_observer_neither_uses_up_retries_nor_keeps_a_stalled_run_alive(
    control: RunControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = threading.Event()
    context = EngineContext(
        control=control,
        resources=Resources(),
        connector="acme",
        part="extension-acme",
        bystander=True,
    )
    short = functools.partial(RetryPolicy, base_seconds=0.001)
    monkeypatch.setattr("dativo.engine._context.RetryPolicy", short)
    before = (control.moved_at, control.retry)
    control.retry = None  # type: ignore[assignment] # who asks it fails

    def fail() -> None:
        raise NetworkError("gone")

    with pytest.raises(NetworkError):
        context.retry(fail)
    context.progress("alive")
    with context.on_cancel(called.set):
        control.cancellation.cancel()

    assert control.moved_at == before[0]
    assert called.wait(10)
