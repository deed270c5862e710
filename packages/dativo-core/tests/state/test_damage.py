"""Whatever happens to the bytes of the state database: an old state, or an error, never a guess."""

from __future__ import annotations

import errno
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from dativo.contract import FAILPOINT_VARIABLE, Checkpoint, Commit, CommitRecord, WriteMode
from dativo.errors import DativoError, StateLockedError, StateUnreadableError
from dativo.state import StateStore, move_damaged_aside, read_stored

EPOCHS = 3
REFUSED = "60 Run `dativo state rebuild -"


def record(epoch: int) -> CommitRecord:
    commit = Commit(
        job_id="job",
        stream="s",
        epoch=epoch,
        commit_id=f"c{epoch}",
        run_id="r",
        fence=1,
        mode=WriteMode.APPEND,
        checkpoint=Checkpoint({"id": epoch}),
        fingerprint={"a": "b"},
    )
    return CommitRecord(commit=commit, rows=5, files=("f",), schema="id: int64")


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A project's folder with a database that nobody has open; its newest epoch is the third."""
    store = StateStore(tmp_path / "closed")
    for epoch in range(1, EPOCHS + 1):
        store.save(record(epoch=epoch))
    store.close()
    return tmp_path / "closed"


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """The same after a crash: the first epoch lies in the database, the others in its log."""
    store = StateStore(tmp_path / "running")
    store.save(record(epoch=1))
    store.close()
    store = StateStore(tmp_path / "running")
    for epoch in range(2, EPOCHS + 1):
        store.save(record(epoch=epoch))
    shutil.copytree(tmp_path / "running", tmp_path / "crashed")
    store.close()
    return tmp_path / "crashed"


def epoch_of(folder: Path) -> int | str:
    """The epoch that a store finds, 0 for none, or the code of its error; both ways of looking."""
    try:
        with closing(StateStore(folder)) as store:
            entry = store.load("job", "s")
        assert read_stored(folder, "job").entries.get("s") == entry
    except StateUnreadableError as error:
        return f"{error.exit_code} {error.fix[:27].strip()}"
    return 0 if entry is None else entry.epoch


def lengths(file: Path, step: int) -> list[int]:
    size = file.stat().st_size
    return sorted({*range(0, size, step), *range(0, size, 4096), 1, 2, 99, 100, size - 1})


def test_a_database_that_is_cut_is_an_error_unless_nothing_is_left(
    closed: Path, tmp_path: Path
) -> None:
    whole = (closed / "state.db").read_bytes()
    found = {}
    for length in lengths(closed / "state.db", 1511):
        folder = tmp_path / f"cut-{length}"
        folder.mkdir()
        (folder / "state.db").write_bytes(whole[:length])
        found[length] = epoch_of(folder)

    # Up to one byte is an empty database to SQLite; a run then goes by the commit record. At the
    # end may be room that was never used.
    assert [length for length, epoch in found.items() if epoch == 0] == [0, 1]
    assert {epoch for length, epoch in found.items() if length > 1} == {REFUSED, EPOCHS}
    assert {epoch for length, epoch in found.items() if 1 < length < len(whole) - 4096} == {REFUSED}


def test_a_log_that_is_cut_is_an_older_state(crashed: Path, tmp_path: Path) -> None:
    log = (crashed / "state.db-wal").read_bytes()
    found = []
    for length in [*lengths(crashed / "state.db-wal", 1511), len(log)]:
        folder = tmp_path / f"cut-{length}"
        shutil.copytree(crashed, folder)
        (folder / "state.db-shm").unlink()
        (folder / "state.db-wal").write_bytes(log[:length])
        found.append(epoch_of(folder))

    assert found == sorted(found, key=int)
    assert set(found) == {1, 2, 3}


