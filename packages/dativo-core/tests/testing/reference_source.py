"""The reference source: a complete and exact connector for :class:`reference_api.FakeApi`.

A mutant is a subclass that breaks one thing; every step of the work is a method of its own for
that. ``ReferenceSource.plugin`` is an instance, so that an entry point can name
``module:Class.plugin``; ``installed.py`` installs all classes of a table that way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from reference_client import Client
from reference_reading import VERSION, Reading

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
    DativoError,
    InsufficientPermissionsError,
    ResourceNotFoundError,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ReferenceConfig", "ReferenceSource"]


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


class ReferenceSource(Reading):
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
            ranges=True,
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
        names = getattr(stream.schema, "names")  # noqa: B009 - a pyarrow schema, made above
        request.columns_of(names, cursors=stream.cursors)
