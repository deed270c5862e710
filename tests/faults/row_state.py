"""State databases and commit records that are cut, flipped, replaced or from the future."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import attrs
import pytest
from fault_frame import Row, Workspace, dice
from fault_numbers import STREAM, NumbersJob
from fault_oracle import Known, check_complete, check_state, newest_commit, published, state_commit
from fault_process import KILLED, Ended

from dativo.contract import FAILPOINT_VARIABLE, WriteMode, WriteRequest
from dativo.errors import StateUnreadableError
from dativo.state import StateStore
from dativo_test_support.context import FakeContext
from dativo_writer_parquet import ParquetConfig, write

_JOB = "numbers_to_lake"
_CHUNKS = 40
_STATE_ERROR = 60
_NEWER = "a newer format"


def cut_log(number: int, workspace: Workspace) -> None:
    """Cut the log of the state database at every offset of its last transaction."""
    job, folder = _killed_after_state(workspace)
    log = folder / "state.db-wal"
    size = log.stat().st_size
    new = state_commit(folder)
    start = _last_transaction(folder, workspace)
    old = _known_at(folder, workspace, cut=(log.name, start))
    assert old != new, f"{start} is not where the last transaction begins"
    _cut_everywhere(number, workspace, job, file=log.name, span=(start, size), allowed=(old, new))


def cut_database(number: int, workspace: Workspace) -> None:
    """Cut the state database itself at every offset."""
    job, folder = _stored(workspace)
    database = folder / "state.db"
    size, known = database.stat().st_size, state_commit(folder)
    # No byte or one is an empty database to SQLite; the commit record then tells the state.
    _cut_everywhere(
        number,
        workspace,
        job,
        file=database.name,
        span=(0, size),
        allowed=(known,),
        empty_below=2,
    )


def flipped(number: int, workspace: Workspace) -> None:
    """Flip one bit of the state database."""
    source = dice("state.flip", number)
    job, folder = _stored(workspace)
    database = folder / "state.db"
    content = bytearray(database.read_bytes())
    used = [place for place, byte in enumerate(content) if byte]
    content[source.choice(used)] ^= 1 << source.randrange(8)
    database.write_bytes(content)
    _runs_or_refuses(job, workspace)


def replaced(number: int, workspace: Workspace) -> None:
    """Put something else in the place of the state database; `state rebuild` restores it."""
    kind = tuple(_REPLACEMENTS)[number % len(_REPLACEMENTS)]
    job, folder = _stored(workspace)
    for file in folder.glob("state.db-*"):
        file.unlink()
    _REPLACEMENTS[kind](folder / "state.db", dice("state.replaced", number))
    ended = _run(job, workspace)
    assert ended.code == _STATE_ERROR, f"{kind}: {ended}"
    assert "state.db" in ended.error["message"], f"{kind}: {ended}"
    dativo = job.dativo(workspace)
    if kind == _NEWER:
        # It is not damaged, so it stays until somebody moves it away.
        assert "upgrade" in dativo("state", "rebuild", "--json", code=_STATE_ERROR).error["fix"]
        (folder / "state.db").unlink()
    dativo("state", "rebuild", "--json", code=0)
    check_state(job)
    assert state_commit(folder) == newest_commit(job)
    dativo("run", "--json", code=0)
    check_complete(job)


def cut_record(number: int, workspace: Workspace) -> None:
    """Cut the file with the newest commit record at every offset: it is never nothing."""
    source = dice("record.cut", number)
    job, _ = _stored(workspace)
    (carrier,) = sorted(job.data.glob("epoch-*/**/*.commit.parquet"))[-1:]
    content = carrier.read_bytes()
    for offset in _chunk(number, (0, len(content))):
        carrier.write_bytes(content[:offset])
        _check_unreadable(job, carrier, offset)
    carrier.write_bytes(content[: source.randrange(len(content))])
    ended = _run(job, workspace)
    assert ended.code == _STATE_ERROR, str(ended)
    assert carrier.parent.name in ended.error["message"], str(ended)
    carrier.write_bytes(content)
    job.dativo(workspace)("run", "--json", code=0)
    check_complete(job)


def _check_unreadable(job: NumbersJob, carrier: Path, offset: int) -> None:
    request = WriteRequest(stream=STREAM, mode=WriteMode.APPEND)
    context = FakeContext(job_id=_JOB, run_id=f"cut-{offset}", fence=1)
    with (
        pytest.raises(StateUnreadableError, match=carrier.parent.name),
        closing(write(ParquetConfig(path=job.lake), request, context)) as session,
    ):
        session.last_commit()


def _cut_everywhere(
    number: int,
    workspace: Workspace,
    job: NumbersJob,
    *,
    file: str,
    span: tuple[int, int],
    allowed: tuple[Known | None, ...],
    empty_below: int = 0,
) -> None:
    """Look at the store at every offset of this case's part, and run from one of them."""
    folder = job.folder / ".dativo"
    offsets = _chunk(number, span)
    for offset in offsets:
        found = _known_at(folder, workspace, cut=(file, offset))
        if found != _UNREADABLE and not (found is None and offset < empty_below):
            assert found in allowed, f"{file} cut to {offset} bytes is {found}, not of {allowed}"
    chosen = dice(f"state.cut.{file}", number).choice(offsets)
    path = folder / file
    path.write_bytes(path.read_bytes()[:chosen])
    _runs_or_refuses(job, workspace)


