from __future__ import annotations

import ctypes
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from dativo.testing._watch import Watch


@pytest.fixture
def watch() -> Watch:
    """One whose hook stays, as hooks of audits do, and notes nothing when the test is over."""
    return Watch()


def test_nothing_is_noted_before_and_after(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "before").write_text("")
    with watch.on():
        (tmp_path / "now").write_text("")
    (tmp_path / "after").write_text("")

    assert [Path(path).name for path, _ in watch.written] == ["now"]


def test_what_is_looked_up_is_noted_by_its_name_and_by_who_did_it(watch: Watch) -> None:
    with watch.on():
        socket.getaddrinfo("localhost", 80)

    ((name, place),) = watch.looked_up
    assert name == "localhost"
    assert place.startswith("testing/test_watch.py:")


def test_addresses_that_are_connected_to_are_noted(watch: Watch, tmp_path: Path) -> None:
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with watch.on():
            client.connect(server.getsockname())
    with socket.socket(socket.AF_UNIX) as local, watch.on():
        assert local.connect_ex(str(tmp_path / "none")) != 0

    (first, second) = watch.connected
    assert first[:2] == ("127.0.0.1", server_port(first))
    assert second[:2] == (str(tmp_path / "none"), None)


def server_port(noted: tuple[str, int | None, str]) -> int:
    assert noted[1] is not None
    assert noted[1] > 0
    return noted[1]


def test_programs_are_noted(watch: Watch) -> None:
    with watch.on():
        subprocess.run([sys.executable, "-c", ""], check=True)

    assert watch.programs[0][0] == f"subprocess.Popen {sys.executable}"


def test_libraries_are_noted_and_the_process_itself_is_none(watch: Watch) -> None:
    with watch.on():
        ctypes.CDLL(None)
    assert not watch.libraries

    with watch.on(), pytest.raises(OSError, match="no-such"):
        ctypes.CDLL("no-such.so")
    assert watch.libraries == ["no-such.so"]


def test_files_are_noted_as_read_or_as_written(watch: Watch, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    with watch.on():
        file.read_text()
        with file.open("a"):
            pass
        os.close(os.open(file, os.O_RDONLY))
        with Path(os.devnull).open("w"):
            pass
        with open(os.dup(2), "w"):  # noqa: PTH123 - by its descriptor
            pass

    assert [path for path, _ in watch.read] == [str(file)] * 2
    assert [path for path, _ in watch.written] == [str(file)]


def test_changes_of_folders_are_noted_with_both_ends_of_a_move(
    watch: Watch, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    with watch.on():
        one.mkdir()
        one.rename(other)
        other.rmdir()
        (tmp_path / "__pycache__").mkdir()

    assert [path for path, _ in watch.written] == [str(one), str(one), str(other), str(other)]


def test_databases_in_memory_are_no_files(watch: Watch, tmp_path: Path) -> None:
    with watch.on():
        sqlite3.connect(":memory:").close()

    assert not watch.written
