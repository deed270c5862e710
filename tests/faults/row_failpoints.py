"""A kill at every named step of the protocol, in every situation in which the step is taken."""

from __future__ import annotations

import ast
import functools
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import attrs
from fault_frame import Row, Workspace, dice
from fault_oracle import check_state, published, watched
from fault_process import KILLED
from fault_scenarios import SCENARIOS, Scenario
from row_kills import check_swept

from dativo import contract
from dativo.contract import FAILPOINT_VARIABLE

_SOURCES = Path(contract.__file__).parents[4]
_OBSERVE = (sys.executable, str(Path(__file__).with_name("observe.py")))
_MEASURING = threading.Lock()


@attrs.frozen
class Kill:
    """A case: where to kill, and after how many times; no scenario if nothing leads there."""

    point: str
    scenario: Scenario | None
    later: bool = False


def fail_points() -> tuple[str, ...]:
    """Return the names of all fail points in the sources; each stands in one place."""
    found: list[str] = []
    for file in sorted(_SOURCES.glob("*/src/**/*.py")):
        text = file.read_text(encoding="utf-8")
        if "failpoint(" not in text:
            continue
        calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
        found += [
            str(call.args[0].value)
            for call in calls
            if isinstance(call.func, ast.Name)
            and call.func.id == "failpoint"
            and isinstance(call.args[0], ast.Constant)
        ]
    return tuple(sorted(found))


@functools.cache
def passed(scenario: Scenario) -> Mapping[str, int]:
    """Return how often the command of *scenario* passes each fail point, if nothing kills it."""
    with tempfile.TemporaryDirectory(prefix="dativo-fault-") as name:
        workspace = Workspace(Path(name))
        ready = scenario.ready(workspace)
        file = workspace.path / "passed"
        dativo = attrs.evolve(ready.dativo, program=_OBSERVE, variables={"PASSED": str(file)})
        dativo(*scenario.command, code=0)
        return Counter(file.read_text().split()) if file.exists() else {}


def all_kills() -> tuple[Kill, ...]:
    """Return every case; takes some seconds the first time."""
    with _MEASURING:
        return _all_kills()


@functools.cache
def _all_kills() -> tuple[Kill, ...]:
    kills: list[Kill] = []
    for point in fail_points():
        led = [one for one in SCENARIOS if passed(one).get(point)]
        kills += [Kill(point, one) for one in led] or [Kill(point, None)]
        kills += [Kill(point, one, later=True) for one in led if passed(one)[point] > 1]
    return tuple(kills)


def case(number: int, workspace: Workspace) -> None:
    """Kill at one fail point and let the next run go on."""
    kill = all_kills()[number]
    assert kill.scenario is not None, f"no scenario leads to the fail point {kill.point}"
    times = passed(kill.scenario)[kill.point]
    source = dice("failpoint.all", number)
    kill_at(kill.scenario, kill.point, source.randint(2, times) if kill.later else 1, workspace)


def kill_at(scenario: Scenario, point: str, hit: int, workspace: Workspace) -> None:
    """Kill the command of *scenario* when it passes *point* for the *hit*-th time."""
    ready = scenario.ready(workspace)
    armed = ready.dativo.with_variables(**{FAILPOINT_VARIABLE: f"{point}:{hit}"})
    with watched(ready.job):
        ended = armed(*scenario.command)
        assert ended.code in KILLED, f"{point}:{hit} in {scenario.name} was not met: {ended}"
        workspace.kills += 1
        if not scenario.begins_damaged:
            check_state(ready.job)
        published(ready.job)
        ready.finish(*scenario.command)
    check_swept(ready.job)


ROWS = (
    Row(
        name="failpoint.all",
        about="a kill at every named step, the first and a later time, in every situation",
        demanded=lambda: len(all_kills()),
        sampled=40,
        case=case,
    ),
)
