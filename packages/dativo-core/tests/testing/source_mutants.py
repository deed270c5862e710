"""Mutants of the reference source: each breaks one rule in one way that vendors really do."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from reference_client import Client
from reference_source import ReferenceConfig, ReferenceSource

from dativo.contract import (
    Batch,
    Checkpoint,
    Context,
    ReadMode,
    SourceInfo,
    Stream,
    StreamRequest,
    hookimpl,
)
from dativo.errors import DativoError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MUTANTS"]


# Discovery.


class FirstPageOfStreams(ReferenceSource):
    """Forgets that the list of streams has pages."""

    def told(self, client: Client) -> Iterator[dict[str, Any]]:
        yield from client.get("streams", page=0)["streams"]


class OverlappingPagesOfStreams(ReferenceSource):
    """Yields the first stream of a page again with the one before."""

    def told(self, client: Client) -> Iterator[dict[str, Any]]:
        for number, told in enumerate(super().told(client)):
            yield told
            if number == 1:
                yield told


class OnlyStreamsWithRecords(ReferenceSource):
    """Leaves out streams that are empty just now."""

    def told(self, client: Client) -> Iterator[dict[str, Any]]:
        return (told for told in super().told(client) if told["rows"])


class DeniedIsReadable(ReferenceSource):
    """Does not look at what the API says about access."""

    def stream(self, told: Mapping[str, Any]) -> Stream:
        return super().stream({**told, "readable": True})


class DeniedWithoutReason(ReferenceSource):
    """Tells a status without the problem."""

    def stream(self, told: Mapping[str, Any]) -> Stream:
        return attrs.evolve(super().stream(told), problem=None)


class DeniedIsEmpty(ReferenceSource):
    """Takes a refusal for a stream without records."""

    def parts(self, *arguments: Any) -> Iterator[Batch]:
        _, request, stream, _ = arguments
        try:
            yield from super().parts(*arguments)
        except DativoError:
            yield Batch(self.frame({"records": []}, request, stream), rows=0)


class ShuffledSchema(ReferenceSource):
    """Keeps fields in a set, so that their order differs from call to call."""

    turn = itertools.count()

    def schema(self, told: Mapping[str, Any]) -> pa.Schema:
        fields = list(super().schema(told))
        at = next(self.turn) % len(fields)
        return _schema([*fields[at:], *fields[:at]])


class LosesStreamsNowAndThen(ReferenceSource):
    """Gives up the rest of the list when the API is slow."""

    turn = itertools.count()

    @hookimpl
    def discover(self, config: ReferenceConfig, context: Context) -> Iterable[Stream]:
        found = list(map(self.stream, self.told(self.client(config, context))))
        return found if next(self.turn) % 2 == 0 else found[:-1]


class LimitBeforePattern(ReferenceSource):
    """Stops after the limit, whether the streams are wanted or not."""

    @hookimpl
    def discover(self, config: ReferenceConfig, context: Context) -> Iterable[Stream]:
        told = itertools.islice(self.told(self.client(config, context)), context.limit)
        return [self.stream(one) for one in told if self.is_wanted(one["name"], context.patterns)]


class PatternIsPrefix(ReferenceSource):
    """Hands the pattern to a search that knows no wildcards."""

    def is_wanted(self, name: str, patterns: Sequence[str]) -> bool:
        return not patterns or any(name.startswith(pattern.rstrip("*")) for pattern in patterns)


class LeavesDiscoveryOpen(ReferenceSource):
    """Closes its connection only when all streams are told."""

    @hookimpl
    def discover(self, config: ReferenceConfig, context: Context) -> Iterable[Stream]:
        held = socket.create_connection((config.host, config.port))
        _KEPT.append(held)
        yield from map(self.stream, self.told(self.client(config, context)))
        held.close()
        _KEPT.remove(held)


class IncrementalEverywhere(ReferenceSource):
    """Offers incremental reads although it declares none."""

    def source_info(self) -> SourceInfo:
        return attrs.evolve(super().source_info(), read_modes=(ReadMode.FULL,))


class CursorThatIsNoField(ReferenceSource):
    """Names the API's parameter in place of the field."""

    def stream(self, told: Mapping[str, Any]) -> Stream:
        stream = super().stream(told)
        return attrs.evolve(stream, cursors=tuple(f"{name}_after" for name in stream.cursors))


# Schema and batches.


