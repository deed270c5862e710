from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from parquet_lake import STREAM, Lake, ids

from dativo.contract import CheckItem, ConnectionTestResult, StreamRequest, Verdict
from dativo_test_support.context import FakeContext
from dativo_writer_parquet import _check, _publish, check_connection


def _check_of(lake: Lake, context: FakeContext | None = None) -> ConnectionTestResult:
    known = context or FakeContext(streams=(StreamRequest(stream=STREAM),))
    result = check_connection(lake.config, known)
    assert result is not None
    return result


def _item(result: ConnectionTestResult, scope: str) -> CheckItem:
    return next(item for item in result.items if item.scope == scope)


def test_a_folder_that_can_be_made_passes_and_is_not_made(lake: Lake) -> None:
    result = _check_of(lake)

    assert result.is_ok
    assert [item.scope for item in result.items] == [
        "folder",
        "durability",
        "lock",
        "replace",
        "space",
        f"stream {STREAM}",
    ]
    assert _item(result, "folder").message == f"{lake.path} can be created"
    assert "nothing is published" in _item(result, f"stream {STREAM}").message
    assert not lake.path.exists()
    assert list(lake.path.parent.iterdir()) == []


def test_a_published_stream_is_told(lake: Lake) -> None:
    lake.publish(1, ids(1))
    result = _check_of(lake)

    assert result.is_ok
    assert _item(result, "folder").message == f"{lake.path} is writable"
    assert "epoch 1 of run run is the newest" in _item(result, f"stream {STREAM}").message


def test_another_jobs_stream_and_a_damaged_one_fail(lake: Lake) -> None:
    lake.publish(1, ids(1))
    streams = (StreamRequest(stream=STREAM),)
    other = _check_of(lake, FakeContext(job_id="other", streams=streams))
    next(lake.data.rglob("*.parquet")).write_bytes(b"")
    damaged = _check_of(lake)

    assert other.verdict is Verdict.PARTIAL
    assert "belongs to the job 'job'" in _item(other, f"stream {STREAM}").message
    assert damaged.verdict is Verdict.PARTIAL
    assert _item(damaged, f"stream {STREAM}").fix


def test_a_file_in_the_way_fails(lake: Lake) -> None:
    lake.path.write_text("mine")
    result = _check_of(lake)

    assert result.verdict is Verdict.FAILED
    assert "there is no folder, but a file" in result.items[0].message


def test_a_link_to_nowhere_fails(lake: Lake) -> None:
    lake.path.symlink_to(lake.path.parent / "nowhere")

    assert _check_of(lake).verdict is Verdict.FAILED


def test_a_file_system_without_exchange_is_partial(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_check, "can_exchange", lambda _folder: False)
    result = _check_of(lake)

    assert result.verdict is Verdict.PARTIAL
    assert "append mode works, replace mode is refused" in _item(result, "replace").message


def test_a_file_system_without_locks_fails(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_check, "try_lock", lambda _descriptor: True)
    result = _check_of(lake)

    assert _item(result, "lock").verdict is Verdict.FAILED


def test_a_disk_that_refuses_to_sync_fails(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_descriptor: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fsync", broken)
    result = _check_of(lake)

    assert _item(result, "durability").verdict is Verdict.FAILED
    assert _publish.fsync_folder is not None


@pytest.mark.parametrize(("free_mib", "verdict"), [(10, Verdict.FAILED), (500, Verdict.OK)])
def test_little_space_is_told(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, free_mib: int, verdict: Verdict
) -> None:
    usage = SimpleNamespace(f_bavail=free_mib * 256, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _path: usage)
    context = FakeContext()
    item = _item(_check_of(lake, context), "space")

    assert item.verdict is verdict
    assert item.message.startswith(f"only {free_mib} MiB are free")
    assert len(context.logs) == (1 if verdict is Verdict.OK else 0)
    assert Path(lake.path).parent.exists()
