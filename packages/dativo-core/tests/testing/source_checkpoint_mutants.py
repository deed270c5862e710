"""Mutants that break a rule about checkpoints or increments."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
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

__all__ = ["MUTANTS"]


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


class StrangeStateIsNone(ReferenceSource):
    """Begins anew from a checkpoint that it does not understand."""

    def position(self, state: Checkpoint | None, request: StreamRequest) -> list[Any] | None:
        is_own = state is not None and "after" in state.value
        return super().position(state if is_own else None, request)


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


class SkipsAtTheSecondResume(ReferenceSource):
    """Takes a tie for read if the checkpoint is of a read that was resumed itself."""

    def position(self, state: Checkpoint | None, request: StreamRequest) -> list[Any] | None:
        after = super().position(state, request)
        is_second = state is not None and state.value.get("resumed")
        return [*after[:-1], 1 << 60] if after and is_second else after

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
        for batch in super().increment(client, request, stream, after, by_key=by_key):
            reached = batch.checkpoint
            value = None if reached is None else {**reached.value, "resumed": after is not None}
            yield attrs.evolve(batch, checkpoint=None if value is None else Checkpoint(value))


class CheckpointOfTheColumns(ReferenceSource):
    """Takes the position from what it delivers, so that it needs the cursor among the columns."""

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
        knows = set(self.order(stream, by_key=by_key)) <= set(request.columns or stream.cursors)
        for batch in super().increment(client, request, stream, after, by_key=by_key):
            is_known = knows or not request.columns
            yield batch if is_known else attrs.evolve(batch, checkpoint=None)


MUTANTS: Mapping[str, Mapping[type[ReferenceSource], str]] = {
    "checkpoint.coverage": {
        CheckpointOfTheNextPage: "cut after batch 1",
        CursorWithoutKey: "lost 1 record (id=58)",
        CursorFromTheTie: "doubled 10 records",
        PageNumberFromZero: "read in steps",
        CheckpointOfPartsAtOnce: "lost 36 records",
        IgnoresState: "doubled 24 records",
        SkipsAtTheSecondResume: "read in steps, each from the checkpoint of the one before: lost",
    },
    "checkpoint.portable": {
        OneCheckpointForAll: "when it came and is",
        ChangesItsState: "reading from a checkpoint changed it",
        StrangeStateIsNone: "which it has not made: it is read as if nothing were wrong",
        AllIdsInTheCheckpoint: "65536 are allowed",
    },
    "incremental.final_checkpoint": {
        NoLastCheckpoint: "not even the last checkpoint",
        NoCheckpointAtAll: "no checkpoint covers",
        CheckpointOfTheColumns: "without its cursor among the columns: no checkpoint covers",
    },
    "incremental.idempotent": {
        IgnoresState: "came again, although the source declares exact replay",
        StartsAnewWithoutNews: "came again, although the source declares exact replay",
        CursorFromTheTie: "6 records",
    },
    "incremental.sees_changes": {
        NewRecordsOnly: "does not bring 1 record (id=1)",
        StopsAtStartTime: "does not bring 2 records (id=1; id=61)",
    },
}
