"""Mutants that break a rule about modes, checkpoints or increments."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs
from reference_client import Client
from reference_source import ReferenceSource

from dativo.contract import (
    Batch,
    Checkpoint,
    ReadMode,
    Stream,
    StreamRequest,
)

__all__ = [
    "AllIdsInTheCheckpoint",
    "AnyCursor",
    "AnyVersion",
    "BoundsAreNumbers",
    "BoundsByTheDay",
    "ChangesItsState",
    "CheckpointOfPartsAtOnce",
    "CheckpointOfTheNextPage",
    "CursorFromTheTie",
    "CursorWithoutKey",
    "FullInPlaceOfIncrement",
    "IgnoresState",
    "NewRecordsOnly",
    "NoCheckpointAtAll",
    "NoLastCheckpoint",
    "OneCheckpointForAll",
    "PageNumberFromZero",
    "RangeIgnored",
    "StartsAnewWithoutNews",
    "StopsAtStartTime",
    "UnknownStreamIsEmpty",
    "UpperIncluded",
    "WhereIgnored",
]


class FullInPlaceOfIncrement(ReferenceSource):
    """Reads everything where a stream has no cursor."""

    def require(self, request: StreamRequest, stream: Stream) -> None:
        if ReadMode.INCREMENTAL in stream.read_modes:
            super().require(request, stream)


class WhereIgnored(ReferenceSource):
    """Declares filters and does not look at them."""

    def page(self, *arguments: Any, **bounds: Any) -> dict[str, Any]:
        client, request, stream = arguments
        return super().page(client, attrs.evolve(request, where=None), stream, **bounds)


class AnyCursor(ReferenceSource):
    """Reads by its own cursor, whichever is asked for."""

    def require(self, request: StreamRequest, stream: Stream) -> None:
        super().require(attrs.evolve(request, cursor=None), stream)


class RangeIgnored(ReferenceSource):
    """Reads everything, whichever range is asked for."""

    def page(self, *arguments: Any, **bounds: Any) -> dict[str, Any]:
        client, request, stream = arguments
        whole = attrs.evolve(request, lower=None, upper=None)
        return super().page(client, whole, stream, **bounds)


class UpperIncluded(ReferenceSource):
    """Reads up to the upper bound and its records, too."""

    def page(self, *arguments: Any, **bounds: Any) -> dict[str, Any]:
        client, request, stream = arguments
        if request.upper is not None:
            later = datetime.fromisoformat(request.upper) + timedelta(microseconds=1)
            request = attrs.evolve(request, upper=later.isoformat())
        return super().page(client, request, stream, **bounds)


class BoundsByTheDay(ReferenceSource):
    """Takes the day of a bound, and so a range that is much too long."""

    def bound(self, text: str | None) -> int | None:
        return super().bound(text and f"{text[:10]}T00:00:00Z")


class BoundsAreNumbers(ReferenceSource):
    """Expects numbers, and fails by accident in place of a refusal."""

    def bound(self, text: str | None) -> int | None:
        return None if text is None else int(text)


class UnknownStreamIsEmpty(ReferenceSource):
    """Gives nothing for a stream that there is not."""

    def find(self, client: Client, name: str) -> Mapping[str, Any]:
        told = list(self.told(client))
        return next((one for one in told if one["name"] == name), told[-1])


class CheckpointOfTheNextPage(ReferenceSource):
    """Tells a checkpoint before what it covers is yielded."""

    def increment(self, *arguments: Any, **options: Any) -> Iterator[Batch]:
        batches = list(super().increment(*arguments, **options))
        for batch, later in itertools.zip_longest(batches, batches[1:]):
            yield attrs.evolve(batch, checkpoint=(later or batch).checkpoint)


class CursorWithoutKey(ReferenceSource):
    """Resumes after the cursor's value alone, so that ties are lost."""

    def position(self, state: Checkpoint | None, request: StreamRequest) -> list[Any] | None:
        after = super().position(state, request)
        if after is None or request.mode is ReadMode.FULL:
            return after
        return [after[0], 1 << 60]


class CursorFromTheTie(ReferenceSource):
    """Resumes with the cursor's value once more, so that ties come twice."""

    def position(self, state: Checkpoint | None, request: StreamRequest) -> list[Any] | None:
        after = super().position(state, request)
        if after is None or request.mode is ReadMode.FULL:
            return after
        return [after[0], -1]


