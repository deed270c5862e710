from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from arro3.core import Array, DataType, Table

from dativo.contract import (
    Batch,
    Checkpoint,
    Commit,
    CommitRecord,
    CompactResult,
    ConnectionTestResult,
    Operation,
    Receipt,
    Role,
    Staged,
    Stream,
    StreamRequest,
    WriteMode,
    WriteRequest,
)
from dativo.errors import (
    CapabilityMissingError,
    CommitUnknownError,
    ContractViolationError,
    DativoError,
    DiskFullError,
    NetworkError,
    PluginExecutionError,
    RateLimitError,
)
from dativo.plugins import Connector, load_connector
from dativo_test_support.wheels import PluginWheel

Site = Callable[..., Path]

FRAME = Table.from_pydict({"id": Array([1, 2], DataType.int64())})
READ = StreamRequest(stream="orders")
WRITE = WriteRequest(stream="orders")
CONTEXT: Any = SimpleNamespace()
HOOKS = ("check_connection", "discover", "extract", "write", "read_back", "compact")

DELEGATES = """
behaviour = {}

@hookimpl
def check_connection(config, context):
    return behaviour["check_connection"]()

@hookimpl
def discover(config):
    return behaviour["discover"]()

@hookimpl
def extract(request, state):
    return behaviour["extract"]()

@hookimpl
def write(request):
    return behaviour["write"]()

@hookimpl
def read_back(request):
    return behaviour["read_back"]()

@hookimpl
def compact(config, request, context):
    return behaviour["compact"]()

@hookimpl
def lock(config, context):
    return behaviour["lock"]()
"""

Does = Callable[..., Connector]


class PanicError(BaseException):
    """What a native library raises."""


@pytest.fixture
def does(site: Site, source: str) -> Does:
    """Make a connector whose hooks do what the test says."""

    def load(**behaviour: Callable[[], object]) -> Connector:
        import sys

        site(PluginWheel.of_connector("acme", source + DELEGATES))
        connector = load_connector("acme", Role.SOURCE)
        sys.modules["acme_acme"].behaviour = behaviour  # type: ignore[attr-defined]
        return connector

    return load


def call(connector: Connector, hook: str) -> object:
    arguments = {
        "check_connection": (None, CONTEXT),
        "discover": (None, CONTEXT),
        "extract": (None, READ, None, CONTEXT),
        "write": (None, WRITE, CONTEXT),
        "read_back": (None, WRITE, CONTEXT),
        "compact": (None, WRITE, CONTEXT),
    }[hook]
    return getattr(connector, hook)(*arguments)


def raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> object:
        raise error

    return fail


def test_results_pass_through(does: Does) -> None:
    result = ConnectionTestResult(())
    stream = Stream(name="orders")
    batch = Batch(FRAME, Checkpoint({"id": 2}), Operation.DELETE)
    connector = does(
        check_connection=lambda: result,
        discover=lambda: [stream],
        extract=lambda: iter([batch]),
        read_back=lambda: FRAME,
        compact=lambda: CompactResult(rows=5, files_before=3, files_after=1),
    )

    assert call(connector, "check_connection") is result
    assert list(connector.discover(None, CONTEXT)) == [stream]
    assert list(connector.extract(None, READ, None, CONTEXT)) == [batch]
    assert call(connector, "read_back") is FRAME
    assert call(connector, "compact") == CompactResult(rows=5, files_before=3, files_after=1)


def test_a_plain_frame_becomes_a_batch(does: Does) -> None:
    connector = does(extract=lambda: [FRAME])

    (batch,) = connector.extract(None, READ, None, CONTEXT)

    assert batch.data is FRAME
    assert (batch.checkpoint, batch.op) == (None, Operation.UPSERT)


def test_an_operation_may_be_written_as_text(does: Does) -> None:
    connector = does(extract=lambda: [Batch(FRAME, op="delete")])  # type: ignore[arg-type]

    (batch,) = connector.extract(None, READ, None, CONTEXT)

    assert batch.op is Operation.DELETE


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_is_not_implemented_is_a_missing_capability(
    site: Site, source: str, hook: str
) -> None:
    site(PluginWheel.of_connector("acme", source))
    connector = load_connector("acme", Role.SOURCE)

    with pytest.raises(CapabilityMissingError, match=f"has no {hook}") as raised:
        call(connector, hook)

    assert raised.value.connector == "acme"


