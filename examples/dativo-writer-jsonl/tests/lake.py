"""Runs that write to a folder, as an engine would."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
from dativo_writer_jsonl import JsonlConfig, read_back, write

from dativo.contract import (
    Batch,
    Checkpoint,
    Commit,
    Receipt,
    WriteMode,
    WriteRequest,
    WriteSession,
)


@attrs.define(kw_only=True)
class Run:
    """The engine's side of a hook call, as far as the writer asks for it."""

    job_id: str = "job"
    run_id: str = "run-1"
    fence: int = 1
    streams: tuple[Any, ...] = ()

    def reader(self, schema: Any, batches: Iterable[Any]) -> Any:
        return pa.RecordBatchReader.from_batches(pa.schema(schema), batches)


@attrs.define
class Lake:
    """A folder, and the run that writes to it now."""

    path: Path
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    run: Any = attrs.field(factory=Run)
    stream: str = "things"

    @property
    def config(self) -> JsonlConfig:
        return JsonlConfig(path=self.path, **self.settings)

    @property
    def data(self) -> Path:
        return self.path / self.stream

    @contextlib.contextmanager
    def session(self, mode: WriteMode = WriteMode.APPEND) -> Iterator[WriteSession]:
        request = WriteRequest(stream=self.stream, mode=mode)
        with contextlib.closing(write(self.config, request, self.run)) as session:
            yield session

    def commit(self, epoch: int, mode: WriteMode = WriteMode.APPEND, **about: Any) -> Commit:
        made = Commit(
            job_id=self.run.job_id,
            stream=self.stream,
            epoch=epoch,
            commit_id=f"id-{epoch}-{self.run.run_id}",
            run_id=self.run.run_id,
            fence=self.run.fence,
            mode=mode,
            checkpoint=Checkpoint({"n": epoch}),
            fingerprint={"source": "test"},
        )
        return attrs.evolve(made, **about)

    def write(self, epoch: int, *tables: pa.Table, mode: WriteMode = WriteMode.APPEND) -> Receipt:
        with self.session(mode) as session:
            staged = [session.stage(Batch(table)) for table in tables]
            return session.commit(self.commit(epoch, mode), staged)

    def read(self) -> pa.Table:
        return pa.RecordBatchReader.from_stream(
            read_back(self.config, WriteRequest(stream=self.stream), self.run)
        ).read_all()

    def files(self) -> list[Path]:
        return sorted(self.path.glob("**/*.jsonl*"))

    def lines(self) -> list[str]:
        text = "".join(path.read_text() for path in self.files())
        return text.split("\n")[:-1]


def numbers(*values: int) -> pa.Table:
    return pa.table({"n": pa.array(values, pa.int64())})
