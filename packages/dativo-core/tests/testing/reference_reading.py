"""How the reference source reads: positions, pages, parts, and frames of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from reference_client import Client

from dativo.contract import (
    Batch,
    Checkpoint,
    Context,
    Stream,
    StreamRequest,
)
from dativo.errors import (
    ConfigurationError,
    StateError,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["VERSION", "Reading"]

VERSION = 1
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Reading:
    """The steps of a read; a mutant overrides one."""

    def position(self, state: Checkpoint | None, request: StreamRequest) -> list[Any] | None:
        """Return the values of the order's fields that the last record before had."""
        if state is None:
            return None
        if state.value.get("mode") != request.mode.value:
            msg = "the checkpoint is of another mode"
            raise StateError(msg, fix="Run once with --full-refresh.")
        after = state.value["after"]
        assert isinstance(after, list | tuple)
        return list(after)

    def checkpoint(self, request: StreamRequest, after: Sequence[Any]) -> Checkpoint:
        return Checkpoint({"mode": request.mode.value, "after": list(after)}, version=VERSION)

    def order(self, stream: Stream, *, by_key: bool) -> tuple[str, ...]:
        return stream.primary_key if by_key else (*stream.cursors, *stream.primary_key)

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
        """Yield the pages after a position, each with the position of its last record."""
        order = self.order(stream, by_key=by_key)
        more = True
        while more:
            page = self.page(client, request, stream, order=order, after=after)
            more = page["more"]
            if page["records"]:
                after = [page["records"][-1][name] for name in order]
            reached = None if after is None else self.checkpoint(request, after)
            yield Batch(self.frame(page, request, stream), reached, rows=page["count"])

    def parts(
        self, client: Client, request: StreamRequest, stream: Stream, after: list[Any] | None, /
    ) -> Iterator[Batch]:
        """Yield one lazy reader per part, and a checkpoint at every other one and at the end."""
        cuts = self.cuts(client, stream, after)
        if not cuts:
            yield Batch(self.frame({"records": []}, request, stream), rows=0)
        for number, cut in enumerate(cuts, start=1):
            is_end = number % 2 == 0 or number == len(cuts)
            reached = self.checkpoint(request, cut["upto"]) if is_end else None
            data = client.context.reader(
                self.columns(request, stream),
                self.part(client, request, stream, after=after, upto=cut["upto"]),
            )
            yield Batch(data, reached, rows=cut["count"])
            after = cut["upto"]

    def cuts(self, client: Client, stream: Stream, after: list[Any] | None) -> list[dict[str, Any]]:
        """Return where the API cuts what is after a position, and how many records a part has."""
        answer = client.get(f"parts/{client.quoted(stream.name)}", after=json.dumps(after))
        return list(answer["parts"])

    def part(
        self, client: Client, request: StreamRequest, stream: Stream, **bounds: Any
    ) -> Iterator[pa.RecordBatch]:
        """Yield the pages of one part."""
        order, more = stream.primary_key, True
        while more and not client.context.cancelled():
            page = self.page(client, request, stream, order=order, **bounds)
            more = page["more"]
            if page["records"]:
                bounds["after"] = [page["records"][-1][name] for name in order]
            yield from self.frame(page, request, stream).to_batches()

    def page(
        self,
        client: Client,
        request: StreamRequest,
        stream: Stream,
        *,
        order: Sequence[str],
        after: list[Any] | None,
        upto: list[Any] | None = None,
    ) -> dict[str, Any]:
        return client.get(
            f"records/{client.quoted(stream.name)}",
            order=",".join(order),
            after=json.dumps(after),
            upto=json.dumps(upto),
            limit=self.limit(client.context),
            where=request.where or "",
            since=json.dumps(self.bound(request.lower)),
            before=json.dumps(self.bound(request.upper)),
        )

    def bound(self, text: str | None) -> int | None:
        """Return a bound of the cursor in microseconds since 1970."""
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            msg = f"{text!r} is no moment"
            raise ConfigurationError(msg, fix="Write 2026-01-31T12:00:00Z.") from error
        return (moment - _BEGINNING) // timedelta(microseconds=1)

    def limit(self, context: Context) -> int:
        return min(context.batch_rows, 10_000)  # the API refuses more

    def columns(self, request: StreamRequest, stream: Stream) -> pa.Schema:
        import pyarrow as pa

        schema = pa.schema(stream.schema)
        names = request.columns or schema.names
        return pa.schema([schema.field(name) for name in names])

    def frame(self, page: Mapping[str, Any], request: StreamRequest, stream: Stream) -> pa.Table:
        import pyarrow as pa

        schema = self.columns(request, stream)
        columns = [
            pa.array([self.value(row[field.name], field) for row in page["records"]], field.type)
            for field in schema
        ]
        return pa.Table.from_arrays(columns, schema=schema)

    def value(self, value: object, field: pa.Field) -> object:
        """Return a JSON value as what the Arrow type of *field* is made of."""
        from decimal import Decimal

        is_decimal = str(field.type).startswith("decimal")
        return Decimal(value) if is_decimal and isinstance(value, str) else value
