"""One stream of a writer's target, written and read back as a job would do it."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import attrs
import pyarrow as pa

from dativo.contract import (
    Batch,
    Checkpoint,
    Commit,
    CommitRecord,
    Operation,
    Receipt,
    Role,
    Staged,
    WriteMode,
    WriteRequest,
)
from dativo.engine._arrow import LazyReader, Tap, lazy
from dativo.errors import DataNotFoundError, DativoError, ResourceNotFoundError
from dativo.plugins import GuardedSession
from dativo.testing._bench import Bench, open_bench
from dativo.testing._cases import Settings
from dativo.testing._rules import NotVerified
from dativo.testing._subject import WriterSubject, limits_of

__all__ = [
    "NAMES",
    "Row",
    "Run",
    "Target",
    "after",
    "contents",
    "difference",
    "next_fence",
    "orders",
    "read_all",
    "refusal",
    "target_of",
    "targets",
]

Row = tuple[object, ...]

_FENCES = itertools.count(1000)

NAMES = ("id", "note")
"""The fields of the records that the kit writes: a number that is never NULL, and a text."""


@attrs.frozen(kw_only=True)
class Target:
    """One stream of a writer's target; made of plain values, so that a child can have it.

    Attributes:
        connector: The writer's address.
        settings: Its ``config``.
        options: The stream's ``writer_options``.
        stream: The stream.
        mode: How it is written.
        primary_key: The fields that identify a record.
        versioned: Whether records carry what merging needs.
        job: The job that writes it.
        memory_bytes: What a run may use.
    """

    connector: str
    settings: Settings
    options: Settings = attrs.field(factory=dict)
    stream: str = "kit"
    mode: WriteMode = WriteMode.APPEND
    primary_key: tuple[str, ...] = ()
    versioned: bool = False
    job: str = "kit"
    memory_bytes: int = 64 << 20

    def having(self, **changes: Any) -> Target:
        """Return the same with *changes*."""
        return attrs.evolve(self, **changes)

    @contextlib.contextmanager
    def bench(self, *, fence: int = 0, run_id: str | None = None) -> Iterator[Bench]:
        """Load the writer for a run of the job."""
        limits = limits_of(memory_bytes=self.memory_bytes)
        about = {"job": self.job, "run_id": run_id, "fence": fence}
        with open_bench(
            self.connector, Role.WRITER, self.settings, limits=limits, **about
        ) as bench:
            yield bench

    @contextlib.contextmanager
    def run(self, *, fence: int | None = None, run_id: str | None = None) -> Iterator[Run]:
        """Open a session of a run of its own, with a fence above that of earlier ones."""
        with self.bench(fence=fence or next_fence(), run_id=run_id) as bench, self.on(bench) as run:
            yield run

    @contextlib.contextmanager
    def on(self, bench: Bench) -> Iterator[Run]:
        """Open a session of the run of *bench*; like the engine, abort it if something raises."""
        with bench.write(**self._about) as session:
            try:
                yield Run(self, bench, session)
            except BaseException:
                with contextlib.suppress(DativoError):
                    session.abort()
                raise

    def publish(
        self, epoch: int, *tables: pa.Table, fence: int | None = None, **about: Any
    ) -> Receipt:
        """Stage and commit *tables* as *epoch* in a session of its own."""
        with self.run(fence=fence) as run:
            return run.publish(epoch, *tables, **about)

    def published(self) -> pa.Table | None:
        """Return what readers see now; ``None`` if nothing is published.

        Raises:
            NotVerified: The writer has no ``read_back``.
        """
        with self.bench() as bench:
            return self.look(bench)

    def look(self, bench: Bench) -> pa.Table | None:
        """Return what readers see now, through a *bench* that is open already."""
        reader = self.open_read_back(bench)
        return None if reader is None else read_all(reader)

    def open_read_back(self, bench: Bench) -> LazyReader | None:
        """Ask for what is published, and do not pull it yet."""
        connector = bench.side.connector
        if "read_back" not in connector.hooks:
            raise NotVerified(
                "the writer has no read_back hook, so nobody can see here what it publishes; "
                "implement read_back"
            )
        context = bench.context(stream=self.stream)
        try:
            return lazy(connector.read_back(bench.side.config, self.request(bench), context))
        except (DataNotFoundError, ResourceNotFoundError):
            return None

    def request(self, bench: Bench) -> WriteRequest:
        """Return what a job asks the writer for."""
        return bench.write_request(**self._about)

    def last_commit(self, *, fence: int | None = None) -> CommitRecord | None:
        """Return what a session of its own says is published last."""
        with self.run(fence=fence) as run:
            return run.session.last_commit()

    @property
    def _about(self) -> dict[str, Any]:
        return {
            "stream": self.stream,
            "mode": self.mode,
            "primary_key": self.primary_key,
            "versioned": self.versioned or self.mode is WriteMode.MERGE,
            "options": self.options,
        }


@attrs.frozen
class Run:
    """An open session and the identity under which it publishes."""

    target: Target
    bench: Bench
    session: GuardedSession

    def stage(self, data: Any, *, op: Operation = Operation.UPSERT, sequence: int = 0) -> Staged:
        """Stage *data* as the engine does; an error of its reader comes through as it is."""
        tap = Tap(data, tell=lambda *_: None, check=lambda: None)
        try:
            return self.session.stage(Batch(tap, op=op, sequence=sequence))
        except BaseException as error:
            if tap.error is None:
                raise
            raise tap.error from error
        finally:
            tap.close()

    def identity(self, epoch: int, **changes: Any) -> Commit:
        """Return the identity of a commit of this run."""
        run = self.bench.control
        known: dict[str, Any] = {
            "job_id": run.job,
            "stream": self.target.stream,
            "epoch": epoch,
            "commit_id": f"{run.run_id}-{epoch}",
            "run_id": run.run_id,
            "fence": run.fence,
            "mode": self.target.mode,
            "checkpoint": Checkpoint({"epoch": epoch}),
            "fingerprint": {"source": "kit", "write_mode": self.target.mode.value},
        }
        return Commit(**{**known, **changes})

    def publish(self, epoch: int, *tables: pa.Table, **changes: Any) -> Receipt:
        """Stage *tables* in this order and commit them as *epoch*."""
        staged = [self.stage(table, sequence=i) for i, table in enumerate(tables, start=1)]
        return self.session.commit(self.identity(epoch, **changes), staged)


def next_fence() -> int:
    """Return a fence that is above all that this process has given, and above any child's."""
    return next(_FENCES)


