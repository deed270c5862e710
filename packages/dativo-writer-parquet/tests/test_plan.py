"""What a plan says of the target, and that it leaves the target alone."""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa
import pytest
from parquet_lake import Lake, by, ids

from dativo.contract import ReadPlan, WriteMode, WritePlan
from dativo.errors import StateUnreadableError
from dativo_test_support.context import FakeContext
from dativo_writer_parquet import _plan, plan_write

MIB = 1 << 20


def _planned(lake: Lake, **read: Any) -> WritePlan:
    plan = plan_write(lake.config, lake.request, ReadPlan(**read), FakeContext())
    assert plan is not None
    return plan


def test_nothing_is_touched(lake: Lake) -> None:
    plan = _planned(lake)

    assert plan == WritePlan(place=str(lake.data), knows_last_commit=True)
    assert not lake.path.exists()


def test_it_tells_what_is_published_and_claims_nothing(lake: Lake) -> None:
    lake.publish(1, ids(1))
    receipt = lake.publish(2, ids(2))
    claim = (lake.staging.parent / "claim.json").read_text()

    plan = _planned(lake)
    assert plan.last_commit == receipt.record
    assert (lake.staging.parent / "claim.json").read_text() == claim
    next(lake.data.glob("*2/*")).write_bytes(b"")
    with pytest.raises(StateUnreadableError):
        _planned(lake)


@pytest.mark.parametrize(
    ("settings", "read", "files"),
    [
        ({}, {}, None),
        ({}, {"rows": 0}, 1),
        ({}, {"rows": 5}, 1),
        ({}, {"rows": 5, "partitions": 2}, 2),
        ({}, {"rows": 5, "partitions": 50}, 2),
        ({"file_rows": 10}, {"rows": 95}, 10),
        ({"file_size_bytes": MIB}, {"size_bytes": 10 * MIB + 1}, 11),
        ({"file_size_bytes": MIB, "file_rows": 10}, {"size_bytes": 3 * MIB, "rows": 95}, 10),
    ],
)
def test_files_are_estimated(
    lake: Lake, settings: dict[str, Any], read: dict[str, Any], files: int | None
) -> None:
    assert _planned(lake.having(settings=settings), **read).files == files


def test_folders_are_expected_as_they_were(lake: Lake) -> None:
    lake = lake.having(options=by("part"))
    assert _planned(lake, rows=5).files is None
    lake.publish(1, pa.table({"id": [1, 2, 3], "part": ["a", "b", "c"]}))

    assert _planned(lake, rows=5).files == 3
    assert _planned(lake, rows=0).files == 1


@pytest.mark.parametrize(
    ("mode", "word"), [(WriteMode.APPEND, "compaction"), (WriteMode.REPLACE, "so replace")]
)
def test_a_file_system_without_exchange_is_told(
    lake: Lake, mode: WriteMode, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake.having(mode=mode)
    assert _planned(lake).assumptions == ()
    monkeypatch.setattr(_plan, "can_exchange", lambda _folder: False)

    assert word in _planned(lake).assumptions[0]
    assert "cannot exchange" in _planned(lake).assumptions[0]


def test_who_may_only_read_gets_a_plan_too(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_folder: object) -> bool:
        raise PermissionError

    monkeypatch.setattr(_plan, "can_exchange", refused)
    assert _planned(lake).assumptions == ()
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert _planned(lake).assumptions == ()
