from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dativo.errors import StateUnreadableError
from dativo.state import StateStore, private_file, private_folder


@pytest.mark.parametrize(
    ("make", "call"), [(private_file, "open"), (private_folder, "mkdir")], ids=["file", "folder"]
)
def test_a_broken_disk_makes_the_state_unreadable(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], Path],
    call: str,
) -> None:
    def fail(path: Path, *_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(StateUnreadableError, match="broken"):
        make(tmp_path / "broken")


@pytest.mark.parametrize("mask", [0, 0o077, 0o777])
def test_only_the_owner_may_look_whatever_the_mask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        folder = private_folder(tmp_path / "folder")
        file = private_file(folder / "file")
    finally:
        os.umask(before)

    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


def test_second_store_of_a_process_does_not_take_the_locks_of_the_first(tmp_path: Path) -> None:
    with closing(StateStore(tmp_path)) as first:
        first.next_fence("job")
        before = own_locks(tmp_path)
        StateStore(tmp_path).close()
        after = own_locks(tmp_path)

    assert after == before != set()


def own_locks(folder: Path) -> set[str]:
    """Return the inodes of *folder* on which this process has a lock of POSIX."""
    inodes = {str(file.stat().st_ino) for file in folder.iterdir()}
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    mine = {line[5].rpartition(":")[2] for line in lines if line[4] == str(os.getpid())}
    return inodes & mine
