"""Rules about how a read behaves: late readers, cancellation, and what is left open."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator

import attrs

from dativo.contract import Batch, Role
from dativo.engine._arrow import lazy
from dativo.errors import DativoError
from dativo.testing._bench import Bench, Read, drained
from dativo.testing._cases import Inapplicable, Settings
from dativo.testing._open_things import left_open
from dativo.testing._reading import Wanted, not_refused, wanted
from dativo.testing._records import records_of
from dativo.testing._rules import Evidence, NotVerified, rule
from dativo.testing._subject import SourceSubject

__all__ = ["RULES"]

_BATCH_ROWS = 10
_PROMPT_SECONDS = 5.0
_START_SECONDS = 1.0
_BETWEEN = 2  # batches, so that there is a moment between them


@rule("readers.late", Role.SOURCE)
def late(subject: SourceSubject, evidence: Evidence) -> None:
    """What was yielded can be drained later, in any order, in other threads, several at once.

    The engine asks for more while readers are under way, but not beyond a checkpoint.
    """
    for want in wanted(subject, batch_rows=_BATCH_ROWS):
        whole = want.records()
        for how, drain in (("in reverse", _reversed), ("two at once", _at_once)):
            moved_on = f"{want}: readers that are drained {how}, after the generator has moved on,"
            try:
                reads, most = _drained_late(want, drain)
            except DativoError as error:
                evidence.problem(f"{moved_on} end with {error.code}: {error.message}")
                continue
            came = records_of(reads)
            evidence.looked(f"{want}: {len(came)} records {how}, up to {most} readers waiting")
            for what, left in (("lost", whole - came), ("added", came - whole)):
                if len(left):
                    evidence.problem(f"{moved_on} {what} {left.shown(want.key)}")


@rule("cancel.prompt", Role.SOURCE, seconds=300.0)
def prompt(subject: SourceSubject, evidence: Evidence) -> None:
    """A cancelled run gets no further batch, and its reads end soon, also while they wait."""
    is_looked_at = False
    for want in wanted(subject, batch_rows=_BATCH_ROWS):
        if len(want.first(_BETWEEN)) < _BETWEEN:
            continue
        is_looked_at = True
        _look_at_cancelling(want, subject.cases.good, evidence)
    if not is_looked_at:
        evidence.gap("no stream has more than one batch, between which it could be cancelled")
    _look_at_waiting(subject, evidence)
    _look_at_failing(subject, evidence)


@rule("closes.everything", Role.SOURCE, seconds=300.0)
def closes(subject: SourceSubject, evidence: Evidence) -> None:
    """Files, connections, threads and child processes are closed, however a read ends."""
    for how, work in _endings(subject):
        left = left_open(work)
        evidence.looked(how)
        if left:
            evidence.problem(f"{how} leaves open: {left}")
            return  # the other ways mostly leave the same, and each takes seconds to be sure


def _endings(subject: SourceSubject) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield ways in which work with a source ends."""
    yield "a check", functools.partial(_checked, subject)
    yield "a discovery", functools.partial(_discovered, subject)
    richest: dict[str, tuple[int, Wanted]] = {}
    for want in wanted(subject, batch_rows=_BATCH_ROWS):
        size = len(want.whole())
        if size > richest.get(want.mode.value, (0, want))[0]:
            richest[want.mode.value] = (size, want)
    if not richest:
        raise NotVerified("no stream gives a batch")
    for _, want in richest.values():
        yield from _endings_of(want)


def _endings_of(want: Wanted) -> Iterator[tuple[str, Callable[[], object]]]:
    cases = want.subject.cases
    yield f"{want}, read to the end", want.whole
    yield f"{want}, stopped after a batch", functools.partial(want.first, 1)
    yield f"{want}, left in the middle of a batch", functools.partial(_half_drained, want)
    yield f"{want}, cancelled", functools.partial(_read_and_cancel, want, cases.good)
    for name in ("bad_credentials", "unreachable"):
        settings = getattr(cases, name)
        if not isinstance(settings, Inapplicable):
            yield f"{want}, failed with cases.{name}", functools.partial(_failed, want, settings)


def _checked(subject: SourceSubject) -> None:
    with subject.open() as bench:
        bench.check()


def _discovered(subject: SourceSubject) -> None:
    with subject.open() as bench:
        list(bench.discover())


def _half_drained(want: Wanted) -> None:
    """Pull one record batch of a reader and give it up, as a failing writer does."""
    with want.subject.open(**want.limits) as bench:
        context = bench.context(stream=want.stream.name)
        with bench.side.extract(want.request(bench), None, context) as batches:
            for batch in batches:
                with contextlib.closing(lazy(batch.data).batches()) as parts:
                    next(parts, None)
                return


def _failed(want: Wanted, settings: Settings) -> None:
    with want.subject.open(settings, **want.limits) as bench, contextlib.suppress(DativoError):
        list(bench.read(want.request(bench)))


# Late readers.


def _drained_late(
    want: Wanted, drain: Callable[[list[Batch]], list[Read]]
) -> tuple[list[Read], int]:
    """Keep what is yielded up to each checkpoint, then *drain* it."""
    reads: list[Read] = []
    waiting: list[Batch] = []
    most = 0
    with want.subject.open(**want.limits) as bench:
        context = bench.context(stream=want.stream.name)
        with bench.side.extract(want.request(bench), None, context) as batches:
            for batch in batches:
                waiting.append(batch)
                most = max(most, len(waiting))
                if batch.checkpoint is not None:
                    reads += drain(waiting)
                    waiting = []
        # The generator is closed now; what it has yielded is still good.
        reads += drain(waiting)
    return reads, most