class PageNumberFromZero(ReferenceSource):
    """Counts what it has read from the checkpoint on, not from the beginning."""

    def increment(
        self,
        client: Client,
        request: StreamRequest,
        stream: Stream,
        after: list[Any] | None,
        /,
        *,
        by_key: bool = False,
    ) -> Iterator[Batch]:
        skip = after[0] if after else 0
        done, position, seen = 0, None, 0
        order, more = self.order(stream, by_key=by_key), True
        while more:
            page = self.page(client, request, stream, order=order, after=position)
            more = page["more"]
            if page["records"]:
                position = [page["records"][-1][name] for name in order]
            left = page["records"][max(0, skip - seen) :]
            seen += len(page["records"])
            done += len(left)
            frame = self.frame({"records": left}, request, stream)
            yield Batch(frame, self.checkpoint(request, [done, 0]), rows=len(left))


class CheckpointOfPartsAtOnce(ReferenceSource):
    """Says of the first part of a stream that all parts are covered."""

    def parts(self, *arguments: Any) -> Iterator[Batch]:
        batches = list(super().parts(*arguments))
        for batch in batches:
            reached = None if batch.checkpoint is None else batches[-1].checkpoint
            yield attrs.evolve(batch, checkpoint=reached)


class IgnoresState(ReferenceSource):
    """Always reads from the beginning."""

    def position(self, state: Checkpoint | None, request: StreamRequest) -> list[Any] | None:
        return None


class OneCheckpointForAll(ReferenceSource):
    """Yields one mutable value that goes on changing."""

    def increment(self, *arguments: Any, **options: Any) -> Iterator[Batch]:
        value: dict[str, Any] = {}
        for batch in super().increment(*arguments, **options):
            if batch.checkpoint is not None:
                value.update(batch.checkpoint.value)
            yield attrs.evolve(batch, checkpoint=Checkpoint(value))


class ChangesItsState(ReferenceSource):
    """Takes its position out of the state that it is given."""

    def position(self, state: Checkpoint | None, request: StreamRequest) -> list[Any] | None:
        after = super().position(state, request)
        if state is not None and isinstance(state.value, dict):
            state.value.pop("after")
        return after


class AnyVersion(ReferenceSource):
    """Reads checkpoints of every version as its own."""

    def position(self, state: Checkpoint | None, request: StreamRequest) -> list[Any] | None:
        known = None if state is None else attrs.evolve(state, version=1)
        return super().position(known, request)


class AllIdsInTheCheckpoint(ReferenceSource):
    """Remembers what it has read, which grows beyond all limits."""

    def checkpoint(self, request: StreamRequest, after: Sequence[Any]) -> Checkpoint:
        reached = super().checkpoint(request, after)
        return Checkpoint({**reached.value, "read": ["x" * 1000] * (after[-1] * 3)})


class NoLastCheckpoint(ReferenceSource):
    """Tells a checkpoint with each full page, but not with the last one."""

    def increment(self, *arguments: Any, **options: Any) -> Iterator[Batch]:
        batches = list(super().increment(*arguments, **options))
        yield from batches[:-1]
        yield attrs.evolve(batches[-1], checkpoint=None)


class NoCheckpointAtAll(ReferenceSource):
    """Offers incremental reads and tells no checkpoint."""

    def increment(self, *arguments: Any, **options: Any) -> Iterator[Batch]:
        for batch in super().increment(*arguments, **options):
            yield attrs.evolve(batch, checkpoint=None)


class StartsAnewWithoutNews(ReferenceSource):
    """Reads everything if nothing came after the checkpoint."""

    def increment(
        self,
        client: Client,
        request: StreamRequest,
        stream: Stream,
        after: list[Any] | None,
        /,
        *,
        by_key: bool = False,
    ) -> Iterator[Batch]:
        batches = list(super().increment(client, request, stream, after, by_key=by_key))
        if not any(batch.rows for batch in batches):
            batches = list(super().increment(client, request, stream, None, by_key=by_key))
        yield from batches


class NewRecordsOnly(ReferenceSource):
    """Orders by the key, so that changed records are never seen."""

    def order(self, stream: Stream, *, by_key: bool) -> tuple[str, ...]:
        return stream.primary_key


class StopsAtStartTime(ReferenceSource):
    """Moves the checkpoint to a moment that it has not read up to."""

    def checkpoint(self, request: StreamRequest, after: Sequence[Any]) -> Checkpoint:
        if request.mode is ReadMode.FULL:
            return super().checkpoint(request, after)
        return super().checkpoint(request, [after[0] + 3_600_000_000, 0])
