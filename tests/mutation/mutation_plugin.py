"""A plugin of pytest for the processes that the mutation run starts; it never runs by itself.

``MUTATION_RECORD`` names a file: the test that runs is told to coverage as the context, also in
children, and the seconds of each test are written there at the end. ``MUTATION_TESTS`` names a
JSON list of test ids: only these run, in that order. ``MUTATION_CHILDREN`` names the configuration
with which coverage begins in children.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

RECORD, TESTS, CONTEXT = "MUTATION_RECORD", "MUTATION_TESTS", "MUTATION_CONTEXT"
CHILDREN = "MUTATION_CHILDREN"

_START = "COVERAGE_PROCESS_START"

_SECONDS: dict[str, float] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Name the test to coverage while it runs, and take its time."""
    # The tests of this runner may be measured themselves, which is none of our affair.
    measured = coverage.Coverage.current() if CHILDREN in os.environ else None
    if measured is not None:
        measured.switch_context(item.nodeid)
        # Not the patch of coverage for subprocesses: it hands on the context of the beginning.
        os.environ |= {CONTEXT: item.nodeid, _START: os.environ[CHILDREN]}
    started = time.monotonic()
    try:
        return (yield)
    finally:
        _SECONDS[item.nodeid] = time.monotonic() - started
        if measured is not None:
            measured.switch_context("")
            os.environ[CONTEXT] = ""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that are asked for, in that order."""
    if not (asked := os.environ.get(TESTS)):
        return
    place = {name: index for index, name in enumerate(json.loads(Path(asked).read_text()))}
    kept = [item for item in items if item.nodeid in place]
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in place])
    items[:] = sorted(kept, key=lambda item: place[item.nodeid])


def pytest_sessionfinish() -> None:
    """Write the seconds down."""
    if record := os.environ.get(RECORD):
        Path(record).write_text(json.dumps(_SECONDS), encoding="utf-8")