class MomentsWithoutZone(ReferenceSource):
    """Makes times of the same numbers, without the zone that it declares."""

    def columns(self, request: StreamRequest, stream: Stream) -> pa.Schema:
        import pyarrow as pa

        fields = super().columns(request, stream)
        naive = pa.timestamp("us")
        return pa.schema(
            [field.with_type(naive) if field.name == "updated" else field for field in fields]
        )


class NullableOnArrival(ReferenceSource):
    """Lets a library infer the schema, which makes every field nullable."""

    def columns(self, request: StreamRequest, stream: Stream) -> pa.Schema:
        return _schema([field.with_nullable(True) for field in super().columns(request, stream)])


class NullWhereNone(ReferenceSource):
    """Puts NULL for an empty text into a field that is declared without NULL."""

    def value(self, value: object, field: pa.Field) -> object:
        return None if value == "customer 3" else super().value(value, field)


class OtherFieldsOnLaterPages(ReferenceSource):
    """Drops a field that no record of a page has."""

    def frame(self, page: Mapping[str, Any], request: StreamRequest, stream: Stream) -> pa.Table:
        frame = super().frame(page, request, stream)
        last = request.mode is ReadMode.INCREMENTAL and frame.num_rows < 10 and stream.cursors
        return frame.drop_columns(["note"]) if last and not request.columns else frame


class NothingForEmpty(ReferenceSource):
    """Yields no batch where there are no records."""

    @hookimpl
    def extract(
        self,
        config: ReferenceConfig,
        request: StreamRequest,
        state: Checkpoint | None,
        context: Context,
    ) -> Iterator[Batch]:
        for batch in super().extract(config, request, state, context):
            if batch.rows:
                yield batch


class EmptyWithoutFields(ReferenceSource):
    """Yields a frame without columns where there are no records."""

    def frame(self, page: Mapping[str, Any], request: StreamRequest, stream: Stream) -> pa.Table:
        frame = super().frame(page, request, stream)
        return frame if page["records"] else frame.select([])


class NoCount(ReferenceSource):
    """Promises exact replay without a count of its own."""

    @hookimpl
    def extract(
        self,
        config: ReferenceConfig,
        request: StreamRequest,
        state: Checkpoint | None,
        context: Context,
    ) -> Iterator[Batch]:
        for batch in super().extract(config, request, state, context):
            yield attrs.evolve(batch, rows=None)


class CountOfTheWholeStream(ReferenceSource):
    """Gives the total of the stream as the count of each batch."""

    @hookimpl
    def extract(
        self,
        config: ReferenceConfig,
        request: StreamRequest,
        state: Checkpoint | None,
        context: Context,
    ) -> Iterator[Batch]:
        total = self.find(self.client(config, context), request.stream)["rows"]
        for batch in super().extract(config, request, state, context):
            yield attrs.evolve(batch, rows=total)


class DropsRecords(ReferenceSource):
    """Leaves out records that it cannot read, and nobody notices."""

    def frame(self, page: Mapping[str, Any], request: StreamRequest, stream: Stream) -> pa.Table:
        records = [row for row in page["records"] if row.get("note") != "order 5 \u00e4\u4e2d"]
        return super().frame({"records": records}, request, stream)


class BatchesAsLargeAsPages(ReferenceSource):
    """Asks for pages as large as the API allows, whatever the context says."""

    def limit(self, context: Context) -> int:
        return 10_000


class WholeStreamAtOnce(ReferenceSource):
    """Collects all pages and yields one frame."""

    def part(self, *arguments: Any, **bounds: Any) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        pages = list(super().part(*arguments, **bounds))
        if pages:
            yield pa.Table.from_batches(pages).combine_chunks().to_batches()[0]

    def cuts(self, client: Client, stream: Stream, after: list[Any] | None) -> list[dict[str, Any]]:
        cuts = super().cuts(client, stream, after)
        total = sum(cut["count"] for cut in cuts)
        return [{**cuts[-1], "count": total}] if cuts else []


# Records.


class PagesOverlap(ReferenceSource):
    """Asks for records from a position on, the last one included."""

    def page(self, *arguments: Any, **bounds: Any) -> dict[str, Any]:
        page = super().page(*arguments, **bounds)
        if bounds["after"] is not None and page["records"]:
            page["records"] = [page["records"][0], *page["records"]]
            page["count"] += 1
        return page


class HalfAKey(ReferenceSource):
    """Names the first field of a composite key alone."""

    def stream(self, told: Mapping[str, Any]) -> Stream:
        return super().stream({**told, "key": told["key"][:1]})

    def order(self, stream: Stream, *, by_key: bool) -> tuple[str, ...]:
        return (
            ("region", "number")
            if stream.name == "customers"
            else super().order(stream, by_key=by_key)
        )


