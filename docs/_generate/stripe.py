"""The streams of Stripe, from the table that the connector itself reads with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from _generate.markdown import code, table
from dativo_connector_stripe._streams import FieldType, StreamRow, streams

__all__ = ["STRIPE_BLOCKS"]

_TYPES: Mapping[FieldType, str] = {
    FieldType.TEXT: "As Stripe has it. A reference is the id of the other object; a decimal number "
    "that Stripe writes as a text, such as `unit_amount_decimal`, stays a text.",
    FieldType.INTEGER: "Amounts are in the smallest unit of the currency: 100 is one dollar, or "
    "100 yen.",
    FieldType.BOOLEAN: "",
    FieldType.NUMBER: "The nearest double: rates and percentages, never amounts.",
    FieldType.TIME: "Whole seconds, of the years 1 to 9999.",
    FieldType.JSON: "Objects and lists, character by character as Stripe wrote them, without the "
    "white space.",
}

_ARROW: Mapping[FieldType, str] = {
    FieldType.TEXT: "string",
    FieldType.INTEGER: "int64",
    FieldType.BOOLEAN: "bool",
    FieldType.NUMBER: "float64",
    FieldType.TIME: "timestamp[us, UTC]",
    FieldType.JSON: "arrow.json over string",
}


def _types() -> str:
    rows = ((code(kind.value), _ARROW[kind], _TYPES[kind]) for kind in FieldType)
    return table(("type", "Arrow", "notes"), rows)


def _streams() -> str:
    rows = (
        (
            code(row.name),
            row.description,
            _place(row),
            code(row.cursor),
            ", ".join(map(code, row.events)) or "immutable",
            row.notes,
        )
        for row in streams().values()
    )
    return table(("stream", "what it is", "where", "cursor", "events", "notes"), rows)


def _place(row: StreamRow) -> str:
    if row.embedded:
        return f"in {code(row.embedded)} of {code(row.parent)}, the rest at {code(row.path)}"
    if row.parent:
        return f"{code(row.path)}, for each of {code(row.parent)}"
    asked = " and ".join(code(_query(one)) for one in [row.params, *row.passes] if one)
    return f"{code(row.path)} with {asked}" if asked else code(row.path)


def _query(params: Mapping[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in params.items())


def _fields() -> str:
    return "\n\n".join(f"### {row.name}\n\n{_of(row)}" for row in streams().values())


def _of(row: StreamRow) -> str:
    return table(("type", "fields"), _by_type(row))


def _by_type(row: StreamRow) -> Iterator[tuple[str, str]]:
    for kind in FieldType:
        names = [name for name, of in row.fields.items() if of is kind]
        if names:
            yield code(kind.value), ", ".join(map(code, names))


STRIPE_BLOCKS: Mapping[str, Callable[[], str]] = {
    "stripe.fields": _fields,
    "stripe.streams": _streams,
    "stripe.types": _types,
}
