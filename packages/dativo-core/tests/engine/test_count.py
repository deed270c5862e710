"""Records that get lost on their way are found before anything is published."""

from __future__ import annotations

from pathlib import Path

import pytest

from dativo import engine
from dativo.errors import (
    ContractViolationError,
    DataValidationError,
    DativoError,
    PluginExecutionError,
    WriteFailedError,
)
from dativo_test_support.project import Project

pytestmark = pytest.mark.usefixtures("quick_retries")


@pytest.mark.parametrize("counts", ["call", "given"])
@pytest.mark.parametrize("lazy", [True, False])
def test_batch_that_the_source_loses_is_found_by_its_own_count(
    project: Project, counts: str, *, lazy: bool
) -> None:
    source = {"rows": 30, "drop_at": 15, "counts": counts, "lazy": lazy}

    result = engine.run(project.job(source=source, run={"retries": 1, "epoch_rows": 10}))

    assert isinstance(result.error, DataValidationError)
    assert result.error.message == (
        "rows were lost or doubled on their way: the source counts 10 rows, "
        "0 arrived and 0 were staged"
    )
    assert (result.error.connector, result.error.stream) == ("numbers", "numbers")
    assert result.error.details == {"source": 10, "read": 0}
    assert result.streams[0].attempts == 2
    assert project.ids() == list(range(1, 11))


def test_batch_that_got_lost_once_is_read_anew(project: Project, tmp_path: Path) -> None:
    source = {"rows": 30, "drop_at": 15, "folder": str(tmp_path / "failures")}

    result = engine.run(project.job(source=source))

    assert result.ok
    assert result.streams[0].attempts == 2
    assert project.ids() == list(range(1, 31))


def test_batch_that_the_writer_loses_is_found(project: Project) -> None:
    result = engine.run(project.job(writer={"miscount": True}, run={"retries": 0}))

    assert isinstance(result.error, WriteFailedError)
    assert result.error.message == (
        "rows were lost or doubled on their way: the source counts 10 rows, "
        "10 arrived and 0 were staged"
    )
    assert result.error.connector == "ledger"
    assert project.ids() == []


def test_source_without_a_count_still_has_those_of_engine_and_writer(project: Project) -> None:
    job = project.job(
        source={"counts": "none"},
        writer={"miscount": True},
        run={"retries": 0},
        connectors=("plain", "ledger"),
    )

    result = engine.run(job)

    assert result.error is not None
    assert "the source gives no count, 10 arrived and 0 were staged" in result.error.message


def test_source_that_promises_exact_replay_must_count(project: Project) -> None:
    exact = engine.run(project.job(source={"counts": "none"}))
    plain = engine.run(project.job(source={"counts": "none"}, connectors=("plain", "ledger")))

    assert isinstance(exact.error, ContractViolationError)
    assert "must count each batch itself" in exact.error.message
    assert plain.ok


@pytest.mark.parametrize(
    ("counts", "error"), [("raises", PluginExecutionError), ("wrong", ContractViolationError)]
)
def test_count_that_fails_is_the_sources_error(
    project: Project, counts: str, error: type[DativoError]
) -> None:
    result = engine.run(project.job(source={"counts": counts}))

    assert isinstance(result.error, error)
    assert (result.error.connector, result.error.phase) == ("numbers", "extract")
    assert project.ids() == []


def test_batches_are_numbered_in_the_order_of_their_epoch(project: Project) -> None:
    job = project.job(
        source={"rows": 60, "batch_rows": 30, "readers": 3},
        streams=[{"name": "numbers", "mode": "incremental", "primary_key": ["id"]}],
        write_mode="merge",
        run={"epoch_rows": 30, "parallelism": 3},
    )

    engine.run(job)

    assert [project.sequences(epoch) for epoch in (1, 2)] == [
        {number: 1 + (number - 1) % 30 // 10 for number in range(1, 31)},
        {number: 1 + (number - 1) % 30 // 10 for number in range(31, 61)},
    ]
