"""The history of runs, in SQLite: for people who ask what happened, never for a run to rely on.

It may be lost without harm. Unlike the state it is not forced to the disk with every entry.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs

from dativo.errors import StateUnreadableError
from dativo.state._files import private_file, private_folder
from dativo.state._read_only import UNREADABLE
from dativo.state._wal import use_wal

__all__ = [
    "HISTORY_FILE",
    "HISTORY_FORMAT",
    "EpochEntry",
    "History",
    "RunEnd",
    "StreamEntry",
    "history_error",
    "now",
]

HISTORY_FILE = "history.db"
HISTORY_FORMAT = 1

_TIMEOUT_SECONDS = 1
_TABLES = """
create table if not exists runs (
    id integer primary key, run_id text not null unique, job text not null, file text not null,
    pid integer not null, host text not null, options text not null, started text not null,
    ended text, outcome text, exit_code integer, rows integer not null default 0,
    size_bytes integer not null default 0, snapshots integer not null default 0,
    seconds real not null default 0, error_code text not null default '',
    error_message text not null default ''
) strict;
create index if not exists runs_of_job on runs (job, id);
create table if not exists streams (
    run_id text not null references runs (run_id) on delete cascade, stream text not null,
    outcome text not null, attempts integer not null, rows integer not null,
    size_bytes integer not null, epochs integer not null, files integer not null,
    seconds real not null, error_code text not null, error_message text not null,
    primary key (run_id, stream)
) strict;
create table if not exists epochs (
    run_id text not null references runs (run_id) on delete cascade, stream text not null,
    epoch integer not null, commit_id text not null, rows integer not null,
    size_bytes integer not null, files integer not null, checkpoint text,
    committed_at text not null, primary key (run_id, stream, epoch)
) strict;
"""


@attrs.frozen(kw_only=True)
class StreamEntry:
    """One stream of one run, as far as it got.

    Attributes:
        stream: The stream's name.
        outcome: ``running`` until it ends, then as in the result of the run.
        attempts: Tries so far.
        rows: Records that the run published.
        size_bytes: Bytes that the run published.
        epochs: Commits that the run made.
        files: Files that the run published.
        seconds: From the first try to the end.
        error_code: The code of the error that ended it, or nothing.
        error_message: What that error said, without secrets.
    """

    stream: str
    outcome: str
    attempts: int = 1
    rows: int = 0
    size_bytes: int = 0
    epochs: int = 0
    files: int = 0
    seconds: float = 0.0
    error_code: str = ""
    error_message: str = ""


@attrs.frozen(kw_only=True)
class EpochEntry:
    """One commit of one run; ``checkpoint`` is its JSON text and may hold values of the data."""

    stream: str
    epoch: int
    commit_id: str
    rows: int
    size_bytes: int
    files: int
    checkpoint: str | None
    committed_at: str


@attrs.frozen(kw_only=True)
class RunEnd:
    """How a run ended."""

    outcome: str
    exit_code: int
    rows: int = 0
    size_bytes: int = 0
    snapshots: int = 0
    seconds: float = 0.0
    error_code: str = ""
    error_message: str = ""


class History:
    """Writes one project's history; safe to use from several threads.

    Raises:
        DativoError: The database cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.file = private_file(private_folder(folder) / HISTORY_FILE)
        self._lock = threading.Lock()
        with self._writing():
            self._database = sqlite3.connect(
                self.file,
                timeout=_TIMEOUT_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._prepare()
            except BaseException:
                self._database.close()
                raise

    def begin(
        self, run_id: str, *, job: str, file: Path, options: Mapping[str, object], keep: int
    ) -> None:
        """Note that a run of *job* begins, and forget all but the newest *keep* of that job."""
        row = (
            run_id,
            job,
            str(file),
            os.getpid(),
            socket.gethostname(),
            json.dumps(options),
            now(),
        )
        with self._transaction() as database:
            database.execute(
                "insert into runs (run_id, job, file, pid, host, options, started) "
                "values (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            database.execute(
                "delete from runs where job = ? and id <= "
                "(select id from runs where job = ? order by id desc limit 1 offset ?)",
                (job, job, keep),
            )

    def add(self, run_id: str, entries: Iterable[StreamEntry | EpochEntry]) -> None:
        """Note how far streams are, and commits, in one transaction."""
        with self._transaction() as database:
            _insert(database, run_id, entries)

    def end(self, run_id: str, end: RunEnd, streams: tuple[StreamEntry, ...] = ()) -> None:
        """Note that a run is over, and how its *streams* ended."""
        values = attrs.asdict(end)
        columns = ", ".join(f"{name} = :{name}" for name in values)
        with self._transaction() as database:
            _insert(database, run_id, streams)
            database.execute(
                f"update runs set ended = :ended, {columns} where run_id = :run_id",  # noqa: S608
                {**values, "ended": now(), "run_id": run_id},
            )

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def _prepare(self) -> None:
        # One second at the most for another run that writes: history is not worth more.
        use_wal(self._database, seconds=_TIMEOUT_SECONDS)
        self._database.execute("pragma synchronous = normal")
        self._database.execute("pragma foreign_keys = on")
        found = self._database.execute("pragma user_version").fetchone()[0]
        if found > HISTORY_FORMAT:
            msg = f"it has the format {found}; this core knows {HISTORY_FORMAT}"
            raise sqlite3.DatabaseError(msg)
        if found < HISTORY_FORMAT:
            self._database.executescript(f"{_TABLES}pragma user_version = {HISTORY_FORMAT};")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._writing():
            self._database.execute("begin immediate")
            try:
                yield self._database
            except BaseException:
                self._database.execute("rollback")
                raise
            self._database.execute("commit")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (*UNREADABLE, UnicodeError) as error:  # also a path that is no text
                raise history_error(self.file, error) from error


def history_error(file: Path, error: object) -> StateUnreadableError:
    """Return the error that says why the history *file* cannot be used."""
    fix = f"Move {file} away; it is no state, and the next run begins another."
    return StateUnreadableError(f"the history {file} cannot be used: {error}", fix=fix)


def now() -> str:
    """Return the time in UTC to the millisecond, as texts that sort."""
    seconds = time.time()
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03}Z"


def _insert(
    database: sqlite3.Connection, run_id: str, entries: Iterable[StreamEntry | EpochEntry]
) -> None:
    given = tuple(entries)
    for kind, statement in _INSERTS.items():
        rows = [(run_id, *_values(entry)) for entry in given if isinstance(entry, kind)]
        if rows:
            database.executemany(statement, rows)


def _statement(table: str, kind: type[attrs.AttrsInstance]) -> str:
    names = ["run_id", *(field.name for field in attrs.fields(kind))]
    marks = ", ".join("?" for _ in names)
    return f"insert or replace into {table} ({', '.join(names)}) values ({marks})"  # noqa: S608


def _values(entry: StreamEntry | EpochEntry) -> tuple[object, ...]:
    return attrs.astuple(entry, recurse=False)


_INSERTS = {
    StreamEntry: _statement("streams", StreamEntry),
    EpochEntry: _statement("epochs", EpochEntry),
}