class ColumnsInOwnOrder(ReferenceSource):
    """Gives the columns that are asked for in the order of the stream."""

    def columns(self, request: StreamRequest, stream: Stream) -> pa.Schema:
        import pyarrow as pa

        wanted = set(request.columns)
        return pa.schema(
            [field for field in pa.schema(stream.schema) if not wanted or field.name in wanted]
        )


class ColumnsIgnored(ReferenceSource):
    """Gives all columns, whichever are asked for."""

    def columns(self, request: StreamRequest, stream: Stream) -> pa.Schema:
        return super().columns(attrs.evolve(request, columns=()), stream)


class ColumnsLaxly(ReferenceSource):
    """Leaves out columns that there are not."""

    def require(self, request: StreamRequest, stream: Stream) -> None:
        super().require(attrs.evolve(request, columns=()), stream)

    def columns(self, request: StreamRequest, stream: Stream) -> pa.Schema:
        import pyarrow as pa

        known = tuple(name for name in request.columns if name in pa.schema(stream.schema).names)
        return super().columns(attrs.evolve(request, columns=known), stream)


class ReadAtInAColumn(ReferenceSource):
    """Writes the time of the read into a field."""

    def value(self, value: object, field: pa.Field) -> object:
        return f"{time.monotonic_ns()}" if field.name == "note" else super().value(value, field)


class SamplesLargeStreams(ReferenceSource):
    """Skips a page now and then, because the API times out."""

    turn = itertools.count()

    def page(self, *arguments: Any, **bounds: Any) -> dict[str, Any]:
        page = super().page(*arguments, **bounds)
        if next(self.turn) % 4 == 3:
            return {**page, "records": page["records"][:-1], "count": len(page["records"]) - 1}
        return page


# Modes.


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


class UnknownStreamIsEmpty(ReferenceSource):
    """Gives nothing for a stream that there is not."""

    def find(self, client: Client, name: str) -> Mapping[str, Any]:
        told = list(self.told(client))
        return next((one for one in told if one["name"] == name), told[-1])


# Checkpoints.


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


# Increments.


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


# Readers, ends, memory.


class ConnectionOfTheGenerator(ReferenceSource):
    """Reads lazily over something that ends with the generator."""

    def parts(self, client: Client, *arguments: Any) -> Iterator[Batch]:
        shared = _EndingClient(client.config, client.context)
        try:
            for batch in super().parts(shared, *arguments):
                yield attrs.evolve(batch, checkpoint=None)
        finally:
            shared.is_over = True


class LateBinding(ReferenceSource):
    """Makes its readers of a variable that the generator goes on changing."""

    def parts(
        self, client: Client, request: StreamRequest, stream: Stream, after: list[Any] | None, /
    ) -> Iterator[Batch]:
        now: dict[str, Any] = {}
        for batch, cut in zip(
            super().parts(client, request, stream, after),
            self.cuts(client, stream, after) or [{"upto": None}],
            strict=True,
        ):
            now.update(after=after, upto=cut["upto"])

            def pages() -> Iterator[pa.RecordBatch]:
                yield from self.part(client, request, stream, **now)

            data = client.context.reader(self.columns(request, stream), pages())
            yield attrs.evolve(batch, data=data) if cut["upto"] else batch
            after = cut["upto"]


class DeafClient(ReferenceSource):
    """Waits for the API until its own time is over, whatever the run does."""

    def client(self, config: ReferenceConfig, context: Context) -> Client:
        return _DeafClient(config, context)


class ReadsOnWhenCancelled(ReferenceSource):
    """Reads the pages ahead and yields them all, whatever the run does."""

    def increment(self, *arguments: Any, **options: Any) -> Iterator[Batch]:
        yield from list(super().increment(*arguments, **options))


class KeepsConnections(ReferenceSource):
    """Keeps its connections in a global list and never closes them."""

    def client(self, config: ReferenceConfig, context: Context) -> Client:
        return _KeepingClient(config, context)


class ThreadPerRead(ReferenceSource):
    """Starts a thread that refreshes the token, and never ends it."""

    def client(self, config: ReferenceConfig, context: Context) -> Client:
        threading.Thread(target=threading.Event().wait, args=(60,), daemon=True).start()
        return super().client(config, context)


