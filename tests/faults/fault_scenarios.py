"""What is done to a job: one command each, what goes before it, and how it is finished."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import attrs
from fault_frame import Workspace
from fault_numbers import STREAM, NumbersJob
from fault_oracle import check_complete, check_state
from fault_process import KILLED, Dativo
from fault_store import Store, new_store

from dativo.contract import FAILPOINT_VARIABLE

__all__ = ["SCENARIOS", "Prepared", "Scenario"]

_RUN = ("run", "--json")


@attrs.frozen
class Base:
    """Where a job is: its folder, and its bucket if it does not write to files."""

    folder: Path
    store: Store | None = None


_Preparation: TypeAlias = Callable[[Workspace, Base], NumbersJob]


@attrs.frozen(kw_only=True)
class Prepared:
    """A job on which the command of a scenario can be called now."""

    job: NumbersJob
    dativo: Dativo

    def finish(self, *command: str) -> None:
        """Call the command again, then run once more: everything must be there."""
        self.dativo(*command, code=0)
        self.dativo(*_RUN, code=0)
        check_complete(self.job)
        check_state(self.job)


@attrs.frozen(kw_only=True)
class Scenario:
    """A command in a situation.

    Attributes:
        name: Mode, then situation.
        prepare: Brings the job into the situation.
        command: What is called then.
        is_traced: Whether its order on the disk is looked at.
        stores_state: Whether each publication is followed by a new state.
        is_on_store: Whether the job writes to an object store.
        begins_damaged: Whether nobody can read the state before the command is through.
    """

    name: str
    prepare: _Preparation
    command: tuple[str, ...] = _RUN
    is_traced: bool = False
    stores_state: bool = True
    is_on_store: bool = False
    begins_damaged: bool = False

    def ready(self, workspace: Workspace, folder: str = "work") -> Prepared:
        """Bring a new job into the situation."""
        store = new_store() if self.is_on_store else None
        job = self.prepare(workspace, Base(workspace.path / folder, store))
        return Prepared(job=job, dativo=job.dativo(workspace))


def _job(base: Base, mode: str, **changes: Any) -> NumbersJob:
    place: dict[str, Any] = {"folder": base.folder, "store": base.store}
    return NumbersJob(mode=mode, rows=80, delay_seconds=0, **place, **changes)


def _first(mode: str) -> _Preparation:
    def prepare(workspace: Workspace, base: Base) -> NumbersJob:
        return _job(base, mode).write()

    return prepare


def _next(mode: str, *, gone: tuple[int, ...] = ()) -> _Preparation:
    """A part is published already, or in replace mode another generation."""

    def prepare(workspace: Workspace, base: Base) -> NumbersJob:
        keys = 0 if gone else 30
        job = _job(base, mode, keys=keys)
        before = job if mode == "replace" else attrs.evolve(job, rows=40)
        before.write().dativo(workspace)(*_RUN, code=0)
        if mode == "replace":
            return attrs.evolve(job, generation="b").write()
        return attrs.evolve(job, gone=gone, gone_since=40).write()

    return prepare


def _state_lost(mode: str) -> _Preparation:
    def prepare(workspace: Workspace, base: Base) -> NumbersJob:
        job = _next(mode)(workspace, base)
        for file in (base.folder / ".dativo").glob("state.db*"):
            file.unlink()
        return job

    return prepare


def _state_damaged(mode: str) -> _Preparation:
    def prepare(workspace: Workspace, base: Base) -> NumbersJob:
        job = _next(mode)(workspace, base)
        (base.folder / ".dativo" / "state.db").write_bytes(b"no database" * 500)
        return job

    return prepare


def _state_covered(workspace: Workspace, base: Base) -> NumbersJob:
    """A run was killed, and a folder took the place of its state, beside the log that it left."""
    job = _next("append")(workspace, base)
    armed = job.dativo(workspace).with_variables(**{FAILPOINT_VARIABLE: "state.written"})
    assert armed(*_RUN).code in KILLED
    database = base.folder / ".dativo" / "state.db"
    assert database.with_name("state.db-wal").exists()
    database.unlink()
    database.mkdir()
    return job


def _retired(workspace: Workspace, base: Base) -> NumbersJob:
    """Two generations were published without a grace time for readers of the first one."""
    job = _job(base, "replace", writer={"grace_seconds": 0})
    for generation in "ab":
        before = attrs.evolve(job, generation=generation).write()
        before.dativo(workspace)(*_RUN, code=0)
    return attrs.evolve(job, generation="c").write()


def _complete(mode: str, **changes: Any) -> _Preparation:
    def prepare(workspace: Workspace, base: Base) -> NumbersJob:
        job = _job(base, mode, **changes).write()
        job.dativo(workspace)(*_RUN, code=0)
        return job

    return prepare


_STATE = ("--stream", STREAM, "--json")
_AT_40 = json.dumps({"value": {"id": 40}, "version": 1})

SCENARIOS = (
    Scenario(name="append.first", prepare=_first("append"), is_traced=True),
    Scenario(name="append.next", prepare=_next("append"), is_traced=True),
    Scenario(name="append.state_lost", prepare=_state_lost("append")),
    Scenario(name="append.refresh", prepare=_complete("append"), command=(*_RUN, "--full-refresh")),
    Scenario(
        name="append.compact",
        prepare=_complete("append"),
        command=("compact", "--json"),
        is_traced=True,
        stores_state=False,
    ),
    Scenario(
        name="append.rebuild",
        prepare=_state_damaged("append"),
        command=("state", "rebuild", "--json"),
        begins_damaged=True,
    ),
    Scenario(
        name="append.rebuild_beside_log",
        prepare=_state_covered,
        command=("state", "rebuild", "--json"),
        begins_damaged=True,
    ),
    Scenario(name="replace.first", prepare=_first("replace")),
    Scenario(name="replace.next", prepare=_next("replace"), is_traced=True),
    Scenario(name="replace.retired", prepare=_retired),
    Scenario(name="merge.first", prepare=_first("merge")),
    Scenario(name="merge.next", prepare=_next("merge"), is_traced=True),
    Scenario(name="merge.deletes", prepare=_next("merge", gone=(3, 4, 17)), is_traced=True),
    Scenario(
        name="merge.compact",
        prepare=_complete("merge"),
        command=("compact", "--json"),
        is_traced=True,
        stores_state=False,
    ),
    Scenario(
        name="merge.backfill",
        prepare=_complete("merge", keys=0),
        command=(*_RUN, "--from", "20", "--to", "60"),
    ),
    Scenario(
        name="merge.reset", prepare=_complete("merge", keys=0), command=("state", "reset", *_STATE)
    ),
    Scenario(
        name="merge.set",
        prepare=_complete("merge", keys=0),
        command=("state", "set", *_STATE, "--checkpoint", _AT_40),
        is_traced=True,
    ),
    Scenario(name="store.append.first", prepare=_first("append"), is_on_store=True),
    Scenario(name="store.append.next", prepare=_next("append"), is_on_store=True),
    Scenario(name="store.append.state_lost", prepare=_state_lost("append"), is_on_store=True),
    Scenario(name="store.replace.next", prepare=_next("replace"), is_on_store=True),
    Scenario(name="store.merge.deletes", prepare=_next("merge", gone=(3, 4)), is_on_store=True),
    Scenario(
        name="store.merge.compact",
        prepare=_complete("merge"),
        command=("compact", "--json"),
        is_on_store=True,
    ),
)
