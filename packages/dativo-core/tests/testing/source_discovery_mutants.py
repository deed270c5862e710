"""Mutants that break a rule about discovery."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from reference_client import Client
from reference_source import ReferenceConfig, ReferenceSource

from dativo.contract import (
    Batch,
    Context,
    ReadMode,
    SourceInfo,
    Stream,
    hookimpl,
)
from dativo.errors import DativoError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MUTANTS"]


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


_KEPT: list[socket.socket] = []


def _schema(fields: Iterable[pa.Field]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema(fields)


class OnlyTheFirstPattern(ReferenceSource):
    """Searches for one pattern, because the API takes one."""

    def is_wanted(self, name: str, patterns: Sequence[str]) -> bool:
        return super().is_wanted(name, patterns[:1])


MUTANTS: Mapping[str, Mapping[type[ReferenceSource], str]] = {
    "discover.complete": {
        FirstPageOfStreams: "does not find refunds",
        OverlappingPagesOfStreams: "more than once: customers",
        OnlyStreamsWithRecords: "does not find refunds",
    },
    "discover.denied": {
        DeniedIsReadable: "says that customers is readable",
        DeniedWithoutReason: "does not say why (Stream.problem)",
        DeniedIsEmpty: "gives 0 records, no error",
    },
    "discover.deterministic": {
        ShuffledSchema: "the schema of customers was first",
        LosesStreamsNowAndThen: "was found once of two times",
    },
    "discover.narrowed": {
        LimitBeforePattern: "with the patterns refunds and the limit 1",
        OnlyTheFirstPattern: "with the patterns orders, refunds discover finds orders;",
        PatternIsPrefix: "with the patterns *rders",
        LeavesDiscoveryOpen: "stopped after one stream leaves open",
    },
    "discover.capabilities": {
        IncrementalEverywhere: "orders has the read mode incremental, its source has not",
        CursorThatIsNoField: "cursors of orders names updated_after",
    },
}
