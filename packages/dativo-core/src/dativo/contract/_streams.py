"""Streams: what a source offers, what a job asks for, and what moves."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum

import attrs

from dativo.contract._arrow import ArrowSchema, ArrowStream
from dativo.contract._modes import Operation, ReadMode, WriteMode
from dativo.errors import (
    ContractViolationError,
    DativoError,
    InsufficientPermissionsError,
    SchemaValidationError,
    wrap_exception,
)

__all__ = [
    "MAX_CHECKPOINT_BYTES",
    "Batch",
    "Checkpoint",
    "JsonValue",
    "RowCount",
    "Stream",
    "StreamRequest",
    "StreamStatus",
    "WriteRequest",
    "matches_pattern",
]

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]

RowCount = int | Callable[[], int]

MAX_CHECKPOINT_BYTES = 64 * 1024


class StreamStatus(StrEnum):
    """Whether a discovered stream can be read with the credentials given."""

    READABLE = "readable"
    UNREADABLE = "unreadable"


@attrs.frozen(kw_only=True)
class Stream:
    """One stream that a source offers.

    Attributes:
        name: The address that a job file uses, such as ``public.orders``.
        schema: The Arrow schema of its batches; ``None`` where it cannot be told.
        kind: The source's own word for it: ``table``, ``view``, ``endpoint``, ...
        primary_key: The fields that identify a record; empty where there is none.
        cursors: The fields that can serve as a cursor, the best first.
        read_modes: How it can be read.
        estimated_rows: About how many records it has; ``None`` where nobody knows.
        description: The source's own comment on it.
        status: Whether it can be read.
        problem: Why it cannot be read.
    """

    name: str
    schema: ArrowSchema | None = attrs.field(default=None, eq=False, repr=False)
    kind: str = "stream"
    primary_key: tuple[str, ...] = ()
    cursors: tuple[str, ...] = ()
    read_modes: tuple[ReadMode, ...] = (ReadMode.FULL,)
    estimated_rows: int | None = None
    description: str = ""
    status: StreamStatus = StreamStatus.READABLE
    problem: DativoError | None = None

    def trying(self, call: Callable[[], object]) -> Stream:
        """Do *call*, such as asking for one record, and say whether the stream can be read.

        If access is denied, by ``wrap_exception``, the stream comes back as unreadable with that
        as its problem; every other exception passes through.
        """
        try:
            call()
        except Exception as error:
            problem = wrap_exception(error)
            if not isinstance(problem, InsufficientPermissionsError):
                raise
            return attrs.evolve(self, status=StreamStatus.UNREADABLE, problem=problem)
        return self


@attrs.frozen(kw_only=True)
class StreamRequest:
    """Everything that a job says about reading one stream.

    Attributes:
        stream: The stream's name; with a ``query`` it is the name that the result gets.
        mode: Full or incremental.
        cursor: The field that orders records, for incremental reads.
        primary_key: The fields that identify a record and break ties of the cursor.
        columns: The fields to read, in this order; empty for all.
        where: A condition in the source's own language.
        query: A query in the source's own language, in place of a table.
        lower: Read records whose cursor is at least this (backfill); for sources with ``ranges``.
        upper: Read records whose cursor is below this (backfill); for sources with ``ranges``.
        options: The connector's own options class, structured.
        deletes: Whether the target takes batches of deletions now: it is merged by a writer that
            can delete. A source that finds deletions leaves them out otherwise.
    """

    stream: str
    mode: ReadMode = ReadMode.FULL
    cursor: str | None = None
    primary_key: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    where: str | None = None
    query: str | None = None
    lower: str | None = None
    upper: str | None = None
    options: object = None
    deletes: bool = False

    def columns_of(
        self, fields: Sequence[str], *, cursors: Collection[str] | None = ()
    ) -> tuple[str, ...]:
        """Return the columns to deliver, of a stream that has *fields*: the job's, or else all.

        *cursors* are the fields that can be its cursor. Without any it can be read in full only;
        ``None`` is for a stream whose increments need no field.

        Raises:
            SchemaValidationError: The job names a field or a cursor that there is not, or reads
                incrementally what can only be read in full.
        """
        unknown = [name for name in self.columns if name not in fields]
        if unknown:
            raise self._strange(f"has no field {', '.join(unknown)}; it has {', '.join(fields)}")
        if self.mode is ReadMode.INCREMENTAL and cursors is not None and not cursors:
            raise self._strange("can only be read in full; it has no cursor")
        if self.mode is ReadMode.INCREMENTAL and self.cursor not in (None, *(cursors or ())):
            known = f"; choose {' or '.join(cursors)}" if cursors else ", and needs none"
            raise self._strange(f"has no cursor {self.cursor}{known}")
        return self.columns or tuple(fields)

    def _strange(self, what: str) -> SchemaValidationError:
        return SchemaValidationError(f"the stream {self.stream} {what}", stream=self.stream)


@attrs.frozen(kw_only=True)
class WriteRequest:
    """Everything that a job says about writing one stream.

    Attributes:
        stream: The stream's name.
        mode: What happens to published data now.
        primary_key: The fields that identify a record.
        options: The connector's own options class, structured.
        versioned: Whether records must carry what merging needs: in merge mode, and in the replace
            by which a stream that is merged otherwise is refreshed.
    """

    stream: str
    mode: WriteMode = WriteMode.APPEND
    primary_key: tuple[str, ...] = ()
    options: object = None
    versioned: bool = False


@attrs.frozen
class Checkpoint:
    """A statement of a source: a later read may resume after here.

    Attributes:
        value: JSON values; at most 64 KiB when written as JSON.
        version: The version of the value's format, as the connector counts it.
    """

    value: Mapping[str, JsonValue]
    version: int = 1

    def to_json(self) -> str:
        """Return the canonical text: the same checkpoint gives the same text.

        Raises:
            ContractViolationError: It is no JSON, or larger than 64 KiB.
        """
        document = {"version": self.version, "value": self.value}
        try:
            text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as error:
            msg = f"a checkpoint must consist of JSON values: {error}"
            raise ContractViolationError(msg) from error
        size_bytes = len(text.encode())
        if size_bytes > MAX_CHECKPOINT_BYTES:
            msg = f"a checkpoint has {size_bytes} bytes; {MAX_CHECKPOINT_BYTES} are allowed"
            raise ContractViolationError(msg)
        return text

    @classmethod
    def from_json(cls, text: str) -> Checkpoint:
        """Read *text*, which :meth:`to_json` wrote.

        Raises:
            ValueError: The text is no checkpoint.
        """
        document = json.loads(text)
        if not isinstance(document, dict) or set(document) != {"version", "value"}:
            msg = "not a checkpoint: expected an object with version and value"
            raise ValueError(msg)
        return cls(value=document["value"], version=document["version"])


@attrs.frozen
class Batch:
    """Records of one stream that move together.

    Attributes:
        data: Any object with ``__arrow_c_stream__``: a frame in memory or a lazy reader of any
            length. Readers of Python code are made by ``context.reader``.
        checkpoint: If set, everything that this generator has yielded up to and including this
            batch is covered by it.
        op: What the records do to published records of the same key in merge mode.
        rows: How many records the source itself says *data* holds, or a call that tells it once
            *data* is drained; never a count of what was handed over. The engine compares it with
            what arrived before anything is published. Sources whose ``replay`` is ``exact`` must
            give it.
        sequence: The place of the batch in the order of its epoch, from 1; set by the engine. In
            merge mode the record of the higher epoch wins, then that of the higher sequence, then
            the later one of a batch, whichever was drained first.
        note: How the source reads *data*, in a few words for people, where it could be otherwise:
            through which driver, say, or from which replica. The result of the run lists the
            different ones of each stream.
    """

    data: ArrowStream = attrs.field(eq=False)
    checkpoint: Checkpoint | None = None
    op: Operation = Operation.UPSERT
    rows: RowCount | None = attrs.field(default=None, eq=False)
    sequence: int = 0
    note: str = ""


def matches_pattern(name: str, pattern: str) -> bool:
    """Say whether the stream *name* matches *pattern*; the one rule for jobs and sources.

    ``*`` stands for any text and ``?`` for one character; everything else, upper and lower case
    included, stands for itself.
    """
    # fnmatch keeps to linear time where a naive expression would not; it also knows [sets].
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))
