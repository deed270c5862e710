"""One page of a list: newest first, after or before an object, within bounds of `created`."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

import attrs

from dativo_test_support.stripe.errors import bad_request, missing_in
from dativo_test_support.stripe.kinds import KINDS, Kind
from dativo_test_support.stripe.parameters import Condition, Given, bounds, integer, one, several
from dativo_test_support.stripe.records import Record
from dativo_test_support.stripe.store import Store

__all__ = ["EVENT_DAYS", "Page", "expansions", "page", "refuse_unknown"]

EVENT_DAYS = 30
_PAGING = ("ending_before", "expand", "limit", "starting_after")
_DEFAULT_LIMIT, _LARGEST_LIMIT = 10, 100


@attrs.frozen
class Page:
    """Some records, newest first, and whether there are more in the direction that was asked."""

    records: Sequence[Record]
    has_more: bool


@attrs.frozen
class _Range:
    records: Sequence[Record]
    start: int
    end: int


def page(
    store: Store,
    kind: Kind,
    params: Mapping[str, Given],
    *,
    parent: str | None = None,
    keeps_cursors: bool = False,
) -> Page:
    """Return the page that *params* ask for.

    Args:
        store: What there is.
        kind: What is listed.
        params: What was asked; checked as strictly as Stripe does.
        parent: The id in the path, which takes the place of the parent's parameter.
        keeps_cursors: An object that was deleted still serves as a cursor.

    Raises:
        Refusal: A parameter is unknown or wrong.
    """
    known = dict(kind.parameters)
    if parent is not None:
        known = {name: known[name] for name in known if not name.startswith("customer")}
    names = [*_PAGING, *known, *(["created"] if kind.has_created_filter else [])]
    refuse_unknown(params, names)
    limit = _limit(params)
    parent = parent if parent is not None else _parent(kind, params)
    conditions = [read(params[name]) for name, read in known.items() if name in params]
    conditions += _standing(store, kind, params)
    if "starting_after" in params and "ending_before" in params:
        message = "You may not pass both starting_after and ending_before."
        raise bad_request(message, "ending_before")
    whole = _within(store.records(kind, parent), params, kind, store.now)
    fits = _fits(store, kind, conditions)
    if "ending_before" in params:
        cursor = _cursor(store, kind, params["ending_before"], keeps=keeps_cursors)
        start = max(whole.start, bisect_right(whole.records, cursor.place, key=_place))
        found = _take(whole, range(start, whole.end), limit, fits)
        return Page(found[:limit][::-1], len(found) > limit)
    end = whole.end
    if "starting_after" in params:
        cursor = _cursor(store, kind, params["starting_after"], keeps=keeps_cursors)
        end = min(end, bisect_left(whole.records, cursor.place, key=_place))
    found = _take(whole, range(end - 1, whole.start - 1, -1), limit, fits)
    return Page(found[:limit], len(found) > limit)


def refuse_unknown(params: Iterable[str], known: Iterable[str]) -> None:
    """Refuse parameters that are not *known*."""
    unknown = sorted(set(params) - set(known))
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        message = f"Received unknown parameter{plural}: {', '.join(unknown)}"
        raise bad_request(message, unknown[0], "parameter_unknown")


def expansions(params: Mapping[str, Given]) -> tuple[str, ...]:
    return several(params["expand"]) if "expand" in params else ()


def _limit(params: Mapping[str, Given]) -> int:
    if "limit" not in params:
        return _DEFAULT_LIMIT
    limit = integer(one(params["limit"]), "limit")
    if limit < 1:
        message = "This value must be greater than or equal to 1."
        raise bad_request(message, "limit", "parameter_invalid_integer")
    if limit > _LARGEST_LIMIT:
        message = f"This value must be less than or equal to 100 (it currently is '{limit}')."
        raise bad_request(message, "limit", "parameter_invalid_integer")
    return limit


def _parent(kind: Kind, params: Mapping[str, Given]) -> str | None:
    if kind.parent in params:
        return one(params[kind.parent])
    if kind is KINDS["subscription_item"]:
        message = f"Missing required param: {kind.parent}."
        raise bad_request(message, kind.parent, "parameter_missing")
    return None


def _standing(store: Store, kind: Kind, params: Mapping[str, Given]) -> list[Condition]:
    """Return what leaves objects out although nobody asked for it."""
    if kind is KINDS["subscription"] and "status" not in params:
        return [lambda field: field("status") != "canceled"]
    if kind is KINDS["event"] and {"type", "types"} <= params.keys():
        raise bad_request("You may pass either type or types, but not both.", "types")
    if kind is KINDS["subscription_item"] and store.find(one(params[kind.parent])) is None:
        raise missing_in("subscription", one(params[kind.parent]), kind.parent)
    return []


def _within(records: Sequence[Record], params: Mapping[str, Given], kind: Kind, now: int) -> _Range:
    low, high = bounds(params["created"]) if "created" in params else bounds(Given("created", ()))
    if kind is KINDS["event"]:
        low = max(low, now - EVENT_DAYS * 86_400)
    start = bisect_left(records, (low, -1), key=_place)
    return _Range(records, start, bisect_left(records, (high + 1, -1), key=_place))


def _cursor(store: Store, kind: Kind, given: Given, *, keeps: bool) -> Record:
    key = one(given)
    record = store.find(key, kind) or (store.gone(key, kind) if keeps else None)
    if record is None:
        raise missing_in(kind.called, key, given.name)
    return record


def _take(
    whole: _Range, order: range, limit: int, fits: Callable[[Record], bool] | None
) -> list[Record]:
    """Return up to *limit* records that fit, and one more if there is one."""
    if fits is None:
        return [whole.records[index] for index in order[: limit + 1]]
    fitting = (record for index in order if fits(record := whole.records[index]))
    return list(islice(fitting, limit + 1))


def _fits(
    store: Store, kind: Kind, conditions: Sequence[Condition]
) -> Callable[[Record], bool] | None:
    """Return what says whether a record is in the list; ``None`` if all are."""
    if not conditions and not store.has_late(kind):
        return None

    def fits(record: Record) -> bool:
        def field(path: str) -> object:
            return record.value(path, store.embedded)

        return record.visible_from <= store.now and all(one(field) for one in conditions)

    return fits


def _place(record: Record) -> tuple[int, int]:
    return record.place
