"""The state store: the last committed checkpoint per job and stream, in SQLite.

State is a copy of what the commit records say; it only moves after a writer's receipt. A store
that cannot be read is an error and never an empty store.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from dativo.contract import CommitRecord, failpoint
from dativo.errors import (
    ConcurrencyError,
    DativoError,
    DiskFullError,
    StateUnreadableError,
)
from dativo.state._entry import StateEntry, age_of, entry_of
from dativo.state._files import private_file, private_folder
from dativo.state._read_only import UNREADABLE
from dativo.state._together import Together
from dativo.state._unusable import IS_DAMAGED, unreadable
from dativo.state._wal import use_wal

__all__ = [
    "STATE_FILE",
    "STATE_FORMAT",
    "StateStore",
    "format_error",
    "require_sound",
]

STATE_FILE = "state.db"
STATE_FORMAT = 1

_BUSY_SECONDS = 10.0
"""Jobs of one folder share the database; a write of one of them takes as long as a slow fsync."""

_TABLES = """
create table if not exists meta (key text primary key, value text not null) strict;
create table if not exists state (
    job text not null, stream text not null, epoch integer not null, commit_id text not null,
    record text not null, updated_at text not null, primary key (job, stream)
) strict;
create table if not exists fence (job text primary key, fence integer not null) strict;
"""


class StateStore:
    """One project's state; safe to use from several threads.

    Args:
        folder: The project's ``.dativo`` folder; made with mode 0700 if it does not exist.
        busy_seconds: How long to wait for another process that writes.

    Raises:
        StateLockedError: Another process does not come to an end with writing.
        StateUnreadableError: The database is damaged or was written by a newer Dativo.
    """

    def __init__(self, folder: Path, *, busy_seconds: float = _BUSY_SECONDS) -> None:
        self.folder = private_folder(folder)
        self.file = private_file(folder / STATE_FILE)
        self._lock = threading.Lock()
        self._saving = Together(self._save)
        with self._reading():
            # Autocommit; transactions are begun by name. FULL: a stored state survives a power cut.
            self._database = sqlite3.connect(
                self.file, timeout=busy_seconds, isolation_level=None, check_same_thread=False
            )
            try:
                use_wal(self._database, seconds=busy_seconds)
                self._database.execute("pragma synchronous = full")
                self._check_format()
            except BaseException:
                self._database.close()
                raise

    def load(self, job: str, stream: str) -> StateEntry | None:
        """Return the state of *stream*, or ``None`` if the job has never published it.

        Raises:
            StateUnreadableError: There is an entry, but it makes no sense.
        """
        with self._reading():
            row = self._database.execute(
                "select stream, record, updated_at from state where job = ? and stream = ?",
                (job, stream),
            ).fetchone()
        return None if row is None else entry_of(self.file, job, row)

    def save(self, record: CommitRecord) -> None:
        """Store *record* as the newest of its job and stream; durable on return.

        Threads that come while the disk is busy share the next transaction.

        Raises:
            ConcurrencyError: What is stored is newer: by its fence, then by its epoch.
            StateUnreadableError: The database cannot be written, or what it has makes no sense.
            DiskFullError: There is no room for it.
        """
        failpoint("state.before_write")
        self._saving.ask(record)
        failpoint("state.written")

    def restore(self, job: str, stream: str, record: CommitRecord | None) -> None:
        """Make *record* the state of *stream* even if what is stored is newer; durable on return.

        This is the only way back, for a target that went back itself; fences keep growing.

        Args:
            job: The job.
            stream: The stream.
            record: The newest record of the target; ``None`` if it holds none.

        Raises:
            StateUnreadableError: The database cannot be written.
            DiskFullError: There is no room for it.
        """
        failpoint("state.before_restore")
        with self._reading(), self._transaction():
            if record is None:
                forget = "delete from state where job = ? and stream = ?"
                self._database.execute(forget, (job, stream))
            else:
                self._write(record)
        failpoint("state.restored")

    def next_fence(self, job: str, *, above: int = 0) -> int:
        """Return a number above all that this job ever got here; durable on return.

        It follows the clock as far as it grows, so that a lost store does not start again at 1.

        Args:
            job: The job.
            above: A number that the target knows; the new one is higher too.

        Raises:
            StateUnreadableError: The database cannot be written.
            DiskFullError: There is no room for it.
        """
        with self._reading(), self._transaction():
            row = self._database.execute("select fence from fence where job = ?", (job,)).fetchone()
            last = max(row[0] if row else 0, above)
            fence = max(last + 1, time.time_ns() // 1_000_000)
            self._database.execute("insert or replace into fence values (?, ?)", (job, fence))
        return fence

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def _check_format(self) -> None:
        require_sound(self._database)
        self._database.executescript(_TABLES)
        row = self._format()
        if row is None:
            # Another job of the project may be making the same database now.
            mine = (str(STATE_FORMAT),)
            self._database.execute("insert or ignore into meta values ('format', ?)", mine)
            row = self._format() or mine
        if row[0] != str(STATE_FORMAT):
            raise format_error(self.file, row[0])

    def _format(self) -> tuple[str] | None:
        query = "select value from meta where key = 'format'"
        row: tuple[str] | None = self._database.execute(query).fetchone()
        return row

    def _save(self, records: Sequence[CommitRecord]) -> list[DativoError | None]:
        """Store *records* in one transaction; one that is refused is the affair of its stream."""
        try:
            with self._lock, self._transaction():
                return [self._write_newer(record) for record in records]
        except UNREADABLE as error:
            return [self._wrap(error) for _ in records]

    def _write_newer(self, record: CommitRecord) -> DativoError | None:
        """Write *record*, or return why it is refused."""
        try:
            self._require_newer(record)
        except DativoError as error:
            return error
        self._write(record)
        return None

    def _require_newer(self, record: CommitRecord) -> None:
        """Keep a run that stood still from putting an old state over that of its successor."""
        commit = record.commit
        row = self._database.execute(
            "select stream, record, updated_at from state where job = ? and stream = ?",
            (commit.job_id, commit.stream),
        ).fetchone()
        if row is None:
            return
        newest = entry_of(self.file, commit.job_id, row).record
        stored = newest.commit
        if age_of(newest) > age_of(record):
            msg = (
                f"run {stored.run_id} has stored epoch {stored.epoch} of stream "
                f"{commit.stream!r} with fence {stored.fence}; epoch {commit.epoch} of run "
                f"{commit.run_id} with fence {commit.fence} is older"
            )
            fix = "Run again; what is published counts, and state follows it."
            raise ConcurrencyError(msg, fix=fix, retryable=False, stream=commit.stream)

    def _write(self, record: CommitRecord) -> None:
        commit = record.commit
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        row = (commit.job_id, commit.stream, commit.epoch, commit.commit_id, record.to_json(), now)
        self._database.execute("insert or replace into state values (?, ?, ?, ?, ?, ?)", row)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("begin immediate")
        try:
            yield
            self._database.execute("commit")
        except BaseException:
            if self._database.in_transaction:  # a full disk has ended it already
                self._database.execute("rollback")
            raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Serialise threads and turn what SQLite raises into errors that say what to do."""
        with self._lock:
            try:
                yield
            except UNREADABLE as error:
                raise self._wrap(error) from error

    def _wrap(self, error: Exception) -> DativoError:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
            return DiskFullError(f"no room to write {self.file}")
        return unreadable(self.file, error)


def require_sound(database: sqlite3.Connection) -> None:
    """See that every page makes sense; the database is small, and what it says must be true.

    Raises:
        sqlite3.DatabaseError: One does not.
    """
    (verdict,) = database.execute("pragma integrity_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(" ".join(verdict.split()))


def format_error(file: Path, found: str) -> StateUnreadableError:
    """Return the error for a database whose format this core does not know."""
    msg = f"{file} has the format {found}; this core knows {STATE_FORMAT}"
    if found.isdecimal() and int(found) > STATE_FORMAT:
        return StateUnreadableError(msg, fix="pip install --upgrade dativo-core")
    return StateUnreadableError(msg, details=IS_DAMAGED)
