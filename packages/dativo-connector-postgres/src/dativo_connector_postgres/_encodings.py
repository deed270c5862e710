"""How values travel: what is selected, what the driver gives, what is delivered."""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs
import pyarrow as pa

from dativo_connector_postgres import _convert
from dativo_connector_postgres._config import Unrepresentable

__all__ = [
    "OUTPUT",
    "TEXT",
    "WIDE_INTERVAL",
    "Encode",
    "Encoding",
    "Policy",
    "TypeInfo",
    "array",
    "fixed",
    "money",
    "numeric",
    "range_text",
    "same",
    "text_from",
]


@attrs.frozen(kw_only=True)
class TypeInfo:
    """One row of ``pg_type``, with the types it is made of."""

    oid: int
    name: str
    system: bool
    """Whether it lives in ``pg_catalog``."""
    kind: str
    """``typtype``: b base, c composite, d domain, e enum, r range, m multirange, p pseudo."""
    sql: str
    """The name as SQL, qualified where needed."""
    delimiter: str = ","
    """What stands between the elements of its arrays in text form."""
    labels: tuple[str, ...] = ()
    element: TypeInfo | None = None
    base: TypeInfo | None = None
    base_typmod: int = -1


@attrs.frozen(kw_only=True)
class Policy:
    """What a job decides about values that have no exact counterpart."""

    unrepresentable: Unrepresentable = Unrepresentable.ERROR
    unconstrained_numeric: tuple[int, int] | None = None
    money_scale: int = 2


@attrs.frozen(kw_only=True)
class Encoding:
    """How the values of one column travel: through the ADBC driver, and to the compiled reader.

    Attributes:
        arrow: The type that is delivered.
        bad: A condition on ``{c}`` that is true for values which cannot be represented.
        sql: What is selected for the driver, with ``{c}`` for the column.
        wire: The type that the driver gives for ``sql``.
        finish: Makes the delivered array from the driver's.
        strip: Whether text casts drop something, so that arrays go through their text form.
        nulls: As ``sql``, but bad values become NULL.
        copied: What is selected for the compiled reader; the same as ``sql`` if ``None``.
        format: The binary format in which that travels, by the name that the reader has for it.
    """

    arrow: pa.DataType
    wire: pa.DataType
    sql: str = "{c}"
    finish: _convert.Finish = _convert.keep
    bad: str | None = None
    copied: str | None = None
    format: str = "text"
    strip: bool = False
    nulls: str | None = None

    @property
    def lenient(self) -> Encoding:
        """The same with NULL in place of what cannot be represented."""
        if self.bad is None:
            return self
        nulls = self.nulls or f"CASE WHEN {self.bad} THEN NULL ELSE {self.sql} END"
        # The compiled reader needs no other query: it delivers NULL itself.
        return attrs.evolve(self, sql=nulls, copied=self.copied or self.sql, bad=None, nulls=None)


Encode = Callable[[TypeInfo, int, Policy], Encoding]


def same(arrow: pa.DataType, format_: str, **others: object) -> Encode:
    """Take values as the driver gives them, in the type *arrow*; the reader knows *format_*."""
    encoding = Encoding(arrow=arrow, wire=arrow, format=format_, **others)  # type: ignore[arg-type]
    return lambda _type, _typmod, _policy: encoding


TEXT = Encoding(arrow=pa.string(), wire=pa.string(), sql="{c}::text")

# IS NOT NULL would be false for a row in which any field is NULL.
OUTPUT = attrs.evolve(
    TEXT, sql="CASE WHEN {c} IS DISTINCT FROM NULL THEN concat({c}) END", strip=True
)

_SECONDS = (
    "abs(extract(hour from {c}) * 3600 + extract(minute from {c}) * 60 + extract(second from {c}))"
)

WIDE_INTERVAL = f"(NOT isfinite({{c}}) OR {_SECONDS} > 9223372036.854775)"
"""True for intervals whose time does not fit into 64 bits of nanoseconds."""

_LONGEST_DECIMAL = 76


def fixed(encoding: Encoding) -> Encode:
    """Use one encoding whatever the type's modifiers are."""
    return lambda _type, _typmod, _policy: encoding


def text_from(format_: str, encoding: Encoding = TEXT) -> Encoding:
    """Return *encoding*, a text, for values of which the compiled reader makes it itself."""
    return attrs.evolve(encoding, copied="{c}", format=format_)


_BOUNDS = {
    "int4range": "int4",
    "int8range": "int8",
    "numrange": "numeric",
    "daterange": "date",
    "tsrange": "timestamp",
    "tstzrange": "timestamptz",
}


