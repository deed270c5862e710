"""The order in which a run makes things durable, and what a power cut leaves of it."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
import threading
from pathlib import Path

import attrs
from fault_frame import Row, Workspace
from fault_numbers import NumbersJob
from fault_oracle import check_complete, check_state, published
from fault_powercut import Disk, Event, read_trace
from fault_scenarios import SCENARIOS, Scenario
from fault_shim import missing_shim, shim_variables
from row_kills import check_swept

_TRACED = tuple(one for one in SCENARIOS if one.is_traced)
_TRACING = threading.Lock()


@attrs.frozen(kw_only=True)
class Trace:
    """The calls of a scenario's command, and the folder as it was before."""

    scenario: Scenario
    job: NumbersJob
    before: Path
    events: tuple[Event, ...]

    @property
    def folder(self) -> Path:
        """The folder in which the command ran."""
        return self.job.folder


def trace_of(scenario: Scenario) -> Trace:
    """Run the command of *scenario* once and write down its calls."""
    with _TRACING:
        return _traced(scenario)


@functools.cache
def _traced(scenario: Scenario) -> Trace:
    workspace = Workspace(Path(tempfile.mkdtemp(prefix="dativo-fault-trace-")))
    atexit.register(shutil.rmtree, workspace.path, ignore_errors=True)
    ready = scenario.ready(workspace)
    before, file = workspace.path / "before", workspace.path / "trace"
    shutil.copytree(ready.job.folder, before)
    dativo = ready.dativo.with_variables(**shim_variables(ready.job.folder, trace=file))
    dativo(*scenario.command, code=0)
    return Trace(scenario=scenario, job=ready.job, before=before, events=tuple(read_trace(file)))


def order(number: int, workspace: Workspace) -> None:
    """Check every publication: data and folders are synced, then it is visible, then the state."""
    trace = trace_of(_TRACED[number])
    disk = _disk_before(trace)
    publications = 0
    for place, event in enumerate(trace.events):
        if _publishes(event, trace.job.data):
            publications += 1
            moved = disk.find(event.path)
            assert moved is not None, event
            assert moved.is_synced(), f"published before it was durable: {event}"
            _check_what_follows(trace, place, event)
        disk.apply(event)
    assert publications > 0, "nothing was published"


def _check_what_follows(trace: Trace, place: int, event: Event) -> None:
    """Check that the new name is synced before the state is written, and the state then too."""
    later = trace.events[place + 1 :]
    synced = _first(later, "fsync", event.other.parent)
    assert synced is not None, f"the name was never synced: {event}"
    state = [
        at for at, one in enumerate(later) if one.call == "write" and _is_state(one, trace.folder)
    ]
    if not trace.scenario.stores_state and not state:
        return
    assert state, f"the state was never written after {event}"
    assert synced < state[0], f"the state was written before the name was durable: {event}"
    log = later[state[0]].path
    stored = _first(later[state[0] :], "fsync", log)
    assert stored is not None, f"the state was never synced after {event}"
    next_one = next(
        (at for at, one in enumerate(later) if _publishes(one, trace.job.data)), len(later)
    )
    assert state[0] + stored < next_one, f"published again before the state was durable: {event}"


def _first(events: tuple[Event, ...], call: str, path: Path) -> int | None:
    places = (at for at, one in enumerate(events) if one.call == call and one.path == path)
    return next(places, None)


def _publishes(event: Event, data: Path) -> bool:
    return event.call == "rename" and data in {event.other, event.other.parent}


def _is_state(event: Event, folder: Path) -> bool:
    return event.path in (folder / ".dativo" / "state.db", folder / ".dativo" / "state.db-wal")


@attrs.frozen
class Cut:
    """A power cut after some events of a trace."""

    scenario: Scenario
    events: int
    keeps_names: bool


@functools.cache
def all_cuts() -> tuple[Cut, ...]:
    """Return the cuts that leave different disks; takes some seconds the first time."""
    cuts: list[Cut] = []
    for scenario in _TRACED:
        trace = trace_of(scenario)
        for keeps_names in (False, True):
            disk, seen = _disk_before(trace), set()
            for place, event in enumerate(trace.events, 1):
                disk.apply(event)
                left = hash(disk.cut(keeps_names=keeps_names))
                if left not in seen:
                    cuts.append(Cut(scenario, place, keeps_names))
                seen.add(left)
    return tuple(cuts)


def power_cut(number: int, workspace: Workspace) -> None:
    """Drop what was not synced at one moment and let the next run go on from there."""
    cut = all_cuts()[number]
    trace = trace_of(cut.scenario)
    disk = _disk_before(trace)
    for event in trace.events[: cut.events]:
        disk.apply(event)
    job = attrs.evolve(trace.job, folder=workspace.path / "work")
    disk.write_cut(job.folder, keeps_names=cut.keeps_names)
    told = f"{cut.scenario.name} after {trace.events[cut.events - 1]}"
    try:
        published(job)
        check_state(job)
        job.dativo(workspace)("run", "--json", code=0)
        check_complete(job)
        check_state(job)
        check_swept(job)
    except AssertionError as error:
        error.add_note(told)
        raise


def _disk_before(trace: Trace) -> Disk:
    return Disk(trace.before, stands_for=trace.folder)


ROWS = (
    Row(
        name="order.trace",
        about="on a trace: data, folder, rename, parent folder, state, each synced before the next",
        demanded=len(_TRACED),
        sampled=len(_TRACED),
        quick=1,
        case=order,
        missing=missing_shim,
    ),
    Row(
        name="order.power_cut",
        about="whatever was not synced is dropped after every call: the next run completes",
        demanded=lambda: len(all_cuts()),
        sampled=40,
        case=power_cut,
        missing=missing_shim,
    ),
)
