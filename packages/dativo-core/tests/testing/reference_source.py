"""The reference source: a complete and exact connector for :class:`reference_api.FakeApi`.

A mutant is a subclass that breaks one thing; every step of the work is a method of its own for
that. ``ReferenceSource.plugin`` is an instance, so that an entry point can name
``module:Class.plugin``; ``installed.py`` installs all classes of a table that way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
from reference_client import Client

from dativo.contract import (
    Batch,
    CheckItem,
    Checkpoint,
    ConnectionTestResult,
    ConnectorInfo,
    Context,
    ErrorInfo,
    Permissions,
    ReadMode,
    Replay,
    Secret,
    SourceInfo,
    Stream,
    StreamRequest,
    StreamStatus,
    hookimpl,
    matches_pattern,
    setting,
)
from dativo.errors import (
    CapabilityMissingError,
    ConfigurationError,
    DativoError,
    InsufficientPermissionsError,
    ResourceNotFoundError,
    StateError,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ReferenceConfig", "ReferenceSource"]

VERSION = 1
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen(kw_only=True)
class ReferenceConfig:
    """Where the API is, and who asks."""

    host: str = setting("The host of the API.", default="127.0.0.1", identity=True)
    port: int = setting("The port of the API.", minimum=1, maximum=65_535)
    workspace: str = setting("The workspace to read.", default="shop", identity=True)
    token: Secret = setting("A token that may read the workspace.")
    timeout_seconds: float = setting(
        "How long an answer may take, in seconds.", default=20.0, minimum=0.1
    )


class _Plugin:
    def __get__(self, _: object, owner: type[ReferenceSource]) -> ReferenceSource:
        return owner()


class ReferenceSource:
    """The hooks, and the steps that they are made of."""

    plugin = _Plugin()

    @hookimpl
    def describe(self) -> ConnectorInfo:
        return ConnectorInfo(
            title="Reference API",
            source=self.source_info(),
            permissions=Permissions(hosts=("${config.host}",), ports=("${config.port}",)),
            errors=self.errors(),
        )

    @hookimpl
    def check_connection(self, config: ReferenceConfig, context: Context) -> ConnectionTestResult:
        client = self.client(config, context)
        try:
            readable = {told["name"]: told["readable"] for told in self.told(client)}
        except DativoError as error:
            return ConnectionTestResult([CheckItem.failed("login", error)])
        items = [CheckItem.ok("login", f"workspace {config.workspace}")]
        items += [self.check_stream(one.stream, readable) for one in context.streams]
        return ConnectionTestResult(items)

    @hookimpl
    def discover(self, config: ReferenceConfig, context: Context) -> Iterable[Stream]:
        for told in self.told(self.client(config, context)):
            if self.is_wanted(told["name"], context.patterns):
                yield self.stream(told)

    @hookimpl
    def extract(
        self,
        config: ReferenceConfig,
        request: StreamRequest,
        state: Checkpoint | None,
        context: Context,
    ) -> Iterator[Batch]:
        client = self.client(config, context)
        stream = self.stream(self.find(client, request.stream))
        self.require(request, stream)
        after = self.position(state, request)
        if request.mode is ReadMode.INCREMENTAL:
            yield from self.increment(client, request, stream, after)
        elif request.where is not None:
            yield from self.increment(client, request, stream, after, by_key=True)
        else:
            yield from self.parts(client, request, stream, after)

    # What it says of itself.

    def source_info(self) -> SourceInfo:
        return SourceInfo(
            config=ReferenceConfig,
            read_modes=(ReadMode.FULL, ReadMode.INCREMENTAL),
            replay=Replay.EXACT,
            parallel=True,
            filters=True,
            checkpoint_version=VERSION,
        )

    def errors(self) -> tuple[ErrorInfo, ...]:
        return (
            ErrorInfo(code="NETWORK", cause="The host does not answer."),
            ErrorInfo(code="INVALID_CREDENTIALS", cause="The API does not know the token."),
            ErrorInfo(code="TOKEN_EXPIRED", cause="The token has expired."),
            ErrorInfo(code="INSUFFICIENT_PERMISSIONS", cause="The token may not read the stream."),
            ErrorInfo(code="RATE_LIMIT", cause="The API asks for fewer requests."),
            ErrorInfo(code="SERVICE_UNAVAILABLE", cause="The API is down."),
            ErrorInfo(code="CONFIGURATION", cause="A bound of a range is no moment."),
            ErrorInfo(code="RESOURCE_NOT_FOUND", cause="No such workspace, stream or field."),
        )

    def client(self, config: ReferenceConfig, context: Context) -> Client:
        return Client(config, context)

    # Discovery.

    def told(self, client: Client) -> Iterator[dict[str, Any]]:
        """Yield what the API says of each stream, page by page."""
        page: int | None = 0
        while page is not None:
            answer = client.get("streams", page=page)
            yield from answer["streams"]
            page = answer["next"]

    def is_wanted(self, name: str, patterns: Sequence[str]) -> bool:
        return not patterns or any(matches_pattern(name, pattern) for pattern in patterns)

    def stream(self, told: Mapping[str, Any]) -> Stream:
        modes = (ReadMode.FULL, ReadMode.INCREMENTAL) if told["cursor"] else (ReadMode.FULL,)
        return Stream(
            name=told["name"],
            schema=self.schema(told),
            kind="endpoint",
            primary_key=tuple(told["key"]),
            cursors=(told["cursor"],) if told["cursor"] else (),
            read_modes=modes,
            estimated_rows=told["rows"],
            status=StreamStatus.READABLE if told["readable"] else StreamStatus.UNREADABLE,
            problem=None if told["readable"] else self.denied(told["name"]),
        )

    def denied(self, name: str) -> DativoError:
        return InsufficientPermissionsError(f"the token may not read the stream {name!r}")

    def schema(self, told: Mapping[str, Any]) -> pa.Schema:
        import pyarrow as pa

        types = {
            "integer": pa.field("", pa.int64(), nullable=False),
            "moment": pa.field("", pa.timestamp("us", "UTC"), nullable=False),
            "amount": pa.field("", pa.decimal128(12, 2)),
            "boolean": pa.field("", pa.bool_()),
            "text": pa.field("", pa.string(), nullable=False),
            "optional text": pa.field("", pa.string()),
        }
        return pa.schema([types[kind].with_name(name) for name, kind in told["fields"].items()])

    # Checking and finding.

    def check_stream(self, name: str, readable: Mapping[str, bool]) -> CheckItem:
        scope = f"stream {name}"
        if name not in readable:
            missing = ResourceNotFoundError(f"there is no stream {name!r}")
            return CheckItem.failed(scope, missing)
        return CheckItem.ok(scope) if readable[name] else CheckItem.failed(scope, self.denied(name))

    def find(self, client: Client, name: str) -> Mapping[str, Any]:
        for told in self.told(client):
            if told["name"] == name:
                return told
        raise ResourceNotFoundError(f"there is no stream {name!r}")

    def require(self, request: StreamRequest, stream: Stream) -> None:
        """Refuse what cannot be done as it is asked for."""
        if request.mode not in stream.read_modes:
            msg = f"the stream {stream.name!r} cannot be read in the mode {request.mode.value}"
            raise CapabilityMissingError(msg)
        if request.mode is ReadMode.FULL and (request.lower or request.upper):
            msg = "a range needs an incremental read"
            raise CapabilityMissingError(msg)
        if request.query is not None:
            raise CapabilityMissingError("the API has no queries")
        if request.mode is ReadMode.INCREMENTAL and request.cursor not in {None, *stream.cursors}:
            msg = f"the stream {stream.name!r} has no cursor {request.cursor!r}"
            raise ResourceNotFoundError(msg)
        names = getattr(stream.schema, "names")  # noqa: B009 - a pyarrow schema, made above
        unknown = sorted(set(request.columns) - set(names))
        if unknown:
            msg = f"the stream {stream.name!r} has no field {', '.join(unknown)}"
            raise ResourceNotFoundError(msg)

    # Reading.

    def position(self, state: Checkpoint | None, request: StreamRequest) -> list[Any] | None:
        """Return the values of the order's fields that the last record before had."""
        if state is None:
            return None
        if state.version != VERSION or state.value.get("mode") != request.mode.value:
            msg = f"the checkpoint is of version {state.version} or of another mode"
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
