"""A state database that somebody else is writing, by real processes."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dativo.errors import StateLockedError
from dativo.state import StateStore, read_stored
from dativo.state._unusable import unreadable

WRITER = """
import sys
from contextlib import closing
from pathlib import Path
from dativo.state import StateStore

with closing(StateStore(Path(sys.argv[1]))) as store:
    store.next_fence("other")
    with store._transaction():
        store._database.execute("insert or replace into fence values ('other', 7)")
        print("writing", flush=True)
        sys.stdin.readline()
"""


@contextmanager
def writer(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that is in the middle of a write until it is told to go on."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.communicate("\n")


def refused(folder: Path) -> StateLockedError:
    with (
        closing(StateStore(folder, busy_seconds=0.1)) as store,
        pytest.raises(StateLockedError) as caught,
    ):
        store.next_fence("job")
    return caught.value


def test_writer_that_was_stopped_is_named_with_what_to_do(tmp_path: Path) -> None:
    with writer(tmp_path) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)

        error = refused(tmp_path)

    assert error.exit_code == 60
    assert error.retryable
    assert f"process {process.pid} on {socket.gethostname()} since 2" in error.message
    assert "is stopped" in error.message
    assert f"`kill -CONT {process.pid}`" in error.fix
    assert error.details["pid"] == process.pid
    assert str(error.details["since"]) in error.message


def test_writer_that_takes_long_is_named_too(tmp_path: Path) -> None:
    with writer(tmp_path) as process:
        error = refused(tmp_path)

    assert f"process {process.pid} on" in error.message
    assert "Wait for it" in error.fix


def test_stored_state_can_be_read_while_a_stopped_process_writes(tmp_path: Path) -> None:
    with writer(tmp_path) as process:
        process.send_signal(signal.SIGSTOP)

        assert read_stored(tmp_path, "other").fence > 7


def test_write_goes_on_after_the_other_has_ended(tmp_path: Path) -> None:
    with writer(tmp_path):
        refused(tmp_path)

    with closing(StateStore(tmp_path, busy_seconds=0.1)) as store:
        assert store.next_fence("job") > 0


def test_database_that_is_locked_as_a_whole_names_the_process(tmp_path: Path) -> None:
    StateStore(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
        other.execute("pragma locking_mode = exclusive")
        other.execute("begin exclusive")

        with pytest.raises(StateLockedError, match=f"process {os.getpid()} on"):
            StateStore(tmp_path, busy_seconds=0.1)


def locked() -> sqlite3.OperationalError:
    """What SQLite raises if the database is busy."""
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorname = "SQLITE_BUSY"
    return error


def test_writer_that_cannot_be_told_is_looked_for_by_hand(tmp_path: Path) -> None:
    error = unreadable(tmp_path / "state.db", locked())

    assert error.details["pid"] == "?"
    assert f"lsof {tmp_path / 'state.db'}" in error.fix


def test_system_without_a_list_of_locks_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dativo.state._unusable._LOCKS", tmp_path / "none")

    assert unreadable(tmp_path / "state.db", locked()).details["pid"] == "?"
