from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dativo.config import Redactor
from dativo.contract import Checkpoint, ReadMode, ReadPlan, Role, StreamRequest
from dativo.engine._context import EngineContext
from dativo.engine._means import open_side
from dativo.engine._pipe import Side
from dativo.errors import StateError
from dativo_test_support.project import Project

REQUEST = StreamRequest(stream="numbers", mode=ReadMode.INCREMENTAL, cursor="id")
NEWER = Checkpoint({"id": 3}, version=2)


@pytest.fixture
def source(project: Project, tmp_path: Path) -> Iterator[tuple[Side, EngineContext]]:
    """Have the source of the test support, whose checkpoints have version 1."""
    assert project.folder.is_dir()  # where the connectors of the test support are installed
    settings = {"rows": 10, "counts": "given"}
    opened = open_side(
        "numbers", Role.SOURCE, settings, folder=tmp_path, redactor=Redactor(), timeout_seconds=60
    )
    with opened as (side, control):
        yield side, side.context(control, stream="numbers")


def test_a_checkpoint_of_a_newer_version_is_refused_before_the_source_is_asked(
    source: tuple[Side, EngineContext],
) -> None:
    side, context = source

    with pytest.raises(StateError, match=r"has the version 2.* and reads 1") as caught:
        side.extract(REQUEST, NEWER, context).__enter__()
    with pytest.raises(StateError, match="has the version 2"):
        side.plan_read(REQUEST, NEWER, context)

    assert (caught.value.connector, caught.value.stream) == ("numbers", "numbers")
    assert "--full-refresh" in caught.value.fix


def test_a_checkpoint_of_its_version_or_an_older_one_is_the_sources_affair(
    source: tuple[Side, EngineContext],
) -> None:
    side, context = source

    for version in (0, 1):
        state = Checkpoint({"id": 3}, version=version)
        with side.extract(REQUEST, state, context) as batches:
            assert sum(batch.rows for batch in batches if isinstance(batch.rows, int)) == 7


def test_a_source_without_plans_has_an_empty_one(source: tuple[Side, EngineContext]) -> None:
    side, context = source

    assert side.plan_read(REQUEST, None, context) == ReadPlan()
