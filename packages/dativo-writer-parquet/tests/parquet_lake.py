"""A lake for tests: sessions and commits in one line each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from dativo.contract import (
    ArrowStream,
    Batch,
    Checkpoint,
    Commit,
    Receipt,
    WriteMode,
    WriteRequest,
    WriteSession,
)
from dativo_test_support.context import FakeContext
from dativo_writer_parquet import (
    ParquetConfig,
    PartitionBy,
    PartitionPart,
    StreamOptions,
    read_back,
    write,
)

STREAM = "public.orders"


def ids(*numbers: int) -> pa.Table:
    """A table of one column."""
    return pa.table({"id": pa.array(numbers, pa.int64())})


def by(*levels: str) -> StreamOptions:
    """Options from texts like ``country`` or ``created_at:month``."""
    return StreamOptions(
        partition_by=tuple(
            PartitionBy(column=column, part=PartitionPart(part or "value"))
            for column, _, part in (level.partition(":") for level in levels)
        )
    )


@attrs.frozen
class Lake:
    """A folder, and one stream in it."""

    path: Path
    stream: str = STREAM
    mode: WriteMode = WriteMode.APPEND
    primary_key: tuple[str, ...] = ()
    versioned: bool = False
    options: StreamOptions | None = None
    settings: dict[str, Any] = attrs.field(factory=dict)
    context: dict[str, Any] = attrs.field(factory=dict)

    def having(self, **changes: Any) -> Self:
        """The same lake with another stream, mode, options, settings or context."""
        return attrs.evolve(self, **changes)

    @property
    def config(self) -> ParquetConfig:
        return ParquetConfig(path=self.path, **self.settings)

    @property
    def request(self) -> WriteRequest:
        return WriteRequest(
            stream=self.stream,
            mode=self.mode,
            primary_key=self.primary_key,
            options=self.options,
            versioned=self.versioned,
        )

    @property
    def data(self) -> Path:
        """The stream's folder, for streams whose name is a harmless one."""
        return self.path / self.stream

    @property
    def staging(self) -> Path:
        return self.path / ".dativo" / "parquet" / self.stream / "staging"

    def open(self, **context: Any) -> WriteSession:
        session = write(self.config, self.request, FakeContext(**{**self.context, **context}))
        assert session is not None
        return session

    @contextmanager
    def session(self, **context: Any) -> Iterator[WriteSession]:
        session = self.open(**context)
        try:
            yield session
        finally:
            session.close()

    def identity(self, epoch: int, commit_id: str = "", **changes: Any) -> Commit:
        known: dict[str, Any] = {
            "job_id": "job",
            "stream": self.stream,
            "epoch": epoch,
            "commit_id": commit_id or f"c{epoch}",
            "run_id": "run",
            "fence": 1,
            "mode": self.mode,
            "checkpoint": Checkpoint({"epoch": epoch}),
            "fingerprint": {"source": "test"},
        }
        context = {k: v for k, v in self.context.items() if k in known}
        return Commit(**{**known, **context, **changes})

    def publish(self, epoch: int, *tables: ArrowStream | Batch, **changes: Any) -> Receipt:
        """One session that stages *tables* and commits them as *epoch*."""
        context = {key: changes[key] for key in ("job_id", "run_id", "fence") if key in changes}
        with self.session(**context) as session:
            batches = [table if isinstance(table, Batch) else Batch(table) for table in tables]
            staged = [session.stage(batch) for batch in batches]
            return session.commit(self.identity(epoch, **changes), staged)

    def read(self) -> pa.Table:
        """What ``read_back`` gives."""
        stream = read_back(self.config, self.request, FakeContext())
        return pa.RecordBatchReader.from_stream(stream).read_all()

    def numbers(self) -> list[int]:
        """The ids that are published, sorted."""
        return sorted(self.read()["id"].to_pylist())

    def files(self) -> list[str]:
        """The files below the stream's folder."""
        return sorted(
            str(path.relative_to(self.data)) for path in self.data.rglob("*") if path.is_file()
        )

    def row_groups(self) -> list[int]:
        """The rows of each row group of each file."""
        metadata = [pq.read_metadata(self.data / name) for name in self.files()]
        return [m.row_group(i).num_rows for m in metadata for i in range(m.num_row_groups)]
