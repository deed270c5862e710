"""What is published, read back through the writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dativo import engine
from dativo.errors import (
    CapabilityMissingError,
    PluginExecutionError,
    ResourceNotFoundError,
    UsageError,
)
from dativo_test_support.project import Project


def whole(project: Project, **job: Any) -> Path:
    return project.job(connectors=("whole", "whole"), **job)


def test_what_is_published_comes_as_exact_texts(project: Project) -> None:
    job = whole(project, source={"rows": 25})
    engine.run(job)

    found = engine.cat(job)

    assert [field.name for field in found.fields] == ["id", "label", "amount"]
    assert found.rows[:2] == (
        ("1", "n1", "1.0000000000"),
        ("2", "n2", "2.0000000000"),
    )
    assert (found.count, found.complete, len(found.rows)) == (25, True, 25)
    assert found.to_dict()["rows"][24] == ["25", "n25", "25.0000000000"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("limit", "count", "complete"), [(1, 1, False), (24, 24, False), (25, 25, True), (99, 25, True)]
)
def test_a_limit_says_whether_there_is_more(
    project: Project, limit: int, count: int, *, complete: bool
) -> None:
    job = whole(project, source={"rows": 25})
    engine.run(job)

    found = engine.cat(job, stream="numbers", limit=limit)

    assert (found.count, len(found.rows), found.complete) == (count, count, complete)


def test_records_are_handed_on_batch_by_batch_until_nobody_wants_more(project: Project) -> None:
    job = whole(project, source={"rows": 50}, run={"epoch_rows": 10})
    engine.run(job)
    seen: list[int] = []

    def take(_: object, rows: Sequence[object]) -> bool:
        seen.append(len(rows))
        return sum(seen) < 20

    found = engine.cat(job, on_rows=take)

    assert seen == [0, 10, 10]
    assert (found.rows, found.count, found.complete) == ((), 20, False)


def test_an_empty_stream_has_fields_and_no_rows(project: Project) -> None:
    job = whole(project, source={"rows": 0})
    engine.run(job)

    found = engine.cat(job)

    assert (len(found.fields), found.rows, found.complete) == (3, (), True)


def test_nothing_published_and_a_writer_that_cannot_are_errors(project: Project) -> None:
    with pytest.raises(ResourceNotFoundError, match="nothing is published"):
        engine.cat(whole(project))
    with pytest.raises(CapabilityMissingError, match="has no read_back") as caught:
        engine.cat(project.job())

    assert (caught.value.connector, caught.value.stream) == ("ledger", "numbers")


def test_a_job_of_several_streams_needs_a_name(project: Project) -> None:
    job = whole(project, streams=[{"name": "a"}, {"name": "b"}])

    with pytest.raises(UsageError, match="several streams: a, b"):
        engine.cat(job)
    with pytest.raises(ResourceNotFoundError, match="no stream 'c'"):
        engine.cat(job, stream="c")


def test_a_reader_that_breaks_is_the_writers_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = whole(project, source={"rows": 5})
    engine.run(job)

    def broken(_: Path) -> pa.Schema:
        raise ZeroDivisionError("the reader has a bug")

    monkeypatch.setattr(pa.ipc, "open_file", broken)

    with pytest.raises(PluginExecutionError, match="the reader has a bug") as caught:
        engine.cat(job)

    assert (caught.value.connector, caught.value.phase) == ("whole", "read_back")
