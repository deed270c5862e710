from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dativo.cli._outlet import Outlet


def _pipe() -> tuple[int, Outlet]:
    reading, writing = os.pipe()
    outlet = Outlet(writing)
    os.close(writing)
    return reading, outlet


def test_text_arrives_and_missing_characters_are_escaped() -> None:
    reading, outlet = _pipe()
    outlet.encoding = "ascii"

    outlet.write("häh\n")
    outlet.flush()

    assert os.read(reading, 100) == b"h\\xe4h\n"
    assert not outlet.can_show("✓")
    assert outlet.can_show("x")
    os.close(reading)


def test_a_reader_that_went_away_is_no_error() -> None:
    reading, outlet = _pipe()
    os.close(reading)

    assert outlet.write("gone") == 4
    assert outlet.write("still gone") == 10
    assert outlet.failure is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_disk_is_remembered() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    outlet = Outlet(descriptor)

    outlet.write("text")

    assert outlet.failure is not None
    os.close(descriptor)


def test_a_reader_that_does_not_keep_up_is_waited_for() -> None:
    reading, outlet = _pipe()
    os.set_blocking(outlet._descriptor, False)
    got: list[bytes] = []

    def read_slowly() -> None:
        time.sleep(0.05)
        while sum(map(len, got)) < 300_000:
            got.append(os.read(reading, 100_000))

    reader = threading.Thread(target=read_slowly)
    reader.start()
    outlet.write("x" * 300_000)
    reader.join(10)

    assert sum(map(len, got)) == 300_000
    os.close(reading)


def test_the_size_comes_from_the_environment_or_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("LINES", raising=False)
    reading, outlet = _pipe()
    assert outlet.size == (80, 24)
    assert not outlet.isatty()

    monkeypatch.setenv("COLUMNS", "33")
    monkeypatch.setenv("LINES", "no")

    assert outlet.size == (33, 24)
    os.close(reading)
    ours, theirs = os.openpty()
    assert Outlet(theirs).is_terminal
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("closed", ["0<&-", ">&-", "2>&-", "0<&- >&- 2>&-"])
def test_closed_descriptors_are_opened_so_that_no_file_takes_their_place(
    closed: str, tmp_path: Path
) -> None:
    code = (
        "import os\n"
        "from dativo.cli._outlet import open_standard_descriptors\n"
        "open_standard_descriptors()\n"
        "print('never in the file', flush=True) if os.sys.stdout else None\n"
        f"fd = os.open({str(tmp_path / 'file')!r}, os.O_CREAT | os.O_WRONLY)\n"
        "os._exit(fd)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)

    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} {script} {closed}"], check=False, timeout=30
    )

    assert done.returncode > 2
