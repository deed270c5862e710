"""What is done to a job: one command each, what goes before it, and how it is finished."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
from fault_frame import Workspace
from fault_numbers import NumbersJob
from fault_oracle import check_complete, check_state
from fault_process import Dativo, Ended

__all__ = ["SCENARIOS", "Prepared", "Scenario"]

_RUN = ("run", "--json")


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
    """

    name: str
    prepare: Callable[[Path, Workspace], NumbersJob]
    command: tuple[str, ...] = _RUN
    is_traced: bool = False
    stores_state: bool = True

    def ready(self, workspace: Workspace, folder: str = "work") -> Prepared:
        """Bring a new job into the situation."""
        job = self.prepare(workspace.path / folder, workspace)
        return Prepared(job=job, dativo=job.dativo(workspace))


def _first(mode: str) -> Callable[[Path, Workspace], NumbersJob]:
    def prepare(folder: Path, workspace: Workspace) -> NumbersJob:
        return NumbersJob(folder=folder, mode=mode, rows=80, delay_seconds=0).write()

    return prepare


def _next(mode: str) -> Callable[[Path, Workspace], NumbersJob]:
    def prepare(folder: Path, workspace: Workspace) -> NumbersJob:
        job = NumbersJob(folder=folder, mode=mode, rows=80, delay_seconds=0)
        before = job if mode == "replace" else attrs.evolve(job, rows=40)
        before.write()
        _done(before.dativo(workspace)(*_RUN))
        return attrs.evolve(job, generation="b" if mode == "replace" else "a").write()

    return prepare


def _state_lost(mode: str) -> Callable[[Path, Workspace], NumbersJob]:
    def prepare(folder: Path, workspace: Workspace) -> NumbersJob:
        job = _next(mode)(folder, workspace)
        for file in (folder / ".dativo").glob("state.db*"):
            file.unlink()
        return job

    return prepare


def _complete(mode: str) -> Callable[[Path, Workspace], NumbersJob]:
    def prepare(folder: Path, workspace: Workspace) -> NumbersJob:
        job = NumbersJob(folder=folder, mode=mode, rows=80, delay_seconds=0).write()
        _done(job.dativo(workspace)(*_RUN))
        return job

    return prepare


def _done(ended: Ended) -> None:
    assert ended.code == 0, str(ended)


SCENARIOS = (
    Scenario(name="append.first", prepare=_first("append"), is_traced=True),
    Scenario(name="append.next", prepare=_next("append"), is_traced=True),
    Scenario(name="append.state_lost", prepare=_state_lost("append")),
    Scenario(name="replace.first", prepare=_first("replace")),
    Scenario(name="replace.next", prepare=_next("replace"), is_traced=True),
    Scenario(name="append.refresh", prepare=_complete("append"), command=(*_RUN, "--full-refresh")),
)