@pytest.mark.parametrize("hook", HOOKS[:-1])
@pytest.mark.parametrize("value", [None, 5, object()])
def test_a_wrong_result_is_a_violation(does: Does, hook: str, value: object) -> None:
    connector = does(**{hook: lambda: value})

    with pytest.raises(ContractViolationError, match="'acme' broke the contract") as raised:
        call(connector, hook)

    assert raised.value.connector == "acme"


@pytest.mark.parametrize("hook", ["discover", "extract"])
@pytest.mark.parametrize("value", [None, 5, "orders", [FRAME]])
def test_a_wrong_item_is_a_violation(does: Does, hook: str, value: object) -> None:
    connector = does(**{hook: lambda: [value]})
    found: Any = call(connector, hook)

    with pytest.raises(ContractViolationError, match="gave"):
        list(found)


@pytest.mark.parametrize(
    "batch",
    [
        Batch(5),  # type: ignore[arg-type]
        Batch(FRAME, checkpoint={"id": 5}),  # type: ignore[arg-type]
        Batch(FRAME, op="insert"),  # type: ignore[arg-type]
    ],
)
def test_a_batch_of_wrong_parts_is_a_violation(does: Does, batch: Batch) -> None:
    connector = does(extract=lambda: [batch])

    with pytest.raises(ContractViolationError) as raised:
        list(connector.extract(None, READ, None, CONTEXT))

    assert raised.value.stream == "orders"


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    ("error", "member"),
    [
        (RuntimeError("odd"), PluginExecutionError),
        (ConnectionResetError("gone"), NetworkError),
        (OSError(28, "No space left on device"), DiskFullError),
        (RateLimitError("slow down", retry_after=5), RateLimitError),
        (SystemExit(0), PluginExecutionError),
        (PanicError("native"), PluginExecutionError),
    ],
)
def test_what_a_hook_raises_is_classified_and_located(
    does: Does, hook: str, error: BaseException, member: type[DativoError]
) -> None:
    connector = does(**{hook: raising(error)})

    with pytest.raises(member) as raised:
        call(connector, hook)

    assert raised.value.connector == "acme"
    assert raised.value.phase is not None
    assert raised.value.stream == (None if hook in HOOKS[:2] else "orders")
    assert raised.value is error or raised.value.__cause__ is error


@pytest.mark.parametrize("hook", ["discover", "extract"])
@pytest.mark.parametrize("error", [RuntimeError("odd"), PanicError("native"), SystemExit(1)])
def test_what_a_generator_raises_is_located(does: Does, hook: str, error: BaseException) -> None:
    good: object = Stream(name="orders") if hook == "discover" else FRAME

    def generate() -> Iterator[object]:
        yield good
        raise error

    found: Any = call(does(**{hook: generate}), hook)

    next(found)
    with pytest.raises(PluginExecutionError) as raised:
        next(found)
    assert raised.value.__cause__ is error
    assert raised.value.phase == hook


def test_what_iterating_raises_first_is_located(does: Does) -> None:
    class Odd:
        def __iter__(self) -> Iterator[Stream]:
            raise RuntimeError

    connector = does(discover=Odd)

    with pytest.raises(PluginExecutionError):
        list(connector.discover(None, CONTEXT))


def test_an_interrupt_passes_through(does: Does) -> None:
    def generate() -> Iterator[object]:
        yield FRAME
        raise KeyboardInterrupt

    connector = does(check_connection=raising(KeyboardInterrupt()), extract=generate)

    with pytest.raises(KeyboardInterrupt):
        call(connector, "check_connection")
    with pytest.raises(KeyboardInterrupt):
        list(connector.extract(None, READ, None, CONTEXT))


def test_closing_the_result_closes_the_generator(does: Does) -> None:
    seen: list[str] = []

    def generate() -> Iterator[object]:
        try:
            yield FRAME
        finally:
            seen.append("closed")

    found: Any = does(extract=generate).extract(None, READ, None, CONTEXT)
    next(found)
    found.close()

    assert seen == ["closed"]