def range_text(type_: TypeInfo, _typmod: int, _policy: Policy) -> Encoding:
    """Deliver the text; of the ranges that Postgres itself has the compiled reader makes it."""
    is_several = type_.kind == "m"
    name = type_.name.replace("multirange", "range") if is_several else type_.name
    if not type_.system or name not in _BOUNDS:
        return TEXT
    return text_from(f"{'multirange' if is_several else 'range'}<{_BOUNDS[name]}>")


def numeric(_type: TypeInfo, typmod: int, policy: Policy) -> Encoding:
    """Send the text, which is exact, and read it as decimals in bulk."""
    shape = policy.unconstrained_numeric if typmod < 0 else _shape(typmod)
    if shape is None or shape[0] > _LONGEST_DECIMAL:
        return text_from("numeric")
    narrow = shape[0] <= 38  # noqa: PLR2004 - the precision of 128 bits
    arrow = pa.decimal128(*shape) if narrow else pa.decimal256(*shape)
    return Encoding(
        arrow=arrow,
        wire=pa.string(),
        sql="{c}::text",
        finish=_convert.decimals,
        copied="{c}",
        format="numeric",
        bad=_not_decimal(*shape) if typmod < 0 else "{c} = 'NaN'",
    )


def _not_decimal(precision: int, scale: int) -> str:
    limit = f"1e{precision - scale}"
    return (
        f"CASE WHEN {{c}} = 'NaN' THEN true WHEN abs({{c}}) >= {limit} THEN true "
        f"ELSE {{c}} <> round({{c}}, {scale}) END"
    )


def _shape(typmod: int) -> tuple[int, int]:
    """Return precision and scale; Postgres allows scales below 0 and above the precision."""
    precision = ((typmod - 4) >> 16) & 0xFFFF
    scale = (((typmod - 4) & 0x7FF) ^ 1024) - 1024
    if scale < 0:
        return precision - scale, 0
    return max(precision, scale), scale


def money(_type: TypeInfo, _typmod: int, policy: Policy) -> Encoding:
    """Take the wire form, the number of the smallest units: no text of a locale is read."""
    return Encoding(
        arrow=pa.decimal128(19, policy.money_scale),
        wire=pa.int64(),
        finish=_convert.units,
        format="money",
    )


def array(element: TypeInfo, item: Encoding) -> Encoding:
    """Return the encoding of arrays whose elements travel as *item*."""
    sql, target = _array_sql(element, item)
    refuse = f"('array of dimensions ' || array_dims({{c}}))::{target}[]"
    bad, nulls = _SHAPE, None
    if item.bad is not None:
        is_bad = item.bad.format(c="u.v")
        bad = f"({_SHAPE} OR EXISTS (SELECT FROM unnest({{c}}) AS u(v) WHERE {is_bad}))"
        items = _NULLED_ITEMS.replace("IS_BAD", is_bad)
        nulls = f"CASE WHEN {_SHAPE} THEN NULL ELSE {sql.replace('{c}', items)} END"
    return Encoding(
        arrow=pa.list_(item.arrow),
        wire=pa.list_(item.wire),
        sql=f"CASE WHEN {_SHAPE} THEN {refuse} ELSE {sql} END",
        finish=_convert.lists(item.finish, item.arrow),
        bad=bad,
        nulls=nulls or f"CASE WHEN {_SHAPE} THEN NULL ELSE {sql} END",
        # Its items' format is that of its elements, unless they are sent as something else.
        copied="{c}" if (item.copied or item.sql) == "{c}" else sql,
        format=f"list<{item.format}>",
    )


_SHAPE = "(array_ndims({c}) > 1 OR array_lower({c}, 1) <> 1)"

_NULLED_ITEMS = (
    "(CASE WHEN {c} IS NOT NULL THEN ARRAY(SELECT CASE WHEN IS_BAD THEN NULL ELSE u.v END "
    "FROM unnest({c}) WITH ORDINALITY AS u(v, o) ORDER BY u.o) END)"
)


def _array_sql(element: TypeInfo, item: Encoding) -> tuple[str, str]:
    if item.strip and element.delimiter == ",":
        return "({c}::text)::text[]", "text"
    if item.strip:
        return "{c}::text[]", "text"
    cast = re.search(r"::(\w+)$", item.sql)
    target = cast.group(1) if cast is not None else re.sub(r"([{}])", r"\1\1", element.sql)
    return f"{{c}}::{target}[]", target
