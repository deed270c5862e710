"""Mutants that break a rule about what is read: schema, batches, records."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs
from reference_client import Client
from reference_source import ReferenceConfig, ReferenceSource

from dativo.contract import (
    Batch,
    Checkpoint,
    Context,
    ReadMode,
    Stream,
    StreamRequest,
    hookimpl,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MUTANTS"]


class MomentsWithoutZone(ReferenceSource):
    """Makes times of the same numbers, without the zone that it declares."""

    def columns(self, request: StreamRequest, stream: Stream) -> pa.Schema:
        import pyarrow as pa

        fields, naive = super().columns(request, stream), pa.timestamp("us")
        return _schema([one.with_type(naive) if one.name == "updated" else one for one in fields])


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


def _schema(fields: Iterable[pa.Field]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema(fields)


class MomentsOfAnotherZone(ReferenceSource):
    """Delivers the right moments, with the zone of its office."""

    def columns(self, request: StreamRequest, stream: Stream) -> pa.Schema:
        import pyarrow as pa

        fields, local = super().columns(request, stream), pa.timestamp("us", "Europe/Berlin")
        return _schema([one.with_type(local) if one.name == "updated" else one for one in fields])


class MetadataOfDiscoveryOnly(ReferenceSource):
    """Says what a field means when it is discovered, and not when it is read."""

    def schema(self, told: Mapping[str, Any]) -> pa.Schema:
        fields = super().schema(told)
        about = {"comment": "what the customer wrote"}
        return _schema([one.with_metadata(about) if one.name == "note" else one for one in fields])

    def columns(self, request: StreamRequest, stream: Stream) -> pa.Schema:
        return _schema([field.remove_metadata() for field in super().columns(request, stream)])


class KeysOfEachPage(ReferenceSource):
    """Numbers the records of each page from one on, so that a key is unique within a batch."""

    def frame(self, page: Mapping[str, Any], request: StreamRequest, stream: Stream) -> pa.Table:
        named = [
            {**row, "id": number} if "id" in row else row
            for number, row in enumerate(page["records"], start=1)
        ]
        return super().frame({**page, "records": named}, request, stream)


MUTANTS: Mapping[str, Mapping[type[ReferenceSource], str]] = {
    "data.schema": {
        MomentsWithoutZone: "the field updated is timestamp[us] not null",
        MomentsOfAnotherZone: "the field updated is timestamp[us, tz=Europe/Berlin]",
        MetadataOfDiscoveryOnly: "declares string with metadata",
        NullableOnArrival: "the field id is int64; discovery declares int64 not null",
        NullWhereNone: "the field name has 1 NULL",
        OtherFieldsOnLaterPages: "the fields are ['id', 'updated', 'total', 'paid']",
    },
    "data.empty": {
        NothingForEmpty: "no batch came",
        EmptyWithoutFields: "the fields are []",
    },
    "data.counts": {
        NoCount: "no count (Batch.rows)",
        CountOfTheWholeStream: "the source counts 60 records, 12 arrive",
        DropsRecords: "the source counts 12 records, 11 arrive",
    },
    "data.batches": {
        BatchesAsLargeAsPages: "a record batch has 50 rows",
        WholeStreamAtOnce: "a record batch has 60 rows",
    },
    "data.primary_key": {
        KeysOfEachPage: "a key is there more than once",
        PagesOverlap: "a key is there more than once",
        HalfAKey: "more than once: 30 records (region='east'",
    },
    "data.columns": {
        ColumnsInOwnOrder: "with columns note, paid, total, updated, id: the fields id,",
        ColumnsIgnored: "with columns note, id: the fields",
        ColumnsLaxly: "with a column that there is not: it is read",
    },
    "data.deterministic": {
        ReadAtInAColumn: "only the second time came 60 records",
        SamplesLargeStreams: "only the first time came",
    },
}