def test_what_closing_raises_is_located(does: Does) -> None:
    def generate() -> Iterator[object]:
        try:
            yield FRAME
        finally:
            raise RuntimeError("in finally")

    found: Any = does(extract=generate).extract(None, READ, None, CONTEXT)
    next(found)

    with pytest.raises(PluginExecutionError, match="in finally"):
        found.close()


def test_a_text_that_is_too_long_is_cut(does: Does) -> None:
    connector = does(check_connection=raising(RuntimeError("x" * 1_000_000)))

    with pytest.raises(PluginExecutionError) as raised:
        call(connector, "check_connection")

    assert len(raised.value.message) < 2_500


def test_an_exception_without_a_readable_text_is_named(does: Does) -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise ValueError

        __repr__ = __str__

    connector = does(check_connection=raising(OddError()))

    with pytest.raises(PluginExecutionError, match="OddError"):
        call(connector, "check_connection")


def test_a_repr_does_not_show_the_machinery(does: Does) -> None:
    assert "PluginManager" not in repr(does())


COMMIT = Commit(
    job_id="job",
    stream="orders",
    epoch=1,
    commit_id="c1",
    run_id="r1",
    fence=1,
    mode=WriteMode.APPEND,
    checkpoint=None,
    fingerprint={},
)
RECORD = CommitRecord(commit=COMMIT, rows=2)


class Session:
    """A session that does what the test says."""

    def __init__(self, **behaviour: Callable[..., object]) -> None:
        self._behaviour = behaviour

    def stage(self, batch: Batch) -> object:
        return self._do("stage", Staged(rows=2))

    def commit(self, commit: Commit, staged: object) -> object:
        return self._do("commit", Receipt(record=RECORD))

    def abort(self) -> object:
        return self._do("abort", None)

    def last_commit(self) -> object:
        return self._do("last_commit", RECORD)

    def delete_missing(self, keys: Batch) -> object:
        return self._do("delete_missing", Staged(rows=1))

    def close(self) -> object:
        return self._do("close", None)

    def _do(self, name: str, result: object) -> object:
        return self._behaviour[name]() if name in self._behaviour else result


SESSION_CALLS: dict[str, Callable[[Any], object]] = {
    "stage": lambda session: session.stage(Batch(FRAME)),
    "commit": lambda session: session.commit(COMMIT, [Staged(rows=2)]),
    "abort": lambda session: session.abort(),
    "last_commit": lambda session: session.last_commit(),
    "delete_missing": lambda session: session.delete_missing(Batch(FRAME)),
    "close": lambda session: session.close(),
}


def test_a_session_passes_through(does: Does) -> None:
    session = does(write=Session).write(None, WRITE, CONTEXT)

    results = [call(session) for call in SESSION_CALLS.values()]

    assert results == [Staged(rows=2), Receipt(record=RECORD), None, RECORD, Staged(rows=1), None]


def test_a_session_may_have_no_last_commit(does: Does) -> None:
    connector = does(write=lambda: Session(last_commit=lambda: None))

    assert connector.write(None, WRITE, CONTEXT).last_commit() is None


def test_a_session_without_its_methods_is_a_violation(does: Does) -> None:
    connector = does(write=lambda: SimpleNamespace(stage=print, close=print, abort=5))

    with pytest.raises(ContractViolationError, match="without commit, abort, last_commit"):
        connector.write(None, WRITE, CONTEXT)


def test_a_session_that_should_delete_must_have_the_method(does: Does) -> None:
    parts = dict.fromkeys(("stage", "commit", "abort", "last_commit", "close"), print)
    session = does(write=lambda: SimpleNamespace(**parts)).write(None, WRITE, CONTEXT)

    with pytest.raises(ContractViolationError, match="delete_missing is missing"):
        session.delete_missing(Batch(FRAME))


@pytest.mark.parametrize("name", ["stage", "commit", "last_commit", "delete_missing"])
def test_a_wrong_result_of_a_session_is_a_violation(does: Does, name: str) -> None:
    session = does(write=lambda: Session(**{name: lambda: 5})).write(None, WRITE, CONTEXT)

    with pytest.raises(ContractViolationError) as raised:
        SESSION_CALLS[name](session)

    assert (raised.value.phase, raised.value.stream) == (name, "orders")


