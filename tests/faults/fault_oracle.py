"""An independent look at what is published: plain globs, no code of the product."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import attrs
import pyarrow as pa
import pyarrow.parquet as pq
from fault_frame import Damage
from fault_numbers import STREAM, NumbersJob, Progress, Record
from fault_store import Store

__all__ = [
    "Known",
    "Watcher",
    "check_complete",
    "check_state",
    "check_stored",
    "newest_commit",
    "published",
    "state_commit",
    "state_commits",
    "watched",
]

_POLL_SECONDS = 0.05
_STORE_POLL_SECONDS = 0.2
_CONTROL = ("_dativo_epoch", "_dativo_sequence", "_dativo_deleted")

Version = tuple[int, int, int, bool, int, str]
"""Epoch, sequence, place in the file, whether deleted, id, label."""


@attrs.define
class _Files:
    """Reads the files of one table; one that did not change is not read twice."""

    job: NumbersJob
    _known: dict[tuple[str, int, int, int], list[Version]] = attrs.field(factory=dict)

    def look(self) -> list[Record] | None:
        """Return what a glob shows, ``None`` if it changed while it was read.

        Raises:
            Damage: A file is visible that is not whole.
        """
        before = _listing(self.job.data)
        versions: list[Version] = []
        for key in before:
            if key not in self._known:
                try:
                    with Path(key[0]).open("rb") as opened:
                        self._known[key] = _versions(pq.ParquetFile(opened))
                except FileNotFoundError:
                    return None
                except (pa.ArrowException, OSError, ValueError) as error:
                    if _listing(self.job.data) != before:
                        return None
                    raise Damage(f"{key[0]} is not whole: {error}", partial=1) from error
            versions.extend(self._known[key])
        return _latest(versions, self.job) if _listing(self.job.data) == before else None


@attrs.define
class _Objects:
    """Reads the objects of one table, by its log; an object never changes."""

    job: NumbersJob
    store: Store
    _entries: dict[str, bytes] = attrs.field(factory=dict)
    _known: dict[str, list[Version]] = attrs.field(factory=dict)

    def look(self) -> list[Record] | None:
        """Return what the newest entry of the log says is published.

        Raises:
            Damage: A published object is missing or not whole.
        """
        versions: list[Version] = []
        for entry in self.store.commits(self.job.stream, self._entries):
            for key in entry.keys:
                if key not in self._known:
                    try:
                        self._known[key] = _versions(self.store.parquet(key))
                    except (pa.ArrowException, OSError, ValueError) as error:
                        raise Damage(f"{key} is not whole: {error}", partial=1) from error
                versions.extend(self._known[key])
        return _latest(versions, self.job)


def _table(job: NumbersJob) -> _Files | _Objects:
    return _Files(job) if job.store is None else _Objects(job, job.store)


class Watcher:
    """Looks at a published table every 50 ms and remembers the first thing that was wrong.

    At a table on a store it looks every 200 ms: the server has other things to do.
    """

    def __init__(self, job: NumbersJob, since: Progress) -> None:
        self._job = job
        self._table = _table(job)
        self._since = since
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self.failure: Damage | None = None
        self.looks = 0

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End, and raise what was seen."""
        self._ended.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    def _watch(self) -> None:
        pause = _POLL_SECONDS if self._job.store is None else _STORE_POLL_SECONDS
        while not self._ended.wait(pause):
            try:
                self.look()
            except Damage as damage:
                self.failure = damage
                return

    def look(self) -> None:
        """Look once.

        Raises:
            Damage: What is there is not whole, or less than before.
        """
        found = self._table.look()
        if found is None:
            return
        self.looks += 1
        progress = self._job.progress(found, "a reader saw")
        if progress < self._since:
            lost = max(1, self._since.position - progress.position)
            raise Damage(f"a reader saw {progress} after {self._since}", lost=lost)
        self._since = progress


@contextmanager
def watched(job: NumbersJob) -> Iterator[Watcher]:
    """Watch the table of *job* for the length of a block."""
    watcher = Watcher(job, published(job))
    watcher.start()
    try:
        yield watcher
    except BaseException:
        watcher._ended.set()  # the block's own failure is told
        raise
    watcher.stop()


