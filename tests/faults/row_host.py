"""Machines that are set up in odd ways: clocks, masks, missing folders, closed outputs, names."""

from __future__ import annotations

import resource
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
from fault_frame import Row, Workspace
from fault_numbers import MODES, NumbersJob
from fault_oracle import check_complete, check_state, watched
from fault_shim import missing_shim, shim_variables
from row_kills import check_swept

_HOUR = 3600
_YEAR = 365 * 24 * _HOUR
_FEW_FILES = 64


@attrs.frozen(kw_only=True)
class Host:
    """What is odd: the folder's name, or how the process is started."""

    folder: str = "work"
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    is_told: bool = True


def _variables(**variables: str | None) -> Host:
    return Host(settings={"variables": variables})


def _shell(redirection: str) -> Host:
    command = f'exec "$@" {redirection}'
    return Host(settings={"wrapper": ("sh", "-c", command, "sh")}, is_told=False)


def _limited(kind: int, limit: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))


_HOSTS: dict[str, Host] = {
    "far east": _variables(TZ="Pacific/Kiritimati"),
    "far west": _variables(TZ="Etc/GMT+12"),
    "half hours": _variables(TZ="America/St_Johns"),
    "summer time of half an hour": _variables(TZ="Australia/Lord_Howe"),
    "old zone": _variables(TZ="EST5EDT"),
    "no such zone": _variables(TZ="Nowhere/Land"),
    "locale C": _variables(LANG="C", LC_ALL="C", PYTHONUTF8=None),
    "no locale": _variables(LANG=None),
    "everybody may write": Host(settings={"umask": 0}),
    "nobody else may look": Host(settings={"umask": 0o077}),
    "nobody may do anything": Host(settings={"umask": 0o777}),
    "no home": _variables(HOME=None),
    "a home that is not there": _variables(HOME="/nonexistent/home"),
    "no terminal": _variables(TERM=None),
    "standard output closed": _shell(">&-"),
    "standard error closed": _shell("2>&-"),
    "all outputs closed": _shell("<&- >&- 2>&-"),
    "standard output full": _shell(">/dev/full"),
    "nobody reads": _shell("| true"),
    "few open files": Host(settings={"prepare": _limited(resource.RLIMIT_NOFILE, _FEW_FILES)}),
    "no core files": Host(settings={"prepare": _limited(resource.RLIMIT_CORE, 0)}),
    "spaces": Host(folder="a job  with spaces "),
    "signs": Host(folder='quote\' "double" $HOME `x` ; & # * ? [a] \\ %41'),
    "other scripts": Host(folder="données-データ-🦆-é"),
    "a long name": Host(folder="x" * 240),
    "a line break": Host(folder="two\nlines"),
}
_CLOCKS = {"three hours back": -3 * _HOUR, "five years on": 5 * _YEAR, "before it all": -30 * _YEAR}


def odd_host(number: int, workspace: Workspace) -> None:
    """Let a run go on under odd circumstances."""
    host = tuple(_HOSTS.values())[number // len(MODES)]
    job = _started(workspace.path / host.folder, MODES[number % len(MODES)], workspace)
    with watched(job):
        command = ("run", "--json") if host.is_told else ("run",)
        ended = job.dativo(workspace, **host.settings)(*command)
        told = host.is_told or "full" not in tuple(_HOSTS)[number // len(MODES)]
        assert ended.code == 0 or not told, str(ended)
    check_complete(job)
    check_state(job)
    check_swept(job)
    _check_private(job)


def odd_clock(number: int, workspace: Workspace) -> None:
    """Run, set the clock, run on, set it right again, and run to the end; the state may be lost."""
    offset = tuple(_CLOCKS.values())[number // len(MODES) % len(_CLOCKS)]
    loses_state = number // len(MODES) // len(_CLOCKS) == 1
    job = _started(workspace.path / "work", MODES[number % len(MODES)], workspace)
    # A run whose fence turns out too low raises it and tries again.
    job = attrs.evolve(job, run={"retries": 1}).write()
    variables = shim_variables(job.folder, clock=offset)
    for rows, settings in ((80, {"variables": variables}), (job.rows, {})):
        if loses_state:
            for file in (job.folder / ".dativo").glob("state.db*"):
                file.unlink()
        step = job if job.mode == "replace" else attrs.evolve(job, rows=rows)
        with watched(step.write()):
            step.dativo(workspace, **settings)("run", "--json", code=0)
        check_complete(step)
        check_state(step)


def _started(folder: Path, mode: str, workspace: Workspace) -> NumbersJob:
    job = NumbersJob(folder=folder, mode=mode, delay_seconds=0)
    first = job if mode == "replace" else attrs.evolve(job, rows=40)
    first.write().dativo(workspace)("run", "--json", code=0)
    return attrs.evolve(job, generation="b" if mode == "replace" else "a").write()


def _check_private(job: NumbersJob) -> None:
    """Nobody else may read what a job keeps or publishes, whatever the mask was."""
    for place in (job.folder / ".dativo", job.lake):
        for path in (place, *place.rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            wanted = 0o700 if path.is_dir() else 0o600
            assert mode == wanted, f"{path} has the mode {mode:o}, not {wanted:o}"


ROWS = (
    Row(
        name="host.odd",
        about="time zones, masks, homes, closed outputs, few files, odd paths: it completes",
        demanded=len(_HOSTS) * len(MODES),
        sampled=10,
        quick=1,
        case=odd_host,
    ),
    Row(
        name="host.clock",
        about="the clock jumps back and on between runs, with and without the state",
        demanded=2 * len(_CLOCKS) * len(MODES),
        sampled=4,
        case=odd_clock,
        missing=missing_shim,
    ),
)