class ClosesOnlyAtTheEnd(ReferenceSource):
    """Closes its log file after the last page, and not when it is stopped before."""

    def increment(self, *arguments: Any, **options: Any) -> Iterator[Batch]:
        client = arguments[0]
        log = (client.context.workdir / "pages.log").open("a")
        _OPEN_LOGS.append(log)
        yield from super().increment(*arguments, **options)
        _OPEN_LOGS.remove(log)
        log.close()


class AllPagesInMemory(ReferenceSource):
    """Gathers all pages before it yields the first."""

    def parts(self, client: Client, request: StreamRequest, *arguments: Any) -> Iterator[Batch]:
        batches = list(super().parts(client, request, *arguments))
        yield from [attrs.evolve(batch, data=_table(batch)) for batch in batches]


class RemembersRecords(ReferenceSource):
    """Remembers all records to drop doubled ones."""

    def part(self, *arguments: Any, **bounds: Any) -> Iterator[pa.RecordBatch]:
        for batch in super().part(*arguments, **bounds):
            _SEEN.update(str(row) for row in batch.to_pylist())
            yield batch


_OPEN_LOGS: list[Any] = []
_KEPT: list[socket.socket] = []
_SEEN: set[str] = set()


class _EndingClient(Client):
    is_over = False

    def send(self, target: str) -> Any:
        if self.is_over:
            raise OSError("the session is closed")
        return super().send(target)


class _DeafClient(Client):
    def send(self, target: str) -> Any:
        import urllib.request

        address = f"http://{self.config.host}:{self.config.port}{target}"
        wanted = urllib.request.Request(address, headers=self.headers())
        with urllib.request.urlopen(wanted, timeout=self.config.timeout_seconds) as answer:
            return answer.status, answer.headers, answer.read()


class _KeepingClient(Client):
    def send(self, target: str) -> Any:
        _KEPT.append(socket.create_connection((self.config.host, self.config.port)))
        return super().send(target)


def _schema(fields: Iterable[pa.Field]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema(fields)


def _table(batch: Batch) -> pa.Table:
    import pyarrow as pa

    return pa.RecordBatchReader.from_stream(batch.data).read_all()


MUTANTS: Mapping[str, tuple[type[ReferenceSource], ...]] = {
    "discover.complete": (
        FirstPageOfStreams,
        OverlappingPagesOfStreams,
        OnlyStreamsWithRecords,
    ),
    "discover.denied": (DeniedIsReadable, DeniedWithoutReason, DeniedIsEmpty),
    "discover.deterministic": (ShuffledSchema, LosesStreamsNowAndThen),
    "discover.narrowed": (LimitBeforePattern, PatternIsPrefix, LeavesDiscoveryOpen),
    "discover.capabilities": (IncrementalEverywhere, CursorThatIsNoField),
    "data.schema": (
        MomentsWithoutZone,
        NullableOnArrival,
        NullWhereNone,
        OtherFieldsOnLaterPages,
    ),
    "data.empty": (NothingForEmpty, EmptyWithoutFields),
    "data.counts": (NoCount, CountOfTheWholeStream, DropsRecords),
    "data.batches": (BatchesAsLargeAsPages, WholeStreamAtOnce),
    "data.primary_key": (PagesOverlap, HalfAKey),
    "data.columns": (ColumnsInOwnOrder, ColumnsIgnored, ColumnsLaxly),
    "data.deterministic": (ReadAtInAColumn, SamplesLargeStreams),
    "modes.honest": (
        FullInPlaceOfIncrement,
        WhereIgnored,
        AnyCursor,
        UnknownStreamIsEmpty,
    ),
    "checkpoint.coverage": (
        CheckpointOfTheNextPage,
        CursorWithoutKey,
        CursorFromTheTie,
        PageNumberFromZero,
        CheckpointOfPartsAtOnce,
        IgnoresState,
    ),
    "checkpoint.portable": (
        OneCheckpointForAll,
        ChangesItsState,
        AnyVersion,
        AllIdsInTheCheckpoint,
    ),
    "incremental.final_checkpoint": (NoLastCheckpoint, NoCheckpointAtAll),
    "incremental.idempotent": (IgnoresState, StartsAnewWithoutNews, CursorFromTheTie),
    "incremental.sees_changes": (NewRecordsOnly, StopsAtStartTime),
    "readers.late": (ConnectionOfTheGenerator, LateBinding),
    "cancel.prompt": (DeafClient, ReadsOnWhenCancelled),
    "closes.everything": (KeepsConnections, ThreadPerRead, ClosesOnlyAtTheEnd),
    "memory.bounded": (AllPagesInMemory, RemembersRecords),
}
