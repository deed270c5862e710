"""A few cases of every row in the default test run; `nox -s faults` runs the others."""

from __future__ import annotations

import random

import pytest
from fault_frame import Row, all_rows, replay_command, run_case

SEED = random.SystemRandom().randrange(1_000_000)
QUICK = [(row, place) for row in all_rows() for place in range(row.quick)]


@pytest.mark.parametrize(
    ("row", "place"), QUICK, ids=[f"{row.name}-{place}" for row, place in QUICK]
)
def test_a_fault_loses_and_doubles_nothing(row: Row, place: int) -> None:
    if (why := row.missing()) is not None:
        pytest.skip(why)
    number = random.Random(f"{SEED}:{place}").randrange(row.count())

    result = run_case(row, number)

    assert result.failure == "", f"{result.failure}\nagain: {replay_command(result)}"
