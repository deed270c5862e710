"""Rules about the shape of what is read: schema, batches, counts, an empty stream."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from dativo.contract import Operation, ReadMode, Replay, Role
from dativo.testing._bench import Read
from dativo.testing._reading import (
    Wanted,
    declared_schema,
    wanted,
)
from dativo.testing._rules import Evidence, NotVerified, rule
from dativo.testing._subject import SourceSubject, given

__all__ = ["RULES"]

_TOLERANCE = 2
_FEW_ROWS = 20


@rule("data.schema", Role.SOURCE)
def schema(subject: SourceSubject, evidence: Evidence) -> None:
    """What arrives has the schema that discovery declares, in all batches of a stream."""
    for want in wanted(subject, batch_rows=100):
        reads = want.whole()
        declared = declared_schema(want.stream)
        if declared is None and reads:
            declared = reads[0].data.schema
            evidence.looked(f"{want}: {len(reads)} batches; discovery declares no schema")
        elif declared is not None:
            evidence.looked(f"{want}: {len(reads)} batches, {len(declared)} fields")
        for number, read in enumerate(reads, start=1):
            for text in (*_differences(declared, read.data.schema), *_faults(read)):
                evidence.problem(f"{want}, batch {number}: {text}")


@rule("data.empty", Role.SOURCE)
def empty(subject: SourceSubject, evidence: Evidence) -> None:
    """An empty stream is one batch without rows, with its schema."""
    if subject.cases.empty is None:
        raise NotVerified("name a stream without records in cases.empty")
    name = given(subject.cases.empty)
    found = [want for want in wanted(subject, batch_rows=100) if want.stream.name == name]
    if not found:
        raise NotVerified(f"the stream {name} of cases.empty is not found, or cannot be read")
    for want in found:
        reads = want.whole()
        rows = sum(read.data.num_rows for read in reads)
        evidence.looked(f"{want}: {len(reads)} batches, {rows} rows")
        if rows:
            raise NotVerified(f"the stream {name} of cases.empty has {rows} records")
        if not reads:
            evidence.problem(f"{want}: no batch came, so that nobody learns the schema")
        declared = declared_schema(want.stream)
        for read in reads:
            for text in _differences(declared, read.data.schema):
                evidence.problem(f"{want}: {text}")


@rule("data.counts", Role.SOURCE)
def counts(subject: SourceSubject, evidence: Evidence) -> None:
    """The source's own count of a batch is what arrives; exact sources count every batch."""
    needed = subject.info.replay is Replay.EXACT
    for want in wanted(subject, batch_rows=100):
        reads = want.whole()
        told = [read.told for read in reads if read.told is not None]
        evidence.looked(f"{want}: {len(told)} of {len(reads)} batches counted by the source")
        for number, read in enumerate(reads, start=1):
            if read.told is None and needed:
                evidence.problem(
                    f"{want}, batch {number}: no count (Batch.rows), which exact replay needs"
                )
            elif read.told is not None and read.told != read.data.num_rows:
                evidence.problem(
                    f"{want}, batch {number}: the source counts {read.told} records, "
                    f"{read.data.num_rows} arrive"
                )


@rule("data.batches", Role.SOURCE)
def batches(subject: SourceSubject, evidence: Evidence) -> None:
    """Record batches are not much larger than the context says."""
    is_looked_at = False
    for want in wanted(subject):
        rows = sum(read.data.num_rows for read in want.whole())
        limit = max(5, rows // 4)
        if rows < _FEW_ROWS:
            continue
        is_looked_at = True
        small = Wanted(
            subject=subject,
            stream=want.stream,
            selection=want.selection,
            mode=want.mode,
            limits={"batch_rows": limit},
        )
        parts = [part for read in small.steps() for part in read.data.to_batches()]
        largest = max((part.num_rows for part in parts), default=0)
        evidence.looked(f"{want}: up to {largest} rows where {limit} are asked for, of {rows}")
        if largest > limit * _TOLERANCE:
            evidence.problem(
                f"{want}: a record batch has {largest} rows; context.batch_rows is {limit}"
            )
    _look_at_bytes(subject, evidence)
    if not is_looked_at:
        evidence.gap(f"no stream has {_FEW_ROWS} records")


def _look_at_bytes(subject: SourceSubject, evidence: Evidence) -> None:
    """Look at the bytes of record batches, where there is a stream that has enough of them."""
    for stream, selection in subject.readable():
        if stream.name != subject.cases.large:
            continue
        large = Wanted(
            subject=subject,
            stream=stream,
            selection=selection,
            mode=ReadMode.FULL,
            limits={"parallelism": 1, "memory_bytes": 16 << 20, "batch_rows": 65_536},
        )
        sizes = [_size(part) for read in large.steps() for part in read.data.to_batches()]
        most = max(sizes, default=0)
        evidence.looked(f"{large}: up to {most} bytes where {1 << 20} are asked for")
        if most > _TOLERANCE << 20:
            evidence.problem(
                f"{large}: a record batch has {most} bytes; context.batch_bytes is {1 << 20}"
            )


def _size(part: pa.RecordBatch) -> int:
    """Return the bytes of *part*; one record alone may be as large as it is."""
    return int(part.nbytes) if part.num_rows > 1 else 0


def _differences(declared: pa.Schema | None, found: pa.Schema) -> Iterator[str]:
    """Say what *found* has that *declared* has not, and the other way round."""
    if declared is None or found.equals(declared, check_metadata=True):
        return
    if found.names != declared.names:
        yield f"the fields are {found.names}; discovery declares {declared.names}"
        return
    for before, after in zip(declared, found, strict=True):
        if not after.equals(before, check_metadata=True):
            yield f"the field {after.name} is {_text(after)}; discovery declares {_text(before)}"
    if (found.metadata or {}) != (declared.metadata or {}):
        yield f"its metadata is {found.metadata}; discovery declares {declared.metadata}"


def _text(field: pa.Field) -> str:
    null = "" if field.nullable else " not null"
    metadata = f" with metadata {field.metadata}" if field.metadata else ""
    return f"{field.type}{null}{metadata}"


def _faults(read: Read) -> Iterator[str]:
    """Say what is wrong with the values themselves."""
    if read.op is not Operation.UPSERT:
        yield f"it is a batch of the operation {read.op.value}, which was not asked for"
    try:
        read.data.validate(full=True)
    except pa.ArrowException as error:
        yield f"the Arrow data is damaged: {error}"
        return
    for field, column in zip(read.data.schema, read.data.columns, strict=True):
        for chunk in column.chunks:
            yield from _nulls(field, chunk, field.name)


def _nulls(field: pa.Field, values: pa.Array, name: str) -> Iterator[str]:
    """Say where NULL is although a field is declared to have none, also within nested ones."""
    if values.null_count and not field.nullable:
        yield f"the field {name} has {values.null_count} NULL and is declared to have none"
    if not pa.types.is_nested(field.type) or pa.types.is_union(field.type):
        return
    there = values.drop_null()
    if pa.types.is_struct(field.type):
        for child, part in zip(field.type, there.flatten(), strict=True):
            yield from _nulls(child, part, f"{name}.{child.name}")
    elif pa.types.is_map(field.type):
        # Of a slice, ``items`` has those of the whole array.
        first, last = there.offsets[0].as_py(), there.offsets[-1].as_py()
        items = there.items.slice(first, last - first)
        yield from _nulls(field.type.item_field, items, f"{name}.value")
    elif not pa.types.is_list_view(field.type) and not pa.types.is_large_list_view(field.type):
        yield from _nulls(field.type.value_field, there.flatten(), f"{name}.item")


RULES = (schema, empty, counts, batches)