def test_bytes_that_change_are_an_error_or_change_nothing_of_the_epoch(
    closed: Path, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    whole = (closed / "state.db").read_bytes()
    text = whole.index(record(epoch=EPOCHS).to_json().encode())
    for number in range(60):
        damaged = bytearray(whole)
        start = rng.randrange(len(whole))
        for at in range(start, min(len(whole), start + rng.choice([1, 8, 512, 4096]))):
            # What the record itself says is compared with the target's by each run.
            damaged[at] = whole[at] if at >= text else rng.randrange(256)
        folder = tmp_path / f"changed-{number}"
        folder.mkdir()
        (folder / "state.db").write_bytes(damaged)

        assert epoch_of(folder) in (REFUSED, 0, EPOCHS), f"{seed=} {number=}"


def test_what_is_damaged_is_moved_aside_with_its_log(crashed: Path) -> None:
    (crashed / "state.db").write_bytes(b"garbage" * 1000)

    aside = move_damaged_aside(crashed, "job")
    (crashed / "state.db").write_bytes(b"garbage" * 1000)
    again = move_damaged_aside(crashed, "job")

    assert aside is not None
    assert again is not None
    assert aside != again
    assert b"garbage" in aside.read_bytes()
    assert not (crashed / "state.db").exists()
    assert epoch_of(crashed) == 0


def test_a_folder_in_its_place_is_moved_aside(closed: Path) -> None:
    (closed / "state.db").unlink()
    (closed / "state.db").mkdir()

    aside = move_damaged_aside(closed, "job")

    assert aside is not None
    assert aside.is_dir()
    assert epoch_of(closed) == 0


def test_what_cannot_be_moved_is_an_error(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (closed / "state.db").write_bytes(b"garbage" * 1000)

    def refuse(*_: object) -> Path:
        raise OSError(errno.EROFS, "read-only file system", "state.db")

    monkeypatch.setattr(Path, "rename", refuse)

    with pytest.raises(DativoError, match="read-only"):
        move_damaged_aside(closed, "job")


@pytest.mark.parametrize("found", ["99", "none"])
def test_another_format_is_no_state_for_this_core(closed: Path, found: str) -> None:
    with closing(sqlite3.connect(closed / "state.db")) as database, database:
        database.execute("update meta set value = ?", (found,))

    with pytest.raises(StateUnreadableError, match=f"format {found}") as caught:
        read_stored(closed, "job")

    assert ("upgrade" in caught.value.fix) is found.isdecimal()


def test_a_database_without_tables_has_no_state(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "state.db")) as database:
        database.execute("create table something (a)")

    assert read_stored(tmp_path, "job").entries == {}


def test_what_is_all_right_stays(closed: Path) -> None:
    assert move_damaged_aside(closed, "job") is None
    assert epoch_of(closed) == EPOCHS


def test_a_database_that_somebody_has_locked_is_not_damaged(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(
        "dativo.state._store.sqlite3.connect",
        lambda *arguments, **options: connect(*arguments, **{**options, "timeout": 0}),
    )
    with closing(connect(closed / "state.db", isolation_level=None)) as other:
        other.execute("pragma locking_mode = exclusive")
        other.execute("begin exclusive")

        with pytest.raises(StateLockedError, match="is being written by process"):
            move_damaged_aside(closed, "job")

    assert epoch_of(closed) == EPOCHS


def test_a_table_of_somebody_else_is_damage(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "state.db")) as database:
        database.execute("create table state (a)")

    assert epoch_of(tmp_path) == REFUSED
    assert move_damaged_aside(tmp_path, "job") is not None


@pytest.mark.parametrize("name", [b"CREATE TABLE meta", b"tablemetameta"])
def test_texts_that_cannot_be_decoded_are_damage(closed: Path, name: bytes) -> None:
    whole = (closed / "state.db").read_bytes()
    assert name in whole

    (closed / "state.db").write_bytes(whole.replace(name, name[:-4] + b"\xf8\xf8\xf8\xf8"))

    assert epoch_of(closed) == REFUSED


MOVES = """
import sys
from pathlib import Path
from dativo.state import move_damaged_aside

move_damaged_aside(Path(sys.argv[1]), "job")
"""


def folder_with_log(tmp_path: Path) -> Path:
    """A project in which a folder took the place of the database, beside its log."""
    folder = tmp_path / "project"
    (folder / "state.db").mkdir(parents=True)
    (folder / "state.db" / "notes").write_text("of somebody")
    (folder / "state.db-wal").write_text("the log")
    (folder / "state.db-shm").write_text("its index")
    return folder


def texts(folder: Path) -> list[str]:
    return sorted(path.read_text() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "point", ["state.aside.before", "state.aside.log_moved:1", "state.aside.log_moved:2"]
)
def test_a_kill_while_it_is_moved_aside_loses_nothing(tmp_path: Path, point: str) -> None:
    folder = folder_with_log(tmp_path)
    before = texts(folder)

    killed = subprocess.run(
        [sys.executable, "-c", MOVES, str(folder)],
        env={**os.environ, FAILPOINT_VARIABLE: point},
        check=False,
    )
    left = texts(folder)
    move_damaged_aside(folder, "job")

    assert killed.returncode == 137
    assert left == texts(folder) == before
    assert epoch_of(folder) == 0


def test_a_kill_after_it_was_moved_aside_leaves_an_empty_place(tmp_path: Path) -> None:
    folder = folder_with_log(tmp_path)
    before = texts(folder)

    subprocess.run(
        [sys.executable, "-c", MOVES, str(folder)],
        env={**os.environ, FAILPOINT_VARIABLE: "state.aside.moved"},
        check=False,
    )

    assert texts(folder) == before
    assert not list(folder.glob("state.db"))
    assert move_damaged_aside(folder, "job") is None


def test_a_log_that_a_killed_move_has_kept_is_not_written_over(tmp_path: Path) -> None:
    folder = folder_with_log(tmp_path)
    for seconds in range(10):
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + seconds))
        (folder / f"state.db.damaged-{stamp}-wal").write_text("the log of before")

    move_damaged_aside(folder, "job")

    assert texts(folder).count("the log of before") == 10
    assert "the log" in texts(folder)
