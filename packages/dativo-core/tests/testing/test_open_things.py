from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dativo.testing import _open_things
from dativo.testing._open_things import _open_now, left_open

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is open")


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait shortly for what ends by itself, as nothing does."""
    monkeypatch.setattr(_open_things, "_GRACE_SECONDS", (0.1, 0.1))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "left.open"
    path.write_text("")
    return path


@pytest.fixture
def descriptors() -> Iterator[list[int]]:
    """What a test opens and does not close itself."""
    opened: list[int] = []
    yield opened
    for descriptor in opened:
        os.close(descriptor)


def test_what_is_open_above_a_gap_is_seen(file: Path, descriptors: list[int]) -> None:
    gap = os.open(file, os.O_RDONLY)
    descriptors.append(os.open(file, os.O_RDONLY))
    os.close(gap)

    assert f"{file} (descriptor {descriptors[0]})" in _open_now().values()


@pytest.mark.usefixtures("brief")
def test_a_file_that_each_round_leaves_open_is_named(file: Path, descriptors: list[int]) -> None:
    left = left_open(lambda: descriptors.append(os.open(file, os.O_RDONLY)))

    assert left.count(f"{file} (descriptor ") == 3
    assert left.endswith(", after 3 times")


@pytest.mark.usefixtures("brief")
def test_more_than_three_are_counted(file: Path, descriptors: list[int]) -> None:
    left = left_open(lambda: descriptors.extend(os.open(file, os.O_RDONLY) for _ in range(2)))

    assert left.count(f"{file} (descriptor ") == 3
    assert left.endswith(" and 3 more, after 3 times")


@pytest.mark.usefixtures("brief")
def test_a_thread_that_each_round_leaves_is_named() -> None:
    over = threading.Event()
    try:
        left = left_open(lambda: threading.Thread(target=over.wait, name="never over").start())
    finally:
        over.set()

    assert "the thread 'never over'" in left


@pytest.mark.usefixtures("brief")
def test_a_child_that_each_round_leaves_is_named() -> None:
    children: list[subprocess.Popen[bytes]] = []
    try:
        left = left_open(lambda: children.append(subprocess.Popen(["sleep", "60"])))
    finally:
        for child in children:
            child.kill()
            child.wait()

    # Once before anything counts, and the second three are those that are named.
    named = [f"the child process {child.pid}" in left for child in children]
    assert named == [*[False] * 4, *[True] * 3]


def test_what_ends_by_itself_is_not_left() -> None:
    assert not left_open(lambda: threading.Timer(0.2, lambda: None).start())


def test_what_is_opened_once_for_all_is_not_left(file: Path, descriptors: list[int]) -> None:
    def work() -> None:
        if not descriptors:
            descriptors.append(os.open(file, os.O_RDONLY))

    assert not left_open(work)


def test_what_is_left_by_some_rounds_only_is_not_left(file: Path, descriptors: list[int]) -> None:
    def work() -> None:
        if len(descriptors) < 2:
            descriptors.append(os.open(file, os.O_RDONLY))

    assert not left_open(work)
