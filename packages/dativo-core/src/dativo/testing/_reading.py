"""Reading on the bench: one stream in one mode, whole, in parts or refused."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import Any

import attrs
import pyarrow as pa

from dativo.contract import Checkpoint, ReadMode, Stream, StreamRequest
from dativo.errors import ContractViolationError, DativoError, PluginExecutionError
from dativo.testing._bench import Bench, Read
from dativo.testing._cases import Settings
from dativo.testing._records import Records, records_of
from dativo.testing._rules import NotVerified
from dativo.testing._subject import SourceSubject

__all__ = [
    "NO_FIELD",
    "Wanted",
    "attempt",
    "declared_schema",
    "last_checkpoint",
    "not_refused",
    "stored",
    "streams",
    "wanted",
]


NO_FIELD = "dativo_kit_no_such_field"


@attrs.frozen(kw_only=True)
class Wanted:
    """One stream in one mode, as a job reads it.

    Attributes:
        subject: The source.
        stream: What ``discover`` says of the stream.
        selection: What the job says of it.
        mode: The mode.
        limits: What the run may use, as for ``Subject.open``.
    """

    subject: SourceSubject
    stream: Stream
    selection: Settings
    mode: ReadMode
    limits: dict[str, Any] = attrs.field(factory=dict)

    def __str__(self) -> str:
        return f"stream {self.stream.name} ({self.mode.value})"

    @property
    def key(self) -> tuple[str, ...]:
        """The fields that identify a record."""
        chosen = self.selection.get("primary_key")
        return tuple(chosen) if isinstance(chosen, list | tuple) else self.stream.primary_key

    def request(self, bench: Bench, **changes: Any) -> StreamRequest:
        """Make the request, with *changes* of its fields."""
        return attrs.evolve(bench.request(self.stream, self.selection, self.mode), **changes)

    def steps(self, state: Checkpoint | None = None, **changes: Any) -> Generator[Read, None, None]:
        """Read batch by batch on a bench of its own; it is closed with this iterator."""
        with self.subject.open(**self.limits) as bench:
            request = self.request(bench, **changes)
            yield from bench.read(request, state)

    def whole(self, state: Checkpoint | None = None, **changes: Any) -> list[Read]:
        """Read to the end."""
        return list(self.steps(state, **changes))

    def first(self, count: int) -> list[Read]:
        """Read *count* batches, then stop; fewer if there are no more."""
        with contextlib.closing(self.steps()) as steps:
            return [read for _, read in zip(range(count), steps, strict=False)]

    def records(self, state: Checkpoint | None = None, **changes: Any) -> Records:
        """Read all records."""
        return records_of(self.whole(state, **changes))


def streams(subject: SourceSubject) -> list[tuple[Stream, Settings]]:
    """Return the streams that can be read, with what a job would say about each.

    Of many, those of ``cases.sample``. The large one is for the rules about size, and left out here
    if there are others.

    Raises:
        NotVerified: There is none, or one of the sample cannot be read.
    """
    found = {stream.name: (stream, selection) for stream, selection in subject.readable()}
    cases = subject.cases
    missing = [name for name in cases.sample if name not in found]
    if missing:
        raise NotVerified(f"{', '.join(missing)} of cases.sample cannot be read")
    names = list(cases.sample or found)
    if not names:
        raise NotVerified("no stream can be read with the good settings (cases.good)")
    return [found[name] for name in names if name != cases.large] or [found[names[0]]]


def wanted(
    subject: SourceSubject, *modes: ReadMode, declared: bool = True, **limits: Any
) -> Iterator[Wanted]:
    """Yield each stream in each of *modes* that it declares; without *modes* in all of them.

    With *declared* set to false those come that it does not declare.
    """
    for stream, selection in streams(subject):
        for mode in modes or tuple(ReadMode):
            if (mode in stream.read_modes) is declared:
                yield Wanted(
                    subject=subject, stream=stream, selection=selection, mode=mode, limits=limits
                )


def declared_schema(stream: Stream) -> pa.Schema | None:
    """Return the schema that ``discover`` tells, if it tells one."""
    return None if stream.schema is None else pa.schema(stream.schema)


def last_checkpoint(reads: list[Read]) -> tuple[Checkpoint | None, int]:
    """Return the last checkpoint of *reads*, as it was stored, and how many of them it covers."""
    for count in range(len(reads), 0, -1):
        checkpoint = reads[count - 1].checkpoint
        if checkpoint is not None:
            return stored(checkpoint), count
    return None, 0


def stored(checkpoint: Checkpoint) -> Checkpoint:
    """Return *checkpoint* as it comes back from where the engine stores it."""
    return Checkpoint.from_json(checkpoint.to_json())


def attempt(
    want: Wanted, state: Checkpoint | None = None, **changes: Any
) -> list[Read] | DativoError:
    """Read, and return what came, or the error that it ended with."""
    try:
        return want.whole(state, **changes)
    except DativoError as error:
        return error


def not_refused(came: list[Read] | DativoError) -> str:
    """Say how *came* is no refusal by the connector itself; empty if it is one."""
    if isinstance(came, list):
        return f"it is read as if nothing were wrong: {len(records_of(came))} records come"
    if isinstance(came, PluginExecutionError | ContractViolationError):
        return f"it ends with {came.code}: {came.message}"
    return ""
