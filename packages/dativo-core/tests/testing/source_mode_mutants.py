"""Mutants that break a rule about modes, conditions and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs
from reference_client import Client
from reference_source import ReferenceSource

from dativo.contract import (
    ReadMode,
    Stream,
    StreamRequest,
)
from dativo.errors import CapabilityMissingError

__all__ = ["MUTANTS"]


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


class RangeRefused(ReferenceSource):
    """Declares ranges and has none."""

    def bound(self, text: str | None) -> int | None:
        if text is not None:
            raise CapabilityMissingError("the API has no ranges")
        return None


class UnknownStreamIsEmpty(ReferenceSource):
    """Gives nothing for a stream that there is not."""

    def find(self, client: Client, name: str) -> Mapping[str, Any]:
        told = list(self.told(client))
        return next((one for one in told if one["name"] == name), told[-1])


class WhereOfTheFirstPage(ReferenceSource):
    """Sends the condition with the first request alone."""

    def page(self, *arguments: Any, **bounds: Any) -> dict[str, Any]:
        client, request, stream = arguments
        where = request.where if bounds["after"] is None else None
        return super().page(client, attrs.evolve(request, where=where), stream, **bounds)


class FiltersWhatIsLeft(ReferenceSource):
    """Filters by the columns that it delivers, and forgets a condition about others."""

    def page(self, *arguments: Any, **bounds: Any) -> dict[str, Any]:
        client, request, stream = arguments
        field = (request.where or "").partition("=")[0]
        if request.columns and field not in request.columns:
            request = attrs.evolve(request, where=None)
        return super().page(client, request, stream, **bounds)


class RangeOfTheFirstPage(ReferenceSource):
    """Sends the range with the first request alone."""

    def page(self, *arguments: Any, **bounds: Any) -> dict[str, Any]:
        client, request, stream = arguments
        if bounds["after"] is not None:
            request = attrs.evolve(request, lower=None, upper=None)
        return super().page(client, request, stream, **bounds)


MUTANTS: Mapping[str, Mapping[type[ReferenceSource], str]] = {
    "modes.honest": {
        FullInPlaceOfIncrement: "asked for a mode that the stream does not have",
        WhereIgnored: "come 60 of 60 records",
        AnyCursor: "asked for a cursor that there is not",
        UnknownStreamIsEmpty: "asked for a stream that there is not",
        WhereOfTheFirstPage: "with the same where in smaller batches come others",
        FiltersWhatIsLeft: "with the same where and fewer columns come others",
    },
    "modes.range": {
        RangeIgnored: "came that the range does not have",
        UpperIncluded: "updated in [..., 2023-11-14T22:13:24Z): 11 records",
        BoundsByTheDay: "came that the range does not have",
        RangeOfTheFirstPage: "came that the range does not have",
        BoundsAreNumbers: "PLUGIN_EXECUTION: ValueError",
        RangeRefused: "it ends with CAPABILITY_MISSING: the API has no ranges",
    },
}
