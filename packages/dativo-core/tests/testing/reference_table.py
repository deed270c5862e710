"""What the reference writer keeps of a stream: Arrow files, and one small file that names them.

``head.json`` is exchanged by a rename under a kernel lock, so that data, checkpoint, record and
claim become visible in one step. Files that it does not name are invisible.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa

from dativo.contract import CommitRecord, Operation

__all__ = ["DataFile", "Head", "Table"]


@attrs.frozen(kw_only=True)
class DataFile:
    """One file of published or staged records."""

    name: str
    rows: int
    op: str = Operation.UPSERT
    epoch: int = 0
    sequence: int = 0


@attrs.frozen(kw_only=True)
class Head:
    """What is published of a stream, and who may publish next."""

    fence: int = 0
    record: CommitRecord | None = None
    schema: pa.Schema | None = None
    files: tuple[DataFile, ...] = ()

    @property
    def epoch(self) -> int:
        return 0 if self.record is None else self.record.commit.epoch

    def to_json(self) -> str:
        schema = self.schema and base64.b64encode(self.schema.serialize()).decode()
        record = self.record and self.record.to_json()
        files = [attrs.asdict(file) for file in self.files]
        document = {"fence": self.fence, "record": record, "schema": schema, "files": files}
        return json.dumps(document)

    @classmethod
    def from_json(cls, text: str) -> Head:
        document: dict[str, Any] = json.loads(text)
        schema, record = document["schema"], document["record"]
        return cls(
            fence=document["fence"],
            record=record and CommitRecord.from_json(record),
            schema=schema and pa.ipc.read_schema(pa.py_buffer(base64.b64decode(schema))),
            files=tuple(DataFile(**file) for file in document["files"]),
        )


class Table:
    """One stream's folder in *root*; every step is a method, so that a mutant can break it."""

    def __init__(self, root: Path, stream: str) -> None:
        self.root = root
        self.stream = stream
        self.folder = root / self.folder_name(stream)

    def folder_name(self, stream: str) -> str:
        """A name that no other stream has, whatever the stream is called."""
        return hashlib.sha256(stream.encode()).hexdigest()[:32]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the stream while its head is compared and exchanged."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def head(self) -> Head:
        """What is published now."""
        try:
            return Head.from_json((self.folder / "head.json").read_text())
        except FileNotFoundError:
            return Head()

    def save(self, head: Head) -> None:
        """Make *head* visible in one step, durably."""
        staged = self.folder / f"head-{uuid.uuid4().hex}.new"
        with staged.open("w") as file:
            file.write(head.to_json())
            file.flush()
            os.fsync(file.fileno())
        staged.replace(self.folder / "head.json")
        self.sync_folder()

    def sync_folder(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sweep(self, head: Head) -> None:
        """Remove what earlier sessions have left behind."""
        named = {"head.json", "lock", *(file.name for file in head.files)}
        for path in self.folder.iterdir():
            if path.name not in named:
                path.unlink()

    def remove(self, files: Sequence[DataFile]) -> None:
        for file in files:
            (self.folder / file.name).unlink(missing_ok=True)

    def file_name(self) -> str:
        return f"{uuid.uuid4().hex}.arrows"

    def write_file(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> DataFile:
        """Write *batches* into a file that nobody sees, one after the other."""
        name, rows = self.file_name(), 0
        path = self.folder / name
        try:
            with path.open("wb") as file:
                with pa.ipc.new_stream(file, schema) as sink:
                    for batch in batches:
                        sink.write_batch(batch)
                        rows += batch.num_rows
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return DataFile(name=name, rows=rows)

    def opened(self, stack: contextlib.ExitStack) -> tuple[Head, list[Any]]:
        """Open all files of one state; they can be read even if they are removed meanwhile."""
        while True:
            head = self.head()
            try:
                files = [stack.enter_context((self.folder / f.name).open("rb")) for f in head.files]
            except FileNotFoundError:
                if self.head() == head:
                    raise
                continue
            return head, files

    def batches(self, key: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield what is published, with the newest schema."""
        with contextlib.ExitStack() as stack:
            head, files = self.opened(stack)
            assert head.schema is not None
            if key:
                yield from self.live(head, files, key).to_batches()
                return
            for file in files:
                with pa.ipc.open_stream(file) as reader:
                    for batch in reader:
                        yield aligned(batch, head.schema)

    def live_keys(self, key: Sequence[str]) -> set[tuple[Any, ...]]:
        with contextlib.ExitStack() as stack:
            head, files = self.opened(stack)
            return set(self.keys(self.live(head, files, key), key)) if head.schema else set()

    def live(self, head: Head, files: Sequence[Any], key: Sequence[str]) -> pa.Table:
        """The newest version of each key: by epoch, then by sequence, then by place."""
        assert head.schema is not None
        tables = []
        newest: dict[tuple[Any, ...], int | None] = {}
        count = 0
        for about, file in sorted(zip(head.files, files, strict=True), key=_age):
            with pa.ipc.open_stream(file) as reader:
                found = reader.read_all()
            if about.op == Operation.DELETE:
                newest |= dict.fromkeys(self.keys(found, key))
                continue
            newest |= {row: count + place for place, row in enumerate(self.keys(found, key))}
            count += found.num_rows
            tables += [aligned(batch, head.schema) for batch in found.to_batches()]
        places = sorted(place for place in newest.values() if place is not None)
        everything = pa.Table.from_batches(tables, schema=head.schema)
        return everything.take(pa.array(places, pa.int64()))

    def keys(self, table: pa.Table, key: Sequence[str]) -> list[tuple[Any, ...]]:
        return list(zip(*(table.column(name).to_pylist() for name in key), strict=True))


def aligned(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Give *batch* the columns of *schema*; those that it lacks are NULL."""
    if batch.schema.equals(schema, check_metadata=True):
        return batch
    columns = [
        batch.column(field.name)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _age(part: tuple[DataFile, Any]) -> tuple[int, int]:
    return part[0].epoch, part[0].sequence