def published(job: NumbersJob) -> Progress:
    """Return how far the table is now, when nobody writes."""
    table = _table(job)
    for _ in range(50):
        found = table.look()
        if found is not None:
            return job.progress(found, "published")
        time.sleep(_POLL_SECONDS)
    raise AssertionError("the table changes all the time")


def check_complete(job: NumbersJob) -> None:
    """Check that exactly what the source has is published, each record once."""
    progress, complete = published(job), job.complete()
    if progress != complete:
        lost = max(1, complete.position - progress.position)
        raise Damage(f"{progress} is published, {complete} was to be", lost=lost)


def check_state(job: NumbersJob) -> None:
    """Check that the state is not ahead of the newest commit record, and names the same commit."""
    check_stored(job, state_commit(job.folder / ".dativo", job.stream))


def check_stored(job: NumbersJob, stored: Known) -> None:
    """Check the same of the commit that the state names."""
    newest = newest_commit(job)
    assert stored.epoch <= newest.epoch, f"the state is ahead of the data: {stored}, {newest}"
    if stored.epoch == newest.epoch:
        assert stored == newest, f"the state knows another commit: {stored}, {newest}"


@attrs.frozen
class Known:
    """The identity of a commit, as far as it is compared."""

    epoch: int = 0
    commit_id: str = ""


def state_commit(folder: Path, stream: str = STREAM) -> Known:
    """Return the commit that a state database names, as SQLite would recover it."""
    return state_commits(folder).get(stream, Known())


def state_commits(folder: Path) -> dict[str, Known]:
    """Return the commits of all streams of a state database."""
    if not (folder / "state.db").exists():
        return {}
    with tempfile.TemporaryDirectory(prefix="dativo-fault-state-") as name:
        for file in (folder / "state.db", folder / "state.db-wal"):
            if file.exists():
                shutil.copy(file, name)
        with closing(sqlite3.connect(Path(name) / "state.db")) as database:
            tables = {str(row[0]) for row in database.execute("select name from sqlite_master")}
            if "state" not in tables:
                return {}
            rows = database.execute("select stream, record from state").fetchall()
    return {stream: _known(record) for stream, record in rows}


def newest_commit(job: NumbersJob) -> Known:
    """Return the commit that the newest published record names."""
    if job.store is not None:
        commits = job.store.commits(job.stream)
        return _known(commits[-1].record) if commits else Known()
    folders = sorted(path for path in job.data.glob("epoch-*") if path.is_dir())
    if not folders:
        return Known()
    (carrier,) = folders[-1].rglob("*.commit.parquet")
    return _known((pq.read_metadata(carrier).metadata or {})[b"dativo.commit"])


def _known(text: str | bytes) -> Known:
    commit = json.loads(text)["commit"]
    return Known(int(commit["epoch"]), str(commit["commit_id"]))


def _listing(folder: Path) -> list[tuple[str, int, int, int]]:
    """Return every file that a reader's glob finds; what vanishes meanwhile is left out."""
    found: list[tuple[str, int, int, int]] = []
    for file in sorted(Path(place, name) for place, _, names in os.walk(folder) for name in names):
        try:
            about = file.stat()
        except FileNotFoundError:
            continue
        if file.suffix != ".parquet":
            raise Damage(f"a foreign file is visible: {file}", partial=1)
        if about.st_size == 0:
            raise Damage(f"a file without bytes is visible: {file}", partial=1)
        found.append((str(file), about.st_ino, about.st_size, about.st_mtime_ns))
    return found


def _versions(file: pq.ParquetFile) -> list[Version]:
    table = file.read()
    ids, labels = table["id"].to_pylist(), table["label"].to_pylist()
    control = [
        table[name].to_pylist() if name in table.column_names else [0] * len(ids)
        for name in _CONTROL
    ]
    columns = zip(*control[:2], range(len(ids)), control[2], ids, labels, strict=True)
    return [(int(e), int(s), at, bool(d), int(i), str(text)) for e, s, at, d, i, text in columns]


def _latest(versions: list[Version], job: NumbersJob) -> list[Record]:
    if job.mode != "merge":
        return [(key, label) for *_, key, label in versions]
    latest: dict[int, Version] = {}
    for version in sorted(versions, key=_order):
        latest[version[4]] = version
    return [(key, last[5]) for key, last in latest.items() if not last[3]]


_order: Callable[[Version], tuple[int, int, int]] = lambda version: version[:3]  # noqa: E731
