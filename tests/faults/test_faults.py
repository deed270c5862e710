"""A few cases of every row in the default test run; `nox -s faults` runs the others."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fault_frame import Row, Workspace, all_rows, replay_command, run_case
from fault_scenarios import SCENARIOS
from row_failpoints import fail_points, kill_at, passed

SEED = random.SystemRandom().randrange(1_000_000)
QUICK = [(row, place) for row in all_rows() for place in range(row.quick)]


def test_every_step_of_the_protocol_has_a_fail_point_of_its_own() -> None:
    points = fail_points()

    assert len(points) >= 25
    assert sorted(set(points)) == list(points)


def test_a_kill_at_a_fail_point_loses_and_doubles_nothing(tmp_path: Path) -> None:
    source = random.Random(SEED)
    scenario = source.choice([one for one in SCENARIOS if not one.is_on_store])
    point, times = source.choice(sorted(passed(scenario).items()))
    hit = source.randint(1, times)

    kill_at(scenario, point, hit, Workspace(tmp_path))


@pytest.mark.parametrize(
    ("row", "place"), QUICK, ids=[f"{row.name}-{place}" for row, place in QUICK]
)
def test_a_fault_loses_and_doubles_nothing(row: Row, place: int) -> None:
    if (why := row.missing()) is not None:
        pytest.skip(why)
    number = random.Random(f"{SEED}:{place}").randrange(row.count())

    result = run_case(row, number)

    assert result.failure == "", f"{result.failure}\nagain: {replay_command(result)}"
