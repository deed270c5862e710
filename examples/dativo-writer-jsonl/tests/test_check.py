from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import attrs
import pytest
from dativo_writer_jsonl import check_connection, lock
from lake import Lake, Run, numbers

from dativo.contract import StreamRequest, Verdict
from dativo.errors import StateLockedError


def test_a_check_tries_everything_and_leaves_nothing(lake: Lake) -> None:
    result = check_connection(lake.config, lake.run)

    assert result.verdict is Verdict.OK
    assert [item.scope for item in result.items] == ["folder", "durability", "lock", "replace"]
    assert list(lake.path.parent.iterdir()) == []


def test_a_folder_that_cannot_be_is_red(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lake = Lake(tmp_path / "file" / "lake")

    result = check_connection(lake.config, lake.run)

    assert result.verdict is Verdict.FAILED


def test_a_check_looks_at_the_streams_of_the_job(lake: Lake) -> None:
    lake.write(1, numbers(1))
    streams = (StreamRequest(stream="things"), StreamRequest(stream="more"))

    own = check_connection(lake.config, run(streams=streams))
    other = check_connection(lake.config, run(job_id="other", streams=streams))

    assert "epoch 1" in own.items[-2].message
    assert "nothing is published" in own.items[-1].message
    assert other.items[-2].verdict is Verdict.FAILED


def test_one_run_of_a_job_holds_the_folder(lake: Lake) -> None:
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(lock(lake.config, lake.run))
        assert held is not None
        assert held.is_held()
        stack.enter_context(lock(lake.config, attrs.evolve(lake.run, job_id="other")))
        with pytest.raises(StateLockedError), lock(lake.config, lake.run):
            pass
    with lock(lake.config, lake.run):
        pass


def run(**about: Any) -> Any:
    return Run(**about)