def targets(subject: WriterSubject) -> Iterator[Target]:
    """Yield a stream of its own for each write mode that the writer declares."""
    return (target_of(subject, mode) for mode in subject.info.write_modes)


def target_of(subject: WriterSubject, mode: WriteMode) -> Target:
    """Return the stream that is written in *mode*."""
    return Target(
        connector=subject.connector,
        settings=subject.cases.good,
        options=subject.cases.options,
        stream=f"kit_{mode.value}",
        mode=mode,
        primary_key=("id",) if mode is WriteMode.MERGE else (),
    )


def orders(ids: Iterable[int], note: str | None = "") -> pa.Table:
    """Return records of the two fields that the kit writes."""
    numbers = list(ids)
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("note", pa.string())])
    return pa.table([numbers, [note] * len(numbers)], schema=schema)


def contents(table: pa.Table | None, names: Sequence[str] = NAMES) -> list[Row]:
    """Return the records of *table*, sorted; ``None`` has none.

    Raises:
        AssertionError: A field is missing; the text names those that there are.
    """
    if table is None:
        return []
    missing = [name for name in names if name not in table.schema.names]
    if missing:
        found = ", ".join(table.schema.names)
        msg = f"read_back gives no field {missing[0]!r}; it gives: {found or 'none'}"
        raise AssertionError(msg)
    columns = [table.column(name).to_pylist() for name in names]
    return sorted(zip(*columns, strict=True), key=repr)


def after(mode: WriteMode, *epochs: pa.Table, names: Sequence[str] = NAMES) -> list[Row]:
    """Return what must be published after *epochs*; in merge mode the first name is the key."""
    if mode is WriteMode.REPLACE:
        epochs = epochs[-1:]
    rows = [row for table in epochs for row in zip(*_columns(table, names), strict=True)]
    if mode is WriteMode.MERGE:
        rows = list({row[0]: row for row in rows}.values())
    return sorted(rows, key=repr)


def difference(expected: Sequence[Row], found: Sequence[Row]) -> str:
    """Say how *found* differs from *expected*; empty if it does not."""
    lost, extra = Counter(expected) - Counter(found), Counter(found) - Counter(expected)
    parts = [
        f"{sum(rows.values())} {what}, such as {next(iter(rows))!r}"
        for rows, what in ((lost, "missing"), (extra, "too many"))
        if rows
    ]
    return f"{len(found)} records in place of {len(expected)}: {'; '.join(parts)}" if parts else ""


def refusal(call: Callable[[], object]) -> DativoError | None:
    """Return the error with which *call* ends, ``None`` if it does not."""
    try:
        call()
    except DativoError as error:
        return error
    return None


def read_all(reader: LazyReader) -> pa.Table:
    """Pull all of what *reader* has."""
    batches = [pa.record_batch(batch) for batch in reader.batches()]
    return pa.Table.from_batches(batches, schema=pa.schema(reader.schema))


def _columns(table: pa.Table, names: Sequence[str]) -> list[list[object]]:
    return [table.column(name).to_pylist() for name in names]