def _reversed(batches: list[Batch]) -> list[Read]:
    return [read for batch in reversed(batches) for read in _in_threads([batch])]


def _at_once(batches: list[Batch]) -> list[Read]:
    pairs = [batches[at : at + 2] for at in range(0, len(batches), 2)]
    return [read for pair in pairs for read in _in_threads(pair)]


def _in_threads(batches: list[Batch]) -> list[Read]:
    """Drain each of *batches* in a thread of its own; the first error is raised."""
    reads: list[Read] = []
    errors: list[BaseException] = []

    def work(batch: Batch) -> None:
        try:
            reads.append(drained(batch))
        except BaseException as error:  # noqa: BLE001 - a connector may raise anything
            errors.append(error)

    threads = [threading.Thread(target=work, args=(batch,), daemon=True) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return reads


# Cancellation.


@attrs.define
class _Cancelled:
    """A read in a thread that is cancelled; what came of it."""

    bench: Bench | None = None
    began: threading.Event = attrs.field(factory=threading.Event)
    ended: threading.Event = attrs.field(factory=threading.Event)
    was_over: bool = False
    rows_late: int = 0
    error: BaseException | None = None


def _read_and_cancel(
    want: Wanted, settings: Settings, wait_seconds: float | None = None
) -> tuple[_Cancelled, float]:
    """Cancel after the first batch, or while it waits; return what came of it and how soon."""
    told = _Cancelled()

    def work() -> None:
        try:
            with want.subject.open(settings, **want.limits) as bench:
                told.bench = bench
                told.began.set()
                _drive(bench, want, told, at_batch=wait_seconds is None)
        except BaseException as error:  # noqa: BLE001 - a connector may raise anything
            told.error = error
            told.began.set()
            told.ended.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    if wait_seconds is not None and told.began.wait(_PROMPT_SECONDS) and told.bench is not None:
        told.was_over = told.ended.wait(wait_seconds)
        told.bench.control.cancellation.cancel()
    started = time.monotonic()
    has_ended = told.ended.wait(_PROMPT_SECONDS + 1)
    seconds = time.monotonic() - started
    if has_ended:
        thread.join(_PROMPT_SECONDS)  # until the bench is closed
    return told, seconds


def _drive(bench: Bench, want: Wanted, told: _Cancelled, *, at_batch: bool) -> None:
    cancellation = bench.control.cancellation
    try:
        for read in bench.read(want.request(bench)):
            if cancellation.is_set():
                told.rows_late += read.data.num_rows
            elif at_batch:
                cancellation.cancel()
    except DativoError as error:
        told.error = error
    finally:
        told.ended.set()


def _look_at_waiting(subject: SourceSubject, evidence: Evidence) -> None:
    case = subject.cases.waiting
    if isinstance(case, Inapplicable):
        evidence.looked(f"it never waits: {case.reason}")
        return
    if case is None:
        evidence.gap("give settings with which a read waits for the system in cases.waiting")
        return
    found = [want for want in wanted(subject) if want.stream.name == case.stream]
    if not found:
        evidence.gap(f"the stream {case.stream} of cases.waiting is not found")
    for want in found[:1]:
        _look_at_cancelling(want, case.config, evidence, wait_seconds=_START_SECONDS)


def _look_at_failing(subject: SourceSubject, evidence: Evidence) -> None:
    """Cancel where the system refuses, such as by a limit: who waits by himself hears nothing."""
    want = next(wanted(subject, batch_rows=_BATCH_ROWS))
    for code, settings in subject.cases.errors.items():
        if isinstance(settings, Inapplicable):
            continue
        told, seconds = _read_and_cancel(want, settings, _START_SECONDS)
        said = f"{want} with errors[{code!r}], cancelled while it waits"
        if not told.was_over:
            _expect_prompt(said, told, seconds, evidence)


def _look_at_cancelling(
    want: Wanted, settings: Settings, evidence: Evidence, *, wait_seconds: float | None = None
) -> None:
    told, seconds = _read_and_cancel(want, settings, wait_seconds)
    when = "between two batches" if wait_seconds is None else "while it waits"
    said = f"{want}, cancelled {when}"
    if told.was_over or told.bench is None:
        evidence.gap(f"{said}: the read was over before it could be cancelled")
        return
    _expect_prompt(said, told, seconds, evidence)
    if told.rows_late:
        evidence.problem(f"{said}: {told.rows_late} records came afterwards")
    if isinstance(told.error, DativoError) and not_refused(told.error):
        evidence.problem(f"{said}: {not_refused(told.error)}")


def _expect_prompt(said: str, told: _Cancelled, seconds: float, evidence: Evidence) -> None:
    evidence.looked(f"{said}: over after {seconds:.1f} s")
    if not told.ended.is_set() or seconds > _PROMPT_SECONDS:
        evidence.problem(
            f"{said}: it goes on for more than {_PROMPT_SECONDS:g} s; ask context.cancelled(), and "
            "give context.on_cancel what ends a call that waits"
        )


RULES = (late, prompt, closes)