@pytest.mark.parametrize("name", SESSION_CALLS)
def test_what_a_session_raises_is_located(does: Does, name: str) -> None:
    error = RuntimeError("odd")
    behaviour = {name: raising(error)}
    session = does(write=lambda: Session(**behaviour)).write(None, WRITE, CONTEXT)
    member = CommitUnknownError if name == "commit" else PluginExecutionError

    with pytest.raises(member) as raised:
        SESSION_CALLS[name](session)

    found = raised.value
    assert (found.connector, found.phase, found.stream) == ("acme", name, "orders")
    assert found.__cause__ is error


class Held:
    """What entering a lock gives; it says what the test says."""

    def __init__(self, says: Callable[[], object]) -> None:
        self.is_held = says


def locking(held: object, leave: Callable[[], object] = lambda: None) -> Callable[[], object]:
    @contextlib.contextmanager
    def lock() -> Iterator[object]:
        yield held
        leave()

    return lock


def test_a_connector_without_a_lock_holds_nothing(site: Site, source: str) -> None:
    site(PluginWheel.of_connector("acme", source))

    with load_connector("acme", Role.SOURCE).lock(None, CONTEXT) as held:
        assert held is None


def test_a_lock_says_whether_it_is_held(does: Does) -> None:
    answers = iter([True, False])

    with does(lock=locking(Held(lambda: next(answers)))).lock(None, CONTEXT) as held:
        assert held is not None
        assert [held.is_held(), held.is_held()] == [True, False]


def test_a_lock_that_cannot_get_lost_gives_nothing(does: Does) -> None:
    with does(lock=locking(None)).lock(None, CONTEXT) as held:
        assert held is None


def test_a_lock_of_another_kind_is_a_violation(does: Does) -> None:
    with (
        pytest.raises(ContractViolationError, match="without is_held"),
        does(lock=locking(5)).lock(None, CONTEXT),
    ):
        pass


@pytest.mark.parametrize(
    ("says", "member"),
    [(lambda: "yes", ContractViolationError), (raising(OSError("odd")), PluginExecutionError)],
)
def test_what_a_lock_answers_wrongly_is_located(
    does: Does, says: Callable[[], object], member: type[DativoError]
) -> None:
    with does(lock=locking(Held(says))).lock(None, CONTEXT) as held:
        assert held is not None
        with pytest.raises(member) as raised:
            held.is_held()

    assert (raised.value.connector, raised.value.phase) == ("acme", "lock")


def test_what_leaving_a_lock_raises_is_located(does: Does) -> None:
    connector = does(lock=locking(None, raising(RuntimeError("odd"))))

    with pytest.raises(PluginExecutionError) as raised, connector.lock(None, CONTEXT):
        pass

    assert raised.value.phase == "lock"


def test_a_count_of_the_source_is_told_inside_the_boundary(does: Does) -> None:
    def batches() -> Iterator[Batch]:
        for rows in (None, 2, lambda: 3, raising(RuntimeError("odd")), lambda: -1):
            yield Batch(FRAME, rows=rows)

    nothing, given, told, fails, wrong = does(extract=batches).extract(None, READ, None, CONTEXT)

    assert (nothing.rows, given.rows) == (None, 2)
    assert callable(told.rows)
    assert told.rows() == 3
    for batch, member in ((fails, PluginExecutionError), (wrong, ContractViolationError)):
        assert callable(batch.rows)
        with pytest.raises(member) as raised:
            batch.rows()
        assert (raised.value.connector, raised.value.phase) == ("acme", "extract")


@pytest.mark.parametrize("rows", [-1, True, 2.5, "many"])
def test_a_count_that_is_no_count_is_a_violation(does: Does, rows: Any) -> None:
    connector = does(extract=lambda: [Batch(FRAME, rows=rows)])

    with pytest.raises(ContractViolationError, match="where a number of rows is due"):
        list(connector.extract(None, READ, None, CONTEXT))