_UNREADABLE = Known(-1, "unreadable")


def _known_at(folder: Path, workspace: Workspace, *, cut: tuple[str, int]) -> Known | None:
    """Return what the product reads from a copy in which one file is cut."""
    copy = workspace.path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in folder.glob("state.db*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, copy)
    name, offset = cut
    with (copy / name).open("r+b") as opened:
        opened.truncate(offset)
    try:
        with closing(StateStore(copy)) as store:
            entry = store.load(_JOB, STREAM)
    except StateUnreadableError:
        return _UNREADABLE
    return None if entry is None else Known(entry.epoch, entry.commit_id)


def _last_transaction(folder: Path, workspace: Workspace) -> int:
    """Return where the log's last transaction begins: after the last frame that ends one."""
    content = (folder / "state.db-wal").read_bytes()
    page = int.from_bytes(content[8:12], "big")
    frames = range(32, len(content) - page, 24 + page)
    ends = [at + 24 + page for at in frames if int.from_bytes(content[at + 4 : at + 8], "big")]
    return ends[-2] if len(ends) > 1 else 32


def _chunk(number: int, span: tuple[int, int]) -> range:
    return range(span[0] + number % _CHUNKS, span[1], _CHUNKS)


def _stored(workspace: Workspace) -> tuple[NumbersJob, Path]:
    """Return a job that has published a part, and its state's folder."""
    job = NumbersJob(folder=workspace.path / "work", rows=80, delay_seconds=0)
    attrs.evolve(job, rows=40).write().dativo(workspace)("run", "--json", code=0)
    return job.write(), job.folder / ".dativo"


def _killed_after_state(workspace: Workspace) -> tuple[NumbersJob, Path]:
    """Return a job that was killed right after it had stored its state, so that the log is full."""
    job = NumbersJob(folder=workspace.path / "work", rows=80, delay_seconds=0).write()
    dativo = job.dativo(workspace).with_variables(**{FAILPOINT_VARIABLE: "engine.commit.saved:2"})
    ended = dativo("run", "--json")
    assert ended.code in KILLED, str(ended)
    workspace.kills += 1
    return job, job.folder / ".dativo"


def _run(job: NumbersJob, workspace: Workspace) -> Ended:
    return job.dativo(workspace)("run", "--json")


def _runs_or_refuses(job: NumbersJob, workspace: Workspace) -> None:
    """Run: it completes, or refuses and `state rebuild` mends it."""
    before = published(job)
    ended = _run(job, workspace)
    if ended.code != 0:
        assert ended.code == _STATE_ERROR, str(ended)
        assert published(job) == before, "a run that refused has published"
        dativo = job.dativo(workspace)
        dativo("state", "rebuild", "--json", code=0)
        dativo("run", "--json", code=0)
    check_complete(job)
    check_state(job)


def _garbage(file: Path, source: random.Random) -> None:
    file.write_bytes(source.randbytes(source.randint(100, 20_000)))


def _text(file: Path, source: random.Random) -> None:
    file.write_text("{}\n" * source.randint(1, 500))


def _half_garbage(file: Path, source: random.Random) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:100] + source.randbytes(len(content) - 100))


def _future(file: Path, source: random.Random) -> None:
    with closing(sqlite3.connect(file)) as database:
        newer = str(source.randint(2, 99))
        database.execute("update meta set value = ? where key = 'format'", (newer,))
        database.commit()


def _folder(file: Path, source: random.Random) -> None:
    file.unlink()
    file.mkdir()


_REPLACEMENTS: dict[str, Callable[[Path, random.Random], None]] = {
    "garbage": _garbage,
    "text": _text,
    "half garbage": _half_garbage,
    _NEWER: _future,
    "a folder": _folder,
}

ROWS = (
    Row(
        name="state.cut_log",
        about="the state's log cut at every offset of its last write: old or new",
        demanded=_CHUNKS,
        sampled=4,
        case=cut_log,
    ),
    Row(
        name="state.cut_database",
        about="the state database cut at every offset: as it was, or exit 60",
        demanded=_CHUNKS,
        sampled=4,
        case=cut_database,
    ),
    Row(
        name="state.flip",
        about="one bit of the state database flipped: it runs right, or exit 60",
        demanded=60,
        sampled=5,
        case=flipped,
    ),
    Row(
        name="state.replaced",
        about="garbage or a newer format in its place: exit 60, `state rebuild` restores it",
        demanded=20,
        sampled=5,
        case=replaced,
    ),
    Row(
        name="record.cut",
        about="the newest commit record cut at every offset: exit 60, never nothing",
        demanded=_CHUNKS,
        sampled=4,
        case=cut_record,
    ),
)
